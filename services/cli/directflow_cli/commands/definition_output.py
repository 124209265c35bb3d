"""What `apply`, `validate` and `diff` say: sentences for people, one JSON document for programs."""

import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from directflow_cli.commands.exit_codes import ExitCode
from directflow_cli.commands.options import OutputFormat
from directflow_cli.commands.output import write_json, write_json_line
from directflow_cli.commands.printable import printable
from directflow_cli.commands.session import tell
from directflow_cli.definitions.applying import Applied
from directflow_cli.definitions.differences import Difference
from directflow_cli.definitions.finding_text import finding_lines
from directflow_cli.definitions.places import Finding, Level
from directflow_cli.definitions.steps import Action, Outcome, Step


def applied(output: OutputFormat, result: Applied) -> None:
    """What became of each definition, and everything that was said about it."""
    if output is not OutputFormat.TABLE:
        _document(output, {"dry_run": result.dry_run, "resources": _records(result), **_problems(result.all_findings)})
        return
    _show(result.all_findings)
    width = max((len(step.manifest.label) for step in result.steps), default=0)
    for step in result.steps:
        reason = f": {printable(step.reason)}" if step.reason else ""
        sys.stdout.write(f"{step.manifest.label:<{width}}  {_done(step, result.dry_run)}{reason}\n")
    counts = Counter(_verb(step, result.dry_run) for step in result.steps)
    sys.stdout.write(", ".join(f"{count} {verb}" for verb, count in counts.items()) + "\n")
    if result.exit_code is not ExitCode.OK and not result.dry_run:
        tell(_unfinished(result))


def validated(output: OutputFormat, result: Applied) -> None:
    """What is wrong; and what could not be checked yet."""
    if output is not OutputFormat.TABLE:
        _document(output, {"resources": _records(result), **_problems(result.all_findings)})
        return
    _show(result.all_findings)
    for step in result.steps:
        if step.reason:
            tell(f"{step.manifest.label}: {printable(step.reason)}")
    sys.stdout.write(_verdict(len(result.steps), result.all_findings) + "\n")


def checked(output: OutputFormat, count: int, findings: Sequence[Finding]) -> None:
    """What `validate --offline` found."""
    if output is not OutputFormat.TABLE:
        _document(output, _problems(findings))
        return
    _show(findings)
    sys.stdout.write(_verdict(count, findings) + "\n")


def problems(output: OutputFormat, findings: Sequence[Finding]) -> None:
    """What is wrong with files that cannot be read, for programs."""
    _document(output, {"resources": [], **_problems(findings)})


def differences(output: OutputFormat, found: Sequence[Difference]) -> ExitCode:
    """The diffs; NEGATIVE where there are any."""
    if output is OutputFormat.TABLE:
        for one in found:
            sys.stdout.write(one.text)
    else:
        records = [{"name": one.name, "action": one.action.value, "diff": one.text} for one in found]
        _document(output, {"resources": records})
    return ExitCode.NEGATIVE if any(one.action is not Action.NOTHING for one in found) else ExitCode.OK


def _document(output: OutputFormat, record: dict[str, Any]) -> None:
    if output is OutputFormat.JSON:
        write_json(record)
    else:
        write_json_line(record)


def _show(findings: Iterable[Finding]) -> None:
    if lines := list(finding_lines(findings)):
        tell("\n".join(lines))


def _records(result: Applied) -> list[dict[str, Any]]:
    return [
        {
            "kind": step.manifest.kind.name,
            "name": step.name,
            "action": step.action.value,
            "outcome": step.outcome.value if not result.dry_run else None,
            "revision": step.revision or None,
            "reason": step.reason or None,
        }
        for step in result.steps
    ]


def _problems(findings: Sequence[Finding]) -> dict[str, Any]:
    return {"problems": [finding.record() for finding in findings]}


def _verb(step: Step, dry_run: bool) -> str:
    if dry_run and step.outcome is Outcome.NOT_WRITTEN:
        return "to be created" if step.action is Action.CREATE else "to be updated"
    return step.outcome.value


def _done(step: Step, dry_run: bool) -> str:
    written = step.outcome in (Outcome.CREATED, Outcome.UPDATED)
    return _verb(step, dry_run) + (f" (revision {step.revision})" if written else "")


def _unfinished(result: Applied) -> str:
    written = [step for step in result.steps if step.outcome in (Outcome.CREATED, Outcome.UPDATED)]
    if not written:
        return "nothing was written"
    return f"{len(written)} of {len(result.steps)} were written; apply again when that is mended, and it does the rest"


def _verdict(count: int, findings: Sequence[Finding]) -> str:
    levels = Counter(finding.level for finding in findings)
    found = [_many(levels[level], level.value) for level in Level if levels[level]]
    return f"{_many(count, 'definition')}: {', '.join(found) or 'nothing to complain about'}"


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' if count != 1 and noun != Level.UNCHECKED else ''}"
