"""A boolean expression as its author wrote it: conditions by name, joined by AND, OR and NOT."""

from dataclasses import dataclass
from typing import Final

MAX_OPERANDS: Final = 64
"""Of one AND or OR, as the API says."""


@dataclass(frozen=True, slots=True)
class Named:
    """A condition of the same workspace: its decision, by its own policy."""

    condition: str
    """`workspaces/{workspace}/conditions/{condition}`."""


@dataclass(frozen=True, slots=True)
class AllOf:
    """True where all operands are."""

    operands: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """True where any operand is."""

    operands: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Negation:
    """True where the operand is false."""

    operand: "Expression"


Expression = Named | AllOf | AnyOf | Negation
