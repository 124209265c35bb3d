"""What checking a condition finds out about it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from directflow_runtime.errors import Problem

from directflow_conditions.condition import Condition


@dataclass(frozen=True, slots=True)
class VariableUse:
    """One occurrence of a variable in the SQL."""

    name: str
    inferred_type: str
    """PostgreSQL's name of the type that it has there."""
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class DescribedQuery:
    """What the customer's own server says of a statement."""

    uses: tuple[VariableUse, ...]
    message: bytes = field(repr=False)
    """All that it says, as the API shows it."""


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that is known of a condition without having asked it."""

    problems: tuple[Problem, ...] = ()
    query: DescribedQuery | None = None
    """Of a condition over SQL that PostgreSQL could describe."""
    sources: Mapping[str, str] = field(default_factory=dict)
    """Where the value of each variable comes from."""


class Describer(Protocol):
    """The way to the customer's server."""

    async def describe(self, condition: Condition) -> tuple[list[Problem], DescribedQuery | None]:
        """What is wrong with the SQL of a condition, and what the server says of it; nothing runs.

        Raises what says nothing of the definition: a server or the gateway that cannot be asked.
        """
