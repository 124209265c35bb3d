"""From what the SQL said to what the flow does: raw outcomes, decisions, and the policy between them.

A policy decides at the leaf, before any NOT. Were NOT applied to raw outcomes, a person without a row would be outside
of "is premium" and outside of "is not premium" at once, and nobody would have said so.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


class Raw(enum.Enum):
    """What a condition came to for one profile."""

    TRUE = "TRUE"
    FALSE = "FALSE"
    NULL = "NULL"
    """The one row's `result` is NULL."""
    NO_ROW = "NO_ROW"
    MULTIPLE_ROWS = "MULTIPLE_ROWS"
    ERROR = "ERROR"
    """It could not be told for this profile: its data, its value or its time."""


class Decision(enum.Enum):
    """What a flow branches on. ERROR is neither branch: the caller must handle it."""

    TRUE = "TRUE"
    FALSE = "FALSE"
    ERROR = "ERROR"

    def negated(self) -> "Decision":
        """NOT of a decision; what could not be decided stays undecided."""
        return _NEGATED[self]


RAW_CODES: Final[Mapping[Raw, int]] = {raw: code for code, raw in enumerate(Raw, 1)}
DECISION_CODES: Final[Mapping[Decision, int]] = {decision: code for code, decision in enumerate(Decision, 1)}
"""One byte each, where there are many: batches hold `bytes` instead of objects. 0 is never one of them."""

_NEGATED = {Decision.TRUE: Decision.FALSE, Decision.FALSE: Decision.TRUE, Decision.ERROR: Decision.ERROR}


@dataclass(frozen=True, slots=True)
class Policy:
    """What each raw outcome decides; TRUE and FALSE decide themselves. Defaults as in `conditions.v1.Policy`."""

    on_null: Decision = Decision.FALSE
    on_no_row: Decision = Decision.FALSE
    on_multiple_rows: Decision = Decision.ERROR
    on_error: Decision = Decision.ERROR

    def decide(self, raw: Raw) -> Decision:
        """The decision for one raw outcome; total, so that a new outcome cannot slip through as FALSE."""
        match raw:
            case Raw.TRUE:
                return Decision.TRUE
            case Raw.FALSE:
                return Decision.FALSE
            case Raw.NULL:
                return self.on_null
            case Raw.NO_ROW:
                return self.on_no_row
            case Raw.MULTIPLE_ROWS:
                return self.on_multiple_rows
            case Raw.ERROR:
                return self.on_error

    def table(self) -> bytes:
        """For `bytes.translate`: from RAW_CODES to DECISION_CODES, a million at a time."""
        return bytes_table({code: DECISION_CODES[self.decide(raw)] for raw, code in RAW_CODES.items()})


def bytes_table(codes: Mapping[int, int]) -> bytes:
    """For `bytes.translate`: `codes`, and 0 for every other byte."""
    table = bytearray(256)
    for code, meaning in codes.items():
        table[code] = meaning
    return bytes(table)
