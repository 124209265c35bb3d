"""What one tuple of values came to: three-valued, with everything that is neither true nor false told apart."""

import enum

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


CONCERNS_THE_TUPLE = frozenset(
    {
        "DATA_ERROR",
        "VARIABLE_REJECTED",
        "STATEMENT_TIMEOUT",
        "ROW_LIMIT_EXCEEDED",
        "ROW_TOO_LARGE",
        "BYTE_LIMIT_EXCEEDED",
    }
)
"""Reasons that another tuple of values need not share. Everything else (an unreachable database, a broken definition)
is the status of the call: nobody is served by ten thousand copies of it."""
LOCK_NOT_AVAILABLE = "55P03"
"""A table is locked, whoever is asked about."""


def concerns_the_tuple(error: DirectFlowError) -> bool:
    """True when the error is this tuple's own outcome rather than the call's status."""
    is_shared = error.code is StatusCode.UNAVAILABLE or error.sqlstate == LOCK_NOT_AVAILABLE
    return error.reason in CONCERNS_THE_TUPLE and not is_shared
