"""The word for an error in a span: the reason that callers, log lines and metrics have for it."""

import asyncio

from directflow_runtime.calls import current_call
from directflow_runtime.errors import DirectFlowError


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
