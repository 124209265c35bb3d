"""What the columns of a statement must be, by what the statement is for (SQL.md 3)."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from types import MappingProxyType

from directflow_runtime.errors import Problem

from directflow_gateway.description.names import written
from directflow_gateway.description.result import ColumnType, Description, WireType

PROFILE_ID = "profile_id"
CONTACTS = ("email", "phone")
RESULT = "result"
DEFAULT_KEY = "id"

Columns = Sequence[ColumnType]


def contract_problems(description: Description, role: str, key_column: str = "") -> list[Problem]:
    """How the columns break the contract of the role ("discovery", "generator", "condition"; others have none).

    `key_column` is the column that a discovery query must have; empty stands for `id`.
    """
    check = _CONTRACTS.get(role)
    return list(check(description.columns, key_column)) if check else []


def _discovery(columns: Columns, key_column: str) -> Iterator[Problem]:
    key = key_column or DEFAULT_KEY
    if key not in _names(columns):
        yield _missing(
            columns, "KEY_COLUMN_MISSING", key, f"A discovery query must have the key column {written(key)}."
        )
    yield from _duplicates(columns)


def _generator(columns: Columns, _: str) -> Iterator[Problem]:
    names = _names(columns)
    if PROFILE_ID not in names:
        yield _missing(columns, "PROFILE_ID_MISSING", PROFILE_ID, "A generator must have the column profile_id.")
    if not names.intersection(CONTACTS):
        yield _missing(columns, "CONTACT_MISSING", CONTACTS[0], "A generator must have the column email or phone.")
    yield from _duplicates(columns)


def _condition(columns: Columns, _: str) -> Iterator[Problem]:
    if [column.name for column in columns] != [RESULT]:
        found = ", ".join(written(column.name) for column in columns[:5]) or "none"
        yield _problem(
            "RESULT_COLUMN",
            f"A condition must have exactly one column, named result; it has {len(columns)}: {found}.",
            "Write SELECT ... AS result.",
        )
    elif columns[0].wire is not WireType.BOOLEAN:
        yield _problem(
            "RESULT_NOT_BOOLEAN",
            f"The column result of a condition must be boolean; it is {columns[0].pg_type}.",
            "Write a comparison, or EXISTS (...), or CASE WHEN ... THEN true ELSE false END.",
        )


_CONTRACTS: Mapping[str, Callable[[Columns, str], Iterator[Problem]]] = MappingProxyType(
    {"discovery": _discovery, "generator": _generator, "condition": _condition}
)


def _duplicates(columns: Columns) -> Iterator[Problem]:
    for name, count in Counter(column.name for column in columns).items():
        if count > 1:
            yield _problem(
                "DUPLICATE_COLUMN",
                f"{count} columns are named {written(name)}.",
                "Give each column a name of its own with AS.",
            )


def _missing(columns: Columns, rule: str, name: str, message: str) -> Problem:
    names = _names(columns)
    candidates = {known.lower(): known for known in names}
    closest = get_close_matches(name, list(candidates), 1, 0.6)
    if closest:
        return _problem(rule, message, f"Write {written(candidates[closest[0]])} AS {name}.")
    return _problem(rule, message, f"Write <column> AS {name}.")


def _problem(rule: str, message: str, hint: str) -> Problem:
    return Problem(rule, message, field="template", hint=hint)


def _names(columns: Columns) -> frozenset[str]:
    return frozenset(column.name for column in columns)
