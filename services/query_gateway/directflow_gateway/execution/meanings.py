"""The one table from SQLSTATE to status, reason and sentence.

https://www.postgresql.org/docs/current/errcodes-appendix.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from directflow_runtime.errors import StatusCode

RETRY_AFTER_S = 1.0


@dataclass(frozen=True, slots=True)
class Meaning:
    """What callers are told about an error of the server."""

    code: StatusCode
    reason: str
    sentence: str
    """Ours, without its full stop: the condition's name follows."""
    retry_after: float | None = None
    """Seconds until the same call may succeed."""


UNREACHABLE = Meaning(
    StatusCode.UNAVAILABLE,
    "DATABASE_UNREACHABLE",
    "The database cannot be reached, or it ended the session",
    RETRY_AFTER_S,
)
LOGIN = Meaning(StatusCode.FAILED_PRECONDITION, "CREDENTIALS_REJECTED", "The database refused the login")
CONFLICT = Meaning(
    StatusCode.ABORTED, "SNAPSHOT_CONFLICT", "The statement collided with other work on the database; try it again"
)
TIMEOUT = Meaning(
    StatusCode.DEADLINE_EXCEEDED,
    "STATEMENT_TIMEOUT",
    "PostgreSQL worked longer on the statement than the limit allows",
)
LOCK_TIMEOUT = Meaning(
    StatusCode.DEADLINE_EXCEEDED,
    "STATEMENT_TIMEOUT",
    "Another session held a lock on a table of the statement for longer than the limit allows",
)
IDLE = Meaning(StatusCode.DEADLINE_EXCEEDED, "IDLE_TIMEOUT", "The session was idle for longer than the limit allows")
PERMISSION = Meaning(
    StatusCode.FAILED_PRECONDITION,
    "PERMISSION_DENIED_BY_DATABASE",
    "The database role may not read something that the statement names; it needs a GRANT",
)
WRITE = Meaning(
    StatusCode.FAILED_PRECONDITION, "SERVER_REFUSED", "PostgreSQL stopped the statement because it tried to write"
)
BROKEN = Meaning(StatusCode.FAILED_PRECONDITION, "DEFINITION_BROKEN", "PostgreSQL refuses the statement")
DATA = Meaning(StatusCode.FAILED_PRECONDITION, "DATA_ERROR", "Stored data made the statement fail")
TOO_BIG = Meaning(
    StatusCode.RESOURCE_EXHAUSTED,
    "BYTE_LIMIT_EXCEEDED",
    "The statement needs more memory, disk or nesting than the database server gives",
)
UNKNOWN = Meaning(StatusCode.INTERNAL, "INTERNAL", "The statement failed for a reason that DirectFlow does not know")

_BY_STATE: Mapping[str, Meaning] = MappingProxyType(
    {
        "25006": WRITE,
        "25P03": IDLE,
        "25P04": TIMEOUT,  # transaction_timeout, PostgreSQL 17 and later
        "2F002": WRITE,
        "2F003": WRITE,
        "2F004": WRITE,
        "38002": WRITE,
        "38003": WRITE,
        "38004": WRITE,
        "42501": PERMISSION,
        "42P05": UNKNOWN,  # a prepared statement twice: our mistake, not the author's
        "53300": UNREACHABLE,  # too many connections
        "53400": TOO_BIG,  # temp_file_limit
        "55006": CONFLICT,  # an object in use
        "55P03": LOCK_TIMEOUT,
        "57014": TIMEOUT,
        "57P01": UNREACHABLE,
        "57P02": UNREACHABLE,
        "57P03": UNREACHABLE,
        "57P04": UNREACHABLE,
        "57P05": UNREACHABLE,
        "72000": CONFLICT,  # snapshot too old
    }
)
_BY_CLASS: Mapping[str, Meaning] = MappingProxyType(
    {
        "08": UNREACHABLE,
        "0A": BROKEN,
        "10": DATA,
        "20": DATA,
        "21": DATA,  # more than one row from a subquery
        "22": DATA,
        "23": DATA,  # a domain's CHECK
        "28": LOGIN,
        "2F": DATA,
        "38": DATA,
        "39": DATA,
        "3F": BROKEN,
        "40": CONFLICT,  # serialization failure, deadlock; a standby's recovery conflict is 40001 too
        "42": BROKEN,  # at run time: a table that was dropped after the Describe
        "53": TOO_BIG,
        "54": TOO_BIG,
        "55": DATA,  # a materialized view that was never populated
        "HV": DATA,  # a foreign server behind the database
        "P0": DATA,  # RAISE in a function
    }
)


def meaning_of(sqlstate: str) -> Meaning:
    """What a SQLSTATE means when nothing else is known of the error."""
    return _BY_STATE.get(sqlstate) or _BY_CLASS.get(sqlstate[:2], UNKNOWN)
