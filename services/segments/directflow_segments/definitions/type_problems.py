"""Values that cannot stand where they would have to: what a variable is, and what PostgreSQL wants in its place."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from directflow_runtime.errors import Problem, Severity
from directflow_runtime.variable_kinds import Kind

from directflow_segments.data_sources import Query, Variable
from directflow_segments.definitions.report import VariableUse
from directflow_segments.definitions.source_problems import at_tag
from directflow_segments.definitions.types import Fit, fit, fit_kind, kind_of
from directflow_segments.mapping import PROFILE_ID, VariableSource

MISMATCH = "TYPE_MISMATCH"


@dataclass(frozen=True, slots=True)
class TypeProblems:
    """The types of one query's variables: of the columns that give them, as declared, and as PostgreSQL inferred."""

    query: Query
    sources: Mapping[str, VariableSource]
    columns: Mapping[str, str]
    """Types of the discovery query's columns, by name."""
    profile_id_type: str
    """Type of the generator's column; empty where it is not known."""

    def all(self, uses: tuple[VariableUse, ...]) -> Iterator[Problem]:
        """An ERROR where no value can fit, a WARNING where some may not."""
        for variable in self.query.variables:
            yield from self._of_kind(variable)
        # One variable may stand in several places of one type: once is enough.
        for use in {(use.name, use.inferred_type): use for use in reversed(uses)}.values():
            yield from self._of_use(use)

    def _of_kind(self, variable: Variable) -> Iterator[Problem]:
        """What gives the variable, against its declaration."""
        name, given = variable.name, self._given(variable.name)
        if variable.is_list and (given or self._is_profile(name)):
            origin = given[0] if given else "the person"
            message = f"{name} is declared as a list, and {origin} gives it one single value."
            yield self._problem(name, Severity.ERROR, message, "Remove list, or let callers give it.")
        elif given is not None:
            origin, postgres_type = given
            message = f"{name} is declared as {_article(variable.kind)}, and {origin} is {postgres_type}."
            hint = f"Declare it as {_article(kind_of(postgres_type) or Kind.TEXT)}, or cast the column."
            yield from self._misfit(name, fit_kind(kind_of(postgres_type), variable.kind), message, hint)

    def _of_use(self, use: VariableUse) -> Iterator[Problem]:
        """What gives the variable, and its declaration, against the type that PostgreSQL wants."""
        variable = next((one for one in self.query.variables if one.name == use.name), Variable(use.name))
        inferred = use.inferred_type.removesuffix("[]") if variable.is_list else use.inferred_type
        wanted, given = kind_of(inferred), self._given(use.name)
        if variable.kind is not Kind.TEXT:  # TEXT says nothing: PostgreSQL decides what it means where it stands
            message = (
                f"{use.name} is declared as {_article(variable.kind)}, and PostgreSQL wants {inferred} where it stands."
            )
            hint = f"Declare it as {_article(wanted or Kind.TEXT)}, or compare it with something else."
            yield from self._misfit(use.name, fit(variable.kind, wanted), message, hint, use)
        elif given is not None and not variable.is_list:
            origin, postgres_type = given
            message = f"{use.name} is {postgres_type}, from {origin}, and PostgreSQL wants {inferred} where it stands."
            hint = "Bind it to another column, or compare it with something else."
            yield from self._misfit(use.name, fit(kind_of(postgres_type), wanted), message, hint, use)
        if self._is_profile(use.name):
            yield from self._of_profile(use, wanted)

    def _of_profile(self, use: VariableUse, wanted: Kind | None) -> Iterator[Problem]:
        """A profile's id comes from its caller, who mostly has it from the generator: no more than a warning."""
        if fit(kind_of(self.profile_id_type), wanted) is Fit.NEVER:
            message = (
                f"The generator returns a {PROFILE_ID} that is {self.profile_id_type}, and here PostgreSQL wants "
                f"{use.inferred_type}."
            )
            yield self._problem(use.name, Severity.WARNING, message, "Compare it with a column of the same type.", use)

    def _given(self, name: str) -> tuple[str, str] | None:
        """Where from, and of which type, when a column of the segment gives the value."""
        source = self.sources.get(name)
        if source is None or source.column not in self.columns:
            return None
        return f'the discovery column "{source.column}"', self.columns[source.column]

    def _is_profile(self, name: str) -> bool:
        source = self.sources.get(name)
        return source is not None and source.rule == "profile"

    def _misfit(
        self, name: str, how: Fit, message: str, hint: str, use: VariableUse | None = None
    ) -> Iterator[Problem]:
        if how is Fit.NEVER:
            yield self._problem(name, Severity.ERROR, f"{message} No such value fits.", hint, use)
        elif how is Fit.SOMETIMES:
            yield self._problem(name, Severity.WARNING, f"{message} Not every such value fits.", hint, use)

    def _problem(
        self, name: str, severity: Severity, message: str, hint: str, use: VariableUse | None = None
    ) -> Problem:
        problem = at_tag(self.query, name, severity, MISMATCH, message, hint)
        if use is None or not use.line:
            return problem
        return replace(problem, line=use.line, column=use.column)


def _article(kind: Kind) -> str:
    return f"{'an' if kind is Kind.INTEGER else 'a'} {kind.value}"
