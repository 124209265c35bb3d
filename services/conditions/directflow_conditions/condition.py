"""Conditions as their authors saved them, and the port through which the service finds them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from directflow_runtime.variable_kinds import Kind

from directflow_conditions.expressions.expression import Expression
from directflow_conditions.policies import Policy
from directflow_conditions.predicates.predicate import Predicate
from directflow_conditions.template import variable_names

Scalar = None | bool | int | float | str
Value = Scalar | tuple[Scalar, ...]
"""One value of a variable. Text carries dates, timestamps, uuids and exact decimals as well."""


@dataclass(frozen=True, slots=True)
class Variable:
    """What the author says of one variable of a template."""

    name: str
    kind: Kind = Kind.TEXT
    is_list: bool = False
    optional: bool = False
    """True: a call without a value gets `default`."""
    default: Value = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class SqlQuery:
    """A question to the customer's own database about one profile."""

    connection: str
    """`workspaces/{workspace}/connections/{connection}`, of the condition's own workspace."""
    sql: str
    """The author's template, byte for byte: one row, one boolean column `result`."""
    declared: tuple[Variable, ...] = ()
    """Variables of which the author says something; every other one is a required text."""
    variables: tuple[Variable, ...] = field(init=False)
    """Every variable that the SQL needs, in the order of its tags. Declared and unused ones are not among them."""
    known_names: frozenset[str] = field(init=False)
    """Variables that a call may give: those used, and those declared and not used any more."""
    needed_names: frozenset[str] = field(init=False)
    """Variables that have no default, the person's own among them."""

    def __post_init__(self) -> None:
        declared = {variable.name: variable for variable in self.declared}
        used = tuple(declared.get(name, Variable(name)) for name in variable_names(self.sql))
        # Made once, since every call asks for them.
        derived = {
            "variables": used,
            "known_names": frozenset(variable.name for variable in (*self.declared, *used)),
            "needed_names": frozenset(variable.name for variable in used if not variable.optional),
        }
        for name, value in derived.items():
            object.__setattr__(self, name, value)


@dataclass(frozen=True, slots=True)
class Condition:
    """A question about one profile, and what each of its outcomes decides."""

    name: str
    """`workspaces/{workspace}/conditions/{condition}`."""
    definition: SqlQuery | Predicate | Expression
    policy: Policy = field(default_factory=Policy)
    revision: int = 0
    """0 where the definition stands in the settings file, which keeps no revisions."""

    @property
    def workspace(self) -> str:
        """The workspace's id."""
        return workspace_of(self.name)


def workspace_of(name: str) -> str:
    """The workspace's id in a resource name."""
    return name.split("/", 2)[1]


class DefinitionSource(Protocol):
    """Where conditions are found, in memory."""

    def find(self, name: str) -> Condition | None:
        """The condition of that resource name, or None. May raise DEFINITION_BROKEN for one that is there and that this
        version cannot read."""


class FixedDefinitions:
    """Conditions that do not change while the process lives."""

    def __init__(self, conditions: Iterable[Condition]) -> None:
        self._by_name: Mapping[str, Condition] = {condition.name: condition for condition in conditions}

    def find(self, name: str) -> Condition | None:
        return self._by_name.get(name)
