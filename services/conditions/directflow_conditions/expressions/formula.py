"""Kleene's three-valued logic over columns: what an expression comes to for one profile or for ten thousand.

With FALSE below ERROR below TRUE, AND is the minimum and OR the maximum: FALSE AND ERROR is FALSE, TRUE OR ERROR is
TRUE. Policies have decided at the leaves, so NOT meets decisions only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from directflow_conditions.policies import DECISION_CODES, RAW_CODES, Decision, Raw, bytes_table

Truths = npt.NDArray[np.uint8]

FALSE: Final = 0
ERROR: Final = 1
TRUE: Final = 2

_TRUTHS: Final = {Decision.FALSE: FALSE, Decision.ERROR: ERROR, Decision.TRUE: TRUE}
_RAWS: Final = {FALSE: Raw.FALSE, ERROR: Raw.ERROR, TRUE: Raw.TRUE}


_TRUTH_OF_DECISION: Final = bytes_table({DECISION_CODES[decision]: truth for decision, truth in _TRUTHS.items()})
_RAW_OF_TRUTH: Final = bytes_table({truth: RAW_CODES[raw] for truth, raw in _RAWS.items()})


@dataclass(frozen=True, slots=True)
class Leaf:
    """A condition that is asked, decided by its own policy."""

    index: int
    """Among the plan's leaves."""
    decisions: bytes
    """Policy.table() of it."""


@dataclass(frozen=True, slots=True)
class Conjunction:
    """AND of other nodes."""

    operands: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Disjunction:
    """OR of other nodes."""

    operands: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Inverse:
    """NOT of another node."""

    operand: int


@dataclass(frozen=True, slots=True)
class Decided:
    """An expression that another one names: what its own policy makes of ERROR."""

    operand: int
    on_error: Decision


Node = Leaf | Conjunction | Disjunction | Inverse | Decided


@dataclass(frozen=True, slots=True)
class Formula:
    """An expression over leaves; operands stand before what joins them."""

    nodes: tuple[Node, ...]
    root: int

    def evaluate(self, raws: Sequence[bytes]) -> "Evaluated":
        """`raws`: the outcomes of each leaf (RAW_CODES), all of one length."""
        truths: list[Truths] = []
        for node in self.nodes:
            truths.append(_truths(node, truths, raws))
        return Evaluated(self, truths)


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What a formula came to."""

    formula: Formula
    truths: list[Truths]

    @property
    def raw(self) -> bytes:
        """TRUE, FALSE or ERROR for each profile (RAW_CODES)."""
        return self.truths[self.formula.root].tobytes().translate(_RAW_OF_TRUTH)

    def undecided(self) -> list[int]:
        """Indexes of the profiles for which it is ERROR."""
        found: list[int] = np.flatnonzero(self.truths[self.formula.root] == ERROR).tolist()
        return found

    def cause(self, index: int) -> int:
        """The first leaf, among the plan's leaves, that makes it ERROR for this profile.

        A leaf that is ERROR need not be a cause: beside a FALSE it decides nothing.
        """
        node = self.formula.root
        while True:
            match self.formula.nodes[node]:
                case Leaf(leaf, _):
                    return leaf
                case Inverse(operand) | Decided(operand, _):
                    node = operand
                case Conjunction(operands) | Disjunction(operands):
                    node = next(operand for operand in operands if self.truths[operand][index] == ERROR)


def _truths(node: Node, truths: list[Truths], raws: Sequence[bytes]) -> Truths:
    match node:
        case Leaf(index, decisions):
            return _from_bytes(raws[index].translate(decisions).translate(_TRUTH_OF_DECISION))
        case Conjunction(operands):
            return _reduced(np.minimum, operands, truths)
        case Disjunction(operands):
            return _reduced(np.maximum, operands, truths)
        case Inverse(operand):
            return np.subtract(TRUE, truths[operand], dtype=np.uint8)
        case Decided(operand, on_error):
            settled = truths[operand].copy()
            settled[settled == ERROR] = _TRUTHS[on_error]
            return settled


def _from_bytes(codes: bytes) -> Truths:
    return np.frombuffer(codes, np.uint8)


def _reduced(join: Any, operands: tuple[int, ...], truths: list[Truths]) -> Truths:
    joined = truths[operands[0]]
    for operand in operands[1:]:
        joined = join(joined, truths[operand])
    return joined
