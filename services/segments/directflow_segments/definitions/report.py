"""What checking a data source said, and the port to whoever says what PostgreSQL makes of a query."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from directflow_runtime.errors import Problem

from directflow_segments.data_sources import Query, Role

FIELDS: Final[Mapping[Role, str]] = {
    Role.DISCOVERY: "discovery_sql",
    Role.GENERATOR: "generator_sql",
    Role.PRELOAD: "preload_sql",
}
"""The field of the definition that holds each query: problems point there."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a query's result."""

    name: str
    postgres_type: str
    """PostgreSQL's own name of its type, modifiers included."""


@dataclass(frozen=True, slots=True)
class VariableUse:
    """One occurrence of a variable."""

    name: str
    inferred_type: str
    """PostgreSQL's name of the type that stands there."""
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Described:
    """What is known of one query without having run it."""

    problems: tuple[Problem, ...] = ()
    columns: tuple[Column, ...] | None = None
    """None where PostgreSQL could not describe it."""
    uses: tuple[VariableUse, ...] = ()
    encoded: bytes = field(default=b"", repr=False)
    """The gateway's own report of the query, which is passed on with everything that it says; empty without one."""


class Describer(Protocol):
    """Who can describe a query on the customer's own server."""

    async def describe(self, query: Query) -> Described:
        """A broken query is an answer. Raises DirectFlowError where nobody can be asked."""


@dataclass(frozen=True, slots=True)
class QueryReport:
    """One query of the report."""

    role: Role
    described: Described
    sources: Mapping[str, str]
    """By variable, the rule that gives it its value; a variable of which that is not known is left out."""


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that checking a data source said."""

    problems: tuple[Problem, ...]
    queries: tuple[QueryReport, ...]
