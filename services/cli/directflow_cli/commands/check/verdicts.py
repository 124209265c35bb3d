"""What came out of one check, and how the gateway's answer becomes a verdict."""

import enum
import json
from dataclasses import dataclass
from typing import Final

from directflow_runtime.errors import DirectFlowError, StatusCode


class Verdict(enum.Enum):
    """The five things that can come out."""

    OK = "ok"
    """It ran to its end; rows, columns and digest are filled."""
    REJECTED = "rejected"
    """Refused before it could do anything: by DirectFlow, or by the server's own checks (reason SERVER_REFUSED)."""
    VALUE_REJECTED = "value_rejected"
    """The statement is good; PostgreSQL does not take this value where its variable stands (`sqlstate` says why)."""
    LIMIT = "limit"
    """Ended by a limit: time, rows, bytes, the size of a row, or one of PostgreSQL's own."""
    ERROR = "error"
    """Anything else: stored data, infrastructure, a defect."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One line of the output."""

    id: str
    verdict: Verdict
    rows: int | None = None
    columns: int | None = None
    digest: str | None = None
    sqlstate: str | None = None
    reason: str | None = None
    message: str | None = None

    def as_json(self) -> str:
        """One line of JSON, ASCII only: an id may hold anything."""
        return json.dumps(self.as_dict())

    def as_dict(self) -> dict[str, object]:
        """The documented keys in the documented order."""
        return {
            "id": self.id,
            "verdict": self.verdict.value,
            "rows": self.rows,
            "columns": self.columns,
            "digest": self.digest,
            "sqlstate": self.sqlstate,
            "reason": self.reason,
            "message": self.message,
        }


SERVER_REFUSED: Final = "SERVER_REFUSED"
_SERVER_REFUSALS: Final = {"25006", "42501"}
_REJECTING: Final = {"STATEMENT_REFUSED", "DEFINITION_BROKEN", SERVER_REFUSED, "INVALID_REQUEST"}
_LIMITING: Final = {
    "STATEMENT_TIMEOUT",
    "DEADLINE_EXCEEDED",
    "STREAM_TOO_OLD",
    "IDLE_TIMEOUT",
    "ROW_LIMIT_EXCEEDED",
    "BYTE_LIMIT_EXCEEDED",
    "ROW_TOO_LARGE",
}


def outcome_of_error(id: str, error: DirectFlowError) -> Outcome:
    """The verdict of a call that failed."""
    sqlstate = error.sqlstate or None
    if sqlstate in _SERVER_REFUSALS:
        return Outcome(id, Verdict.REJECTED, sqlstate=sqlstate, reason=SERVER_REFUSED, message=_message(error))
    reason = error.reason or error.code.name
    return Outcome(id, _verdict(error), sqlstate=sqlstate, reason=reason, message=_message(error))


def _verdict(error: DirectFlowError) -> Verdict:
    if error.reason == "VARIABLE_REJECTED":
        # Without a code PostgreSQL was never asked: no value, a NUL in it, not Unicode, too long.
        return Verdict.VALUE_REJECTED if error.sqlstate else Verdict.REJECTED
    if error.reason in _REJECTING:
        return Verdict.REJECTED
    if error.reason in _LIMITING or error.code is StatusCode.DEADLINE_EXCEEDED or _is_limit(error.sqlstate):
        return Verdict.LIMIT
    return Verdict.ERROR


def _is_limit(sqlstate: str) -> bool:
    """PostgreSQL's own limits: memory and disk (53), program limits (54), a number that no type can hold (22003)."""
    return sqlstate[:2] in ("53", "54") or sqlstate in ("22003", "57014")


def _message(error: DirectFlowError) -> str:
    """The message, and the first place that it is about."""
    place = next((f"line {problem.line}, column {problem.column}" for problem in error.problems if problem.line), "")
    return f"{place}: {error.message}" if place and place not in error.message else error.message
