"""What the columns of a statement must be, by what the statement is for (SQL.md 3)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from types import MappingProxyType

from directflow_runtime.errors import Problem

from directflow_gateway.description.names import written
from directflow_gateway.description.result import ColumnType, Description, WireType
from directflow_gateway.description.select_list import select_list_of
from directflow_gateway.execution.server_problem import name_at

PROFILE_ID = "profile_id"
CONTACTS = ("email", "phone")
RESULT = "result"
DEFAULT_KEY = "id"
NOWHERE = -1

Columns = Sequence[ColumnType]
Finding = tuple[Problem, int]
"""A problem, and the index of the column that it is about; -1 where it is about the list as a whole."""


def contract_problems(description: Description, role: str, key_column: str = "") -> list[Problem]:
    """How the columns break the contract of the role ("discovery", "generator", "condition"; others have none).

    `key_column` is the column that a discovery query must have; empty stands for `id`.
    """
    found = contract_findings(description.columns, role, key_column)
    select_list = select_list_of(description.compiled.text) if found else None
    if select_list is None:
        return [problem for problem, _ in found]
    names = [column.name for column in description.columns]
    return [_placed(description, p, select_list.place(i, names[i] if i >= 0 else "")) for p, i in found]


def contract_findings(columns: Columns, role: str, key_column: str = "") -> list[Finding]:
    """The same for columns alone, without places."""
    check = _CONTRACTS.get(role)
    return list(check(columns, key_column)) if check else []


def _placed(description: Description, problem: Problem, offset: int) -> Problem:
    at = description.compiled.problem(offset, problem.rule, problem.message, problem.hint)
    token = name_at(description.compiled.text, offset + 1) or at.token
    return replace(problem, line=at.line, column=at.column, token=token)


def _discovery(columns: Columns, key_column: str) -> Iterator[Finding]:
    key = key_column or DEFAULT_KEY
    if key not in _names(columns):
        yield _missing(
            columns, "KEY_COLUMN_MISSING", key, f"A discovery query must have the key column {written(key)}."
        )
    yield from _duplicates(columns)


def _generator(columns: Columns, _: str) -> Iterator[Finding]:
    names = _names(columns)
    if PROFILE_ID not in names:
        yield _missing(columns, "PROFILE_ID_MISSING", PROFILE_ID, "A generator must have the column profile_id.")
    if not names.intersection(CONTACTS):
        yield _missing(columns, "CONTACT_MISSING", CONTACTS[0], "A generator must have the column email or phone.")
    yield from _duplicates(columns)


def _condition(columns: Columns, _: str) -> Iterator[Finding]:
    if [column.name for column in columns] != [RESULT]:
        found = ", ".join(written(column.name) for column in columns[:5]) or "none"
        yield (
            _problem(
                "RESULT_COLUMN",
                f"A condition must have exactly one column, named result; it has {len(columns)}: {found}.",
                "Write SELECT ... AS result.",
            ),
            0 if columns else NOWHERE,
        )
    elif columns[0].wire is not WireType.BOOLEAN:
        yield (
            _problem(
                "RESULT_NOT_BOOLEAN",
                f"The column result of a condition must be boolean; it is {columns[0].pg_type}.",
                "Write a comparison, such as plan = 'premium' AS result, or EXISTS (...), or CASE WHEN ... THEN true "
                "ELSE false END.",
            ),
            0,
        )


_CONTRACTS: Mapping[str, Callable[[Columns, str], Iterator[Finding]]] = MappingProxyType(
    {"discovery": _discovery, "generator": _generator, "condition": _condition}
)


def _duplicates(columns: Columns) -> Iterator[Finding]:
    names = [column.name for column in columns]
    for name in dict.fromkeys(names):
        if names.count(name) > 1:
            second = names.index(name, names.index(name) + 1)
            message = f"{names.count(name)} columns are named {written(name)}."
            yield _problem("DUPLICATE_COLUMN", message, "Give each column a name of its own with AS."), second


def _missing(columns: Columns, rule: str, name: str, message: str) -> Finding:
    """A similar name is most likely the column that was meant, with a slip or in capitals."""
    candidates = {column.name.lower(): column.name for column in columns}
    closest = get_close_matches(name, list(candidates), 1, 0.6)
    if closest:
        found = candidates[closest[0]]
        index = next(index for index, column in enumerate(columns) if column.name == found)
        return _problem(rule, message, f"Write {written(found)} AS {name}."), index
    keys = [column.name for column in columns if column.name == DEFAULT_KEY]
    if name == PROFILE_ID and keys:
        return _problem(rule, message, f"Write {DEFAULT_KEY} AS {name}, if it is the person's."), NOWHERE
    return _problem(rule, message, f"Write <column> AS {name}, with the column that holds it."), NOWHERE


def _problem(rule: str, message: str, hint: str) -> Problem:
    return Problem(rule, message, field="template", hint=hint)


def _names(columns: Columns) -> frozenset[str]:
    return frozenset(column.name for column in columns)
