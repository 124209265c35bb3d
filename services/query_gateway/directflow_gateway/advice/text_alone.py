"""What a contract says of a statement that PostgreSQL was not asked about, or did not accept: by the names that the
select list gives alone.

So that an author who has a refused function and no `profile_id` hears of both at once.
"""

from collections.abc import Sequence
from dataclasses import replace

from directflow_runtime.errors import Problem

from directflow_gateway.description import ColumnType, WireType
from directflow_gateway.description.contracts import contract_findings
from directflow_gateway.description.names import parts_of
from directflow_gateway.description.select_list import UNNAMED, select_list_of
from directflow_gateway.execution.server_problem import name_at
from directflow_gateway.sql.limits import DEFAULT, too_large
from directflow_gateway.sql.source_map import Edit, SourceMap, edited
from directflow_gateway.sql.template import problem_at, read

_MEANT = "Did you mean "


def text_contract_problems(template: str, role: str, key_column: str, known: Sequence[Problem]) -> list[Problem]:
    """The broken contracts that the text shows for certain; none where it has a `*` or cannot be parsed.

    `known` are the problems that were found: a misspelt column counts as the one that was meant.
    """
    if too_large(template, DEFAULT) is not None:
        return []
    text, source_map = _without_tags(template)
    select_list = select_list_of(text)
    if select_list is None or select_list.has_star or not select_list.targets:
        return []
    meant = _meant(known)
    names = [meant.get(name, name) for name in select_list.names]
    # The type is not known: a condition's result may well be boolean.
    columns = [ColumnType(name, "boolean", 16, WireType.BOOLEAN) for name in names]
    problems = []
    for problem, index in contract_findings(columns, role, key_column):
        name = names[index] if index >= 0 else ""
        if (problem.rule, name) != ("DUPLICATE_COLUMN", UNNAMED):
            place = select_list.place(index, name)
            at = problem_at(template, source_map.source(place), problem.message, problem.hint, rule=problem.rule)
            problems.append(replace(at, token=name_at(text, place + 1) or at.token))
    return problems


def _without_tags(template: str) -> tuple[str, SourceMap]:
    """The text with every tag outside a literal as a parameter: it stands for a value, and no value names a column."""
    reading = read(template)
    values = (Edit(slot.start, slot.end, "$1") for slot in reading.slots if not slot.is_literal)
    return edited(template, [*values, *(Edit(tag.start, tag.end, " ") for tag in reading.comment_tags)])


def _meant(known: Sequence[Problem]) -> dict[str, str]:
    """Column names that do not exist, and those that the hints say were meant, if any."""
    wrong = ((parts_of(p.token), p.hint) for p in known if p.rule == "UNDEFINED_COLUMN")
    return {
        parts[-1]: parts_of(hint.removeprefix(_MEANT))[-1] if hint.startswith(_MEANT) else UNNAMED
        for parts, hint in wrong
        if parts
    }
