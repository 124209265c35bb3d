"""What is wrong with where variables get their values: bindings, variables that nothing gives, or that nothing uses."""

import difflib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from directflow_runtime.errors import Problem, Severity

from directflow_segments.data_sources import DataSource, Query, Role
from directflow_segments.definitions.report import FIELDS
from directflow_segments.definitions.sources import Expected, wanted_from_segment
from directflow_segments.mapping import ID_COLUMN, PROFILE_ID
from directflow_segments.template import first_tags


def at_tag(query: Query, name: str, severity: Severity, rule: str, message: str, hint: str = "") -> Problem:
    """A problem at the first tag of a variable."""
    tag = first_tags(query.template)[name]
    return Problem(rule, message, severity, FIELDS[query.role], tag.line, tag.column, tag.text, hint)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A sentence, or nothing where nothing is close."""
    close = difflib.get_close_matches(name, sorted(known), n=1)
    return f"Did you mean {close[0]}?" if close else ""


# --- bindings ---------------------------------------------------------------------------------------------------------


def binding_problems(
    data_source: DataSource, columns: Collection[str] | None, bound: Collection[str]
) -> Iterator[Problem]:
    """`columns`: of the discovery query, None where they are not known. `bound`: the generator's variables."""
    for name, column in sorted(data_source.bindings.items()):
        if name not in bound:
            yield _unused_binding(data_source, name, bound)
        if columns is not None and column not in columns:
            yield _broken_binding(data_source, name, column, columns)


def _unused_binding(data_source: DataSource, name: str, bound: Collection[str]) -> Problem:
    message = f"No tag of the generator is named {name}, so that this binding gives nothing."
    hint = did_you_mean(name, bound) or "Remove it."
    if data_source.preload_sql and name in data_source.query(Role.PRELOAD).variable_names:
        hint = "A preload has no segment: nothing can be bound there."
    return Problem("BINDING_UNUSED", message, Severity.WARNING, f"bindings.{name}", token=name, hint=hint)


def _broken_binding(data_source: DataSource, name: str, column: str, columns: Collection[str]) -> Problem:
    message = f'{name} is bound to the column "{column}", which the discovery query does not return.'
    hint = did_you_mean(column, columns) or f"It returns {', '.join(columns)}."
    if not data_source.discovery_sql:
        message = f'There is no discovery query whose column "{column}" could give {name} its value.'
        hint = "Write discovery_sql, or remove the binding."
    return Problem("BINDING_COLUMN_MISSING", message, field=f"bindings.{name}", token=column, hint=hint)


# --- variables --------------------------------------------------------------------------------------------------------


def unused_problems(data_source: DataSource, used: Collection[str]) -> Iterator[Problem]:
    """Variables that are declared, and stand in no query. `used`: those that do."""
    declared = {variable.name for variable in data_source.variables}
    for variable in data_source.variables:
        if variable.name not in used:
            hint = did_you_mean(variable.name, set(used) - declared) or "Remove it, or use it."
            message = f"No query has a tag of the variable {variable.name}."
            field = f"variables.{variable.name}"
            yield Problem("VARIABLE_UNUSED", message, Severity.WARNING, field, token=variable.name, hint=hint)


@dataclass(frozen=True, slots=True)
class SourceProblems:
    """What there is to say of the sources of one query's variables."""

    data_source: DataSource
    query: Query
    expected: Expected
    columns: Collection[str] | None
    """Of the discovery query; None where they are not known."""

    def all(self) -> Iterator[Problem]:
        """Nothing of them refuses the definition: a caller may give every variable."""
        if self.query.role is Role.PRELOAD:
            yield from self._of_preload()
        elif self.query.role is Role.DISCOVERY or self.columns is not None:
            yield from self._guessed()
            yield from self._from_callers(self.expected.rivals)

    def _of_preload(self) -> Iterator[Problem]:
        columns = self.columns if self.columns is not None else (ID_COLUMN,)
        wanted = wanted_from_segment(self.data_source, self.query, columns)
        told = [name for name in self._told() if name in wanted]
        for name in told:
            message = (
                f"A preload has no segment: {name} takes nothing from one, for that would be the segment's value, and "
                "show one person another one's data. Every call must give it."
            )
            yield self._warning(name, "PRELOAD_WITHOUT_SEGMENT", message, f"Write <%= {PROFILE_ID} %> for the person.")
        yield from self._from_callers(told)
        if PROFILE_ID not in self.query.variable_names:
            message = f"The preload has no tag of {PROFILE_ID}: it returns the same row for everybody."
            hint = f"Compare a column with '<%= {PROFILE_ID} %>'."
            yield Problem("PROFILE_ID_UNUSED", message, Severity.WARNING, FIELDS[Role.PRELOAD], hint=hint)

    def _guessed(self) -> Iterator[Problem]:
        for name, source in self.expected.sources.items():
            if source.warning:
                hint = f"Write bindings: {{{name}: {source.column}}}."
                yield self._warning(name, "VARIABLE_FROM_ID", source.warning, hint)
        if self.expected.rivals:
            names = " and ".join(self.expected.rivals)
            message = f'{names} have no source: where a call leaves out one of them, it takes the column "{ID_COLUMN}".'
            hint = "Bind the one that is the segment's, and declare the others: calls give them."
            yield self._warning(self.expected.rivals[0], "VARIABLES_FROM_ID", message, hint)

    def _from_callers(self, but: Collection[str]) -> Iterator[Problem]:
        """Who declares a required variable without a default says that callers give it, and needs no warning."""
        declared = {variable.name for variable in self.data_source.variables}
        for name in self._told():
            if name not in declared and name not in but:
                close = did_you_mean(name, self._nearby())
                hint = close or "Declare it, to say that calls give it, or give it a default."
                message = f"Nothing but the caller gives {name} its value: every call must."
                yield self._warning(name, "VARIABLE_FROM_CALLER", message, hint)

    def _told(self) -> list[str]:
        return [name for name, source in self.expected.sources.items() if source.rule == "caller"]

    def _nearby(self) -> set[str]:
        """What an author may have meant that has a source."""
        nearby = {variable.name for variable in self.data_source.variables}
        if self.query.role is Role.PRELOAD:
            return nearby | {PROFILE_ID}
        return nearby | set(self.columns or ()) if self.query.role is Role.GENERATOR else nearby

    def _warning(self, name: str, rule: str, message: str, hint: str) -> Problem:
        return at_tag(self.query, name, Severity.WARNING, rule, message, hint)
