"""An error in a span: by the reason that callers, log lines and metrics have for it."""

import asyncio

from directflow_runtime.calls import current_call
from directflow_runtime.errors import DirectFlowError
from opentelemetry.trace import Span, Status, StatusCode

from directflow_gateway import telemetry_names as names


def fail(span: Span, error: BaseException) -> None:
    """Marks the span with the reason and, where there are, its cause and PostgreSQL's SQLSTATE. Not `record_exception`:
    its text is the driver's and may hold values."""
    reason = reason_of(error)
    span.set_attribute(names.ERROR_TYPE, reason)
    if isinstance(error, DirectFlowError):
        if cause := error.metadata.get("cause"):
            span.set_attribute(names.CAUSE, cause)
        if error.sqlstate:
            span.set_attribute(names.DB_RESPONSE_STATUS_CODE, error.sqlstate)
    span.set_status(Status(StatusCode.ERROR, reason))


def reason_of(error: BaseException) -> str:
    """A reason of the API. What ends a task or a generator from outside is the caller's leaving, or the call's time
    being over; anything else that is no error of ours is a defect, and told by its type."""
    if isinstance(error, DirectFlowError):
        return error.reason
    if isinstance(error, asyncio.CancelledError | GeneratorExit):
        return "DEADLINE_EXCEEDED" if _is_late() else "CANCELLED"
    return type(error).__name__


def _is_late() -> bool:
    try:
        return current_call().remaining() <= 0
    except LookupError:
        return False
