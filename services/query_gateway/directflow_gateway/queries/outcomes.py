"""What one tuple of values came to: three-valued, with everything that is neither true nor false told apart."""

import enum
from dataclasses import dataclass

from directflow_runtime.errors import DirectFlowError, StatusCode


class Outcome(enum.Enum):
    """What one evaluation or fetch came to."""

    TRUE = "true"
    FALSE = "false"
    NULL = "null"
    ROW = "row"
    NO_ROW = "no row"
    MULTIPLE_ROWS = "multiple rows"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Evaluated:
    """An outcome and, with ERROR, why."""

    outcome: Outcome
    error: DirectFlowError | None = None


BOOLEANS = {"t": Outcome.TRUE, "f": Outcome.FALSE, None: Outcome.NULL}
"""A boolean cell in PostgreSQL's text form."""

CONCERNS_THE_TUPLE = frozenset({"DATA_ERROR", "VARIABLE_REJECTED"})
"""Reasons that another tuple of values need not share. Everything else (an unreachable database, a broken definition)
is the status of the call: nobody is served by ten thousand copies of it."""


def concerns_the_tuple(error: DirectFlowError) -> bool:
    """True when the error is this tuple's own outcome rather than the call's status."""
    return error.reason in CONCERNS_THE_TUPLE and error.code is not StatusCode.UNAVAILABLE
