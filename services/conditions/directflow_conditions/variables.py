"""Which value each variable of a condition gets: the person first, then the caller, then the author's default."""

import difflib
from collections.abc import Collection, Mapping, Sequence

from directflow_runtime.errors import DirectFlowError, FieldViolation, StatusCode

from directflow_conditions.condition import Condition, SqlQuery, Value

PROFILE_ID = "profile_id"
MISSING = "VARIABLE_MISSING"
UNKNOWN = "VARIABLE_UNKNOWN"


def check(leaves: Sequence[Condition], given: Collection[str], columns: Collection[str] = ()) -> None:
    """Refuses a call that lacks a value or brings one that no condition has; the error lists all of them at once.

    `columns` are the variables that differ from profile to profile. A call for several conditions brings one set of
    values: it is enough that one of the conditions knows a name. Only conditions over SQL have variables.
    """
    asked = {leaf.name: leaf.definition for leaf in leaves if isinstance(leaf.definition, SqlQuery)}
    all_given = {PROFILE_ID, *given, *columns}
    if not columns and all(query.needed_names <= all_given <= query.known_names for query in asked.values()):
        return  # what nearly every call is
    violations = [*_missing(asked, all_given), *_unknown(asked, all_given), *_lists(asked, columns)]
    if not violations:
        return
    first = violations[0]
    metadata = {"variable": first.field.removeprefix("variables.")}
    raise DirectFlowError(
        StatusCode.INVALID_ARGUMENT,
        first.reason,
        f"{first.field}: {first.description}",
        metadata=metadata,
        violations=violations,
    )


def settled(query: SqlQuery, given: Mapping[str, Value], columns: Collection[str] = ()) -> dict[str, Value]:
    """A value for every variable of the statement but the person, who travels as the tuple, and those in `columns`.

    The person outranks a caller's variable of the same name: a flow that carries somebody else's id changes nothing.
    """
    return {
        variable.name: given.get(variable.name, variable.default)
        for variable in query.variables
        if variable.name != PROFILE_ID and variable.name not in columns
    }


def _missing(asked: Mapping[str, SqlQuery], given: Collection[str]) -> list[FieldViolation]:
    needed_by: dict[str, str] = {}
    for condition, query in asked.items():
        for variable in query.variables:
            if not variable.optional and variable.name not in given and variable.name != PROFILE_ID:
                needed_by.setdefault(variable.name, condition)
    return [
        FieldViolation(f"variables.{name}", f"{condition} needs a value for it", MISSING)
        for name, condition in needed_by.items()
    ]


def _unknown(asked: Mapping[str, SqlQuery], given: Collection[str]) -> list[FieldViolation]:
    known = frozenset[str]().union(*(query.known_names for query in asked.values()))
    return [
        FieldViolation(
            f"variables.{name}", "there is no such variable" + _did_you_mean(name, known - set(given)), UNKNOWN
        )
        for name in sorted(set(given) - known - {PROFILE_ID})
    ]


def _lists(asked: Mapping[str, SqlQuery], columns: Collection[str]) -> list[FieldViolation]:
    lists = {variable.name for query in asked.values() for variable in query.variables if variable.is_list}
    wrong = "takes a list, and the cells of a column are none"
    return [FieldViolation(f"variables.{name}", wrong, "INVALID_REQUEST") for name in sorted(lists & set(columns))]


def _did_you_mean(name: str, candidates: Collection[str]) -> str:
    close = difflib.get_close_matches(name, sorted(candidates), n=1)
    return f"; did you mean {close[0]}?" if close else ""
