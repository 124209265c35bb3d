"""No call without an end: a deadline is mandatory, and one that is too far away is brought nearer."""

import asyncio
import math
import time
from collections.abc import Callable
from typing import Any, Final

from directflow_runtime.calls import current_record
from directflow_runtime.errors import DirectFlowError, StatusCode
from directflow_runtime.interceptors.drain import Drain, draining
from directflow_runtime.interceptors.method import Handler, Method

ANSWER_MARGIN_S: Final = 0.05
ANSWER_MARGIN_SHARE: Final = 0.05
"""We stop this much before the caller does (the smaller of the two), so that our answer, with its reason and its
trace id, arrives before the caller's own timer ends the call with nothing. Two hops stop in the right order, too."""


class Deadline:
    """Refuses calls without a deadline, ends the others in time, and ends watches when the drain begins."""

    def __init__(self, max_unary_s: float, max_stream_s: float, drain: Drain) -> None:
        self._max_unary_s = max_unary_s
        self._max_stream_s = max_stream_s
        self._drain = drain

    def wrap(self, method: Method, inner: Handler) -> Handler:
        """Runs `inner` until the deadline; then it is cancelled, and the caller gets DEADLINE_EXCEEDED."""
        if method.is_watch:
            return self._watch(inner)
        streams = method.streams_requests or method.streams_responses
        longest = self._max_stream_s if streams else self._max_unary_s

        async def timed(request: Any, context: Any) -> Any:
            deadline = time.monotonic() + _allowed(context.time_remaining(), longest)
            _note_deadline(deadline)
            scope = asyncio.timeout_at(deadline)  # the loop's clock is the monotonic one
            return await _within(scope, inner, request, context, _exceeded)

        return timed

    def _watch(self, inner: Handler) -> Handler:
        async def watched(request: Any, context: Any) -> Any:
            _note_deadline(math.inf)
            scope = asyncio.timeout(None)
            with self._drain.watching(scope):
                return await _within(scope, inner, request, context, draining)

        return watched


async def _within(
    scope: asyncio.Timeout, inner: Handler, request: Any, context: Any, expired: Callable[[], DirectFlowError]
) -> Any:
    try:
        async with scope:
            return await inner(request, context)
    except DirectFlowError:
        raise  # it knows better than the clock what it waited for
    except Exception as error:
        # A driver may answer the cancel with an exception of its own: the clock is still the cause.
        if scope.expired():
            raise expired() from error
        raise


def _allowed(remaining: float | None, longest: float) -> float:
    if remaining is None:
        raise DirectFlowError(
            StatusCode.INVALID_ARGUMENT, "DEADLINE_REQUIRED", "a call needs a deadline; set a timeout on the client"
        )
    return min(remaining - min(ANSWER_MARGIN_S, remaining * ANSWER_MARGIN_SHARE), longest)


def _note_deadline(deadline: float) -> None:
    record = current_record()
    if record is not None:
        record.deadline = deadline


def _exceeded() -> DirectFlowError:
    return DirectFlowError(StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED", "the deadline of the call has passed")
