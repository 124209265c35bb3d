"""From a segment, a person and a caller to the value of every variable, and by which rule each got it.

The rules, in their order, for a generator: a binding; a segment column of the variable's name; the caller; where just
one required variable is then without a value and its name ends in `_id`, the segment's column `id`, with a warning; the
author's default. In a preload the person comes first, and there is no segment: `user_id` would take the community's id
there, and show one person another one's data.
"""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from directflow_runtime.errors import DirectFlowError, FieldViolation, StatusCode

from directflow_segments.data_sources import DataSource, Query, Role, Scalar, Value, Variable

PROFILE_ID = "profile_id"
ID_COLUMN = "id"
MISSING = "VARIABLE_MISSING"
UNKNOWN = "VARIABLE_UNKNOWN"


@dataclass(frozen=True, slots=True)
class VariableSource:
    """Where a variable's value came from."""

    name: str
    rule: str
    """"binding", "same name", "caller", "segment id", "default" or "profile"."""
    column: str = ""
    """The segment's column, where it came from there."""
    warning: str = ""


@dataclass(frozen=True, slots=True)
class Mapped:
    """A value for every variable of a query."""

    values: Mapping[str, Value] = field(repr=False)
    """Without the person, who travels as a tuple."""
    sources: tuple[VariableSource, ...]


@dataclass(frozen=True, slots=True)
class Given:
    """What a call brings along."""

    caller: Mapping[str, Value] = field(default_factory=dict, repr=False)
    segment: Mapping[str, Scalar] = field(default_factory=dict, repr=False)
    """The segment's row, by column; empty where there is none."""
    has_person: bool = False


def map_variables(data_source: DataSource, query: Query, given: Given) -> Mapped:
    """Raises INVALID_ARGUMENT (VARIABLE_MISSING, VARIABLE_UNKNOWN) with everything that is wrong at once, and
    FAILED_PRECONDITION (CONTRACT_BROKEN) where a binding names a column that the segment does not have."""
    _check_bindings(data_source, query, given)
    sources = sources_of(data_source, query, given)
    settled = [source for source in sources.values() if source is not None]
    missing = [name for name, source in sources.items() if source is None]
    _refuse(missing, sorted(set(given.caller) - data_source.known_variables), data_source)
    return Mapped({s.name: _value(s, query, given) for s in settled if s.rule != "profile"}, tuple(settled))


def sources_of(data_source: DataSource, query: Query, given: Given) -> dict[str, VariableSource | None]:
    """Which rule gives each variable of the query its value; None where none does.

    Only names are looked at, but for the caller's values that a segment overrules: the check of a definition asks this
    for calls that nobody has made yet.
    """
    sources = {variable.name: _source(data_source, variable, given) for variable in query.variables}
    lacking = [variable for variable in query.variables if sources[variable.name] is None]
    if len(lacking) == 1 and query.role is Role.GENERATOR:
        sources[lacking[0].name] = _from_id(lacking[0], given)
    return sources


def _source(data_source: DataSource, variable: Variable, given: Given) -> VariableSource | None:
    name = variable.name
    if given.has_person and name == PROFILE_ID:
        return VariableSource(name, "profile")
    column = data_source.bindings.get(name, name)
    if column in given.segment:
        rule = "binding" if name in data_source.bindings else "same name"
        return VariableSource(name, rule, column, _overruled(name, column, given))
    if name in given.caller:
        return VariableSource(name, "caller")
    return VariableSource(name, "default") if variable.optional else None


def _overruled(name: str, column: str, given: Given) -> str:
    if name not in given.caller or given.caller[name] == given.segment[column]:
        return ""
    return f"The caller's value was not used: the segment's column \"{column}\" gives this variable."


def _from_id(variable: Variable, given: Given) -> VariableSource | None:
    if not variable.name.endswith("_id") or variable.name == "_id" or ID_COLUMN not in given.segment:
        return None
    warning = f'{variable.name} takes the segment\'s column "{ID_COLUMN}" by its name alone; bind it to say so.'
    return VariableSource(variable.name, "segment id", ID_COLUMN, warning)


def _value(source: VariableSource, query: Query, given: Given) -> Value:
    if source.column:
        return given.segment[source.column]
    if source.rule == "caller":
        return given.caller[source.name]
    return next(variable.default for variable in query.variables if variable.name == source.name)


def _check_bindings(data_source: DataSource, query: Query, given: Given) -> None:
    if not given.segment:
        return
    for variable in query.variables:
        column = data_source.bindings.get(variable.name)
        if column is not None and column not in given.segment:
            raise DirectFlowError(
                StatusCode.FAILED_PRECONDITION,
                "CONTRACT_BROKEN",
                f'{data_source.name} binds {variable.name} to the column "{column}", which the discovery query does '
                "not return.",
            )


def _refuse(missing: Iterable[str], unknown: Iterable[str], data_source: DataSource) -> None:
    violations = [*_violations(missing, unknown, data_source)]
    if not violations:
        return
    first = violations[0]
    raise DirectFlowError(
        StatusCode.INVALID_ARGUMENT,
        first.reason,
        f"{first.field}: {first.description}.",
        metadata={"variable": first.field.removeprefix("variables.")},
        violations=violations,
    )


def _violations(missing: Iterable[str], unknown: Iterable[str], data_source: DataSource) -> Iterator[FieldViolation]:
    for name in missing:
        yield FieldViolation(f"variables.{name}", "neither the segment nor the call has a value for it", MISSING)
    for name in unknown:
        close = difflib.get_close_matches(name, sorted(data_source.known_variables), n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        yield FieldViolation(f"variables.{name}", f"the data source has no such variable{hint}", UNKNOWN)
