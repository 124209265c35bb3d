"""Which value each variable of a condition gets: the person first, then the caller, then the author's default."""

import difflib
from collections.abc import Collection, Mapping, Sequence

from directflow_runtime.errors import DirectFlowError, FieldViolation, StatusCode

from directflow_conditions.definitions import Condition, Value

PROFILE_ID = "profile_id"
MISSING = "VARIABLE_MISSING"
UNKNOWN = "VARIABLE_UNKNOWN"


def check(conditions: Sequence[Condition], given: Collection[str]) -> None:
    """Refuses a call that lacks a value or brings one that no condition has; the error lists all of them at once.

    A call for several conditions brings one set of values: it is enough that one of the conditions knows a name.
    """
    violations = [*_missing(conditions, given), *_unknown(conditions, given)]
    if not violations:
        return
    first = violations[0]
    raise DirectFlowError(
        StatusCode.INVALID_ARGUMENT,
        first.reason,
        f"{first.field}: {first.description}",
        metadata={"variable": first.field.removeprefix("variables.")},
        violations=violations,
    )


def constants(condition: Condition, given: Mapping[str, Value]) -> dict[str, Value]:
    """A value for every variable of the statement but the person, who travels as the tuple.

    The person outranks a caller's variable of the same name: a flow that carries somebody else's id changes nothing.
    """
    return {
        variable.name: given.get(variable.name, variable.default)
        for variable in condition.variables
        if variable.name != PROFILE_ID
    }


def _missing(conditions: Sequence[Condition], given: Collection[str]) -> list[FieldViolation]:
    needed_by: dict[str, str] = {}
    for condition in conditions:
        for variable in condition.variables:
            if not variable.optional and variable.name not in given and variable.name != PROFILE_ID:
                needed_by.setdefault(variable.name, condition.name)
    return [
        FieldViolation(f"variables.{name}", f"{condition} needs a value for it", MISSING)
        for name, condition in needed_by.items()
    ]


def _unknown(conditions: Sequence[Condition], given: Collection[str]) -> list[FieldViolation]:
    known = frozenset[str]().union(*(condition.known_names for condition in conditions))
    return [
        FieldViolation(
            f"variables.{name}", "there is no such variable" + _did_you_mean(name, known - set(given)), UNKNOWN
        )
        for name in sorted(set(given) - known - {PROFILE_ID})
    ]


def _did_you_mean(name: str, candidates: Collection[str]) -> str:
    close = difflib.get_close_matches(name, sorted(candidates), n=1)
    return f"; did you mean {close[0]}?" if close else ""
