"""Findings as a compiler prints them: file, line and column, the line itself, a caret, and what to write instead."""

import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Final

from rich.cells import cell_len

from directflow_cli.commands.printable import printable
from directflow_cli.definitions.places import Finding, Level

MOST_OF_A_FILE: Final = 100
"""Findings that are shown: of a file that is no file of definitions, thousands would hide the first."""
LONGEST_LINE = 240
"""Characters of a line that is shown; a longer one is cut around the caret."""
_SECRET: Final = re.compile(r"passw|pwd|secret|token|credential|api_?key", re.IGNORECASE)
_PRIVATE_KEY: Final = "PRIVATE KEY"


def finding_lines(findings: Iterable[Finding]) -> Iterator[str]:
    """File by file in the order of their lines; of more than 100 in a file, errors before warnings."""
    for name, of_file in groupby(sorted(findings, key=_order), key=_file):
        found = list(of_file)
        shown = sorted(sorted(found, key=_is_warning)[:MOST_OF_A_FILE], key=_order)
        for finding in shown:
            yield from lines_of(finding)
        if len(found) > len(shown):
            yield f"{printable(name)}{': ' if name else ''}and {len(found) - len(shown)} more"


def lines_of(finding: Finding) -> Iterator[str]:
    """One finding."""
    where = f"{printable(finding.place.label)}: " if finding.place else ""
    yield f"{where}{finding.level.value}: {printable(finding.message)} [{finding.rule}]"
    if finding.sql is not None:
        sql = finding.sql
        yield from _excerpt(f"SQL {sql.line}:{sql.column}", sql.text, sql.column, sql.length)
    elif finding.place is not None:
        at = finding.place
        if at.line <= len(at.source.lines) and not _may_hold_a_secret(finding, at.source.lines[at.line - 1]):
            yield from _excerpt(str(at.line), at.source.lines[at.line - 1], at.column, at.length)
    for number, line in enumerate(finding.hint.splitlines()):
        yield f"{'  hint: ' if number == 0 else ' ' * 8}{printable(line)}"


def _may_hold_a_secret(finding: Finding, line: str) -> bool:
    """Somebody wrote a password where there is none, or a key among the certificates: the logs of a CI keep what is
    printed."""
    return _PRIVATE_KEY in line or (finding.rule in ("UNKNOWN_FIELD", "YAML") and _SECRET.search(line) is not None)


def _excerpt(number: str, text: str, column: int, length: int) -> Iterator[str]:
    start = max(0, column - LONGEST_LINE // 2) if len(text) > LONGEST_LINE else 0
    shown = text[start : start + LONGEST_LINE]
    at = column - 1 - start
    # Tabs become blanks, and the caret counts terminal cells: a wide character takes two.
    before, marked = (_cells(part) for part in (shown[:at], shown[at : at + length]))
    head = f"{number:>5}"
    yield f"{head} | {printable(shown.replace(chr(9), ' '))}"
    yield f"{' ' * len(head)} | {' ' * before}{'^' * max(1, marked)}"


def _cells(text: str) -> int:
    return cell_len(printable(text.replace("\t", " ")))


def _order(finding: Finding) -> tuple[str, int, int, bool]:
    at = finding.place
    return (at.source.name, at.line, at.column, _is_warning(finding)) if at else ("", 0, 0, False)


def _file(finding: Finding) -> str:
    return finding.place.source.name if finding.place else ""


def _is_warning(finding: Finding) -> bool:
    return finding.level is Level.WARNING
