"""Data sources: three queries over one connection, and how their variables get values."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from directflow_runtime.definitions.resources import unreadable
from directflow_runtime.errors import DirectFlowError, StatusCode
from directflow_runtime.variable_kinds import Kind

from directflow_segments.audience.reachability import ContactRules
from directflow_segments.template import variable_names

__all__ = ["DataSource", "DataSourceBook", "Kind", "Query", "Role", "Scalar", "Value", "Variable", "found"]

Scalar = None | bool | int | float | str
Value = Scalar | tuple[Scalar, ...]
"""The value of a variable. Text also carries dates, timestamps, uuids and exact decimals."""


@dataclass(frozen=True, slots=True)
class Variable:
    """What an author says of one variable. One that nothing is said of is a required text."""

    name: str
    kind: Kind = Kind.TEXT
    is_list: bool = False
    optional: bool = False
    """True: where nothing gives a value it is `default`."""
    default: Value = field(default=None, repr=False)
    description: str = ""


class Role(enum.Enum):
    """Which of its queries."""

    DISCOVERY = "discovery"
    GENERATOR = "generator"
    PRELOAD = "preload"


@dataclass(frozen=True, slots=True)
class Query:
    """One query of a data source, as the gateway needs it."""

    role: Role
    connection: str
    template: str = field(repr=False)
    variables: tuple[Variable, ...]
    """Those that the template names, in the order of its tags."""
    definition: str
    """Name of the data source: a label for spans and the customer's DBA."""
    revision: int
    key_column: str

    @property
    def variable_names(self) -> frozenset[str]:
        """Of every tag."""
        return frozenset(variable.name for variable in self.variables)


@dataclass(frozen=True, slots=True)
class DataSource:
    """`workspaces/{workspace}/dataSources/{data_source}`."""

    name: str
    connection: str
    generator_sql: str = field(repr=False)
    discovery_sql: str = field(default="", repr=False)
    """Empty: there are no segments."""
    preload_sql: str = field(default="", repr=False)
    display_name: str = ""
    key_column: str = "id"
    """The discovery column that tells segments apart."""
    variables: tuple[Variable, ...] = ()
    bindings: Mapping[str, str] = field(default_factory=dict)
    """From a variable's name to the discovery column that gives its value."""
    contact_rules: ContactRules = field(default_factory=ContactRules)
    revision: int = 0
    """0 where the definition stands in the settings file, which keeps no revisions."""

    def query(self, role: Role) -> Query:
        """One of the three queries. CONTRACT_BROKEN where the data source does not have it."""
        template = self._template(role)
        if not template:
            raise DirectFlowError(
                StatusCode.FAILED_PRECONDITION, "CONTRACT_BROKEN", f"{self.name} has no {role.value} query."
            )
        declared = {variable.name: variable for variable in self.variables}
        variables = tuple(declared.get(name, Variable(name)) for name in variable_names(template))
        return Query(role, self.connection, template, variables, self.name, self.revision, self.key_column)

    @property
    def roles(self) -> tuple[Role, ...]:
        """Which of the three queries it has."""
        return tuple(role for role in Role if self._template(role))

    def _template(self, role: Role) -> str:
        by_role = {
            Role.DISCOVERY: self.discovery_sql,
            Role.GENERATOR: self.generator_sql,
            Role.PRELOAD: self.preload_sql,
        }
        return by_role[role]

    @property
    def known_variables(self) -> frozenset[str]:
        """Every name that a call may give a value for: those declared, and those in any of the queries."""
        used = (name for role in Role for name in variable_names(self._template(role)))
        return frozenset((*used, *(variable.name for variable in self.variables)))


class DataSourceBook(Protocol):
    """Where data sources are found, in memory: those of the settings file, and what a watch of the store tells."""

    def find(self, name: str) -> DataSource | None:
        """The data source of that name."""

    def is_unreadable(self, name: str) -> bool:
        """True where a newer version saved something under that name which this one cannot read."""


def found(book: DataSourceBook, name: str) -> DataSource:
    """The data source of that name. Raises DATA_SOURCE_NOT_FOUND, and DEFINITION_BROKEN where it is there and this
    version cannot read it."""
    data_source = book.find(name)
    if data_source is None:
        if book.is_unreadable(name):
            raise unreadable("data source", name)
        raise DirectFlowError(
            StatusCode.NOT_FOUND,
            "DATA_SOURCE_NOT_FOUND",
            f"There is no data source {name}.",
            metadata={"data_source": name},
        )
    return data_source
