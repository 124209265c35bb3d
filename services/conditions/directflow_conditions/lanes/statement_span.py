"""The span of a statement that several callers share.

It begins a trace of its own that links to each of them, and each of them links to it: a link is what leads from one
trace to another. A statement with one caller is a part of that caller's trace, exactly as if there were no lane.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager
from typing import Final

from directflow_runtime import telemetry_names as names
from directflow_runtime.errors import DirectFlowError
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode, Tracer, use_span

from directflow_conditions.lanes.batch import Batch
from directflow_conditions.lanes.waiter import Waiter

NAME: Final = "evaluate together"
MAX_LINKS: Final = 128


@contextmanager
def statement_span(tracer: Tracer, batch: Batch, again: Set[Waiter] = frozenset()) -> Iterator[Span]:
    """The current span within the block is the statement's, or its one caller's; the block gets it.

    `again`: callers of another statement already, who did not wait for this one.
    """
    callers = [waiter.span for waiter in batch.waiters]
    _tell_waits(batch, again)
    if len(callers) == 1:
        with use_span(callers[0], record_exception=False, set_status_on_exception=False) as span:
            yield span
    else:
        with _shared_span(tracer, batch, callers) as span:
            yield span


def tell_vain_wait(waiter: Waiter, waited_for: Span) -> None:
    """The caller leaves before a statement of its own: what it waited for in vain is one link away."""
    if waiter.span.is_recording():
        _tell_wait(waiter, time.monotonic())
        waiter.span.add_link(waited_for.get_span_context())


def _tell_waits(batch: Batch, again: Set[Waiter]) -> None:
    """What each caller waited for the statement before this one."""
    now = time.monotonic()
    for waiter in batch.waiters:
        if waiter.span.is_recording() and waiter not in again:
            _tell_wait(waiter, now)


def _tell_wait(waiter: Waiter, now: float) -> None:
    waiter.span.set_attribute(names.LANE_WAIT_MS, round((now - waiter.since) * 1000, 3))


@contextmanager
def _shared_span(tracer: Tracer, batch: Batch, callers: Sequence[Span]) -> Iterator[Span]:
    # Recorded callers first: whether the statement is recorded is decided by those that it has links to.
    ids = sorted((caller.get_span_context() for caller in callers), key=lambda ids: not ids.trace_flags.sampled)
    links = [Link(caller) for caller in ids[:MAX_LINKS]]
    span = tracer.start_span(NAME, Context(), SpanKind.INTERNAL, _attributes(batch), links)
    for caller in callers:
        if caller.is_recording():
            caller.add_link(span.get_span_context())
    try:
        with use_span(span, record_exception=False, set_status_on_exception=False):
            yield span
    except BaseException as error:
        span.set_attribute(names.ERROR_TYPE, _reason_of(error))
        span.set_status(Status(StatusCode.ERROR))
        raise
    finally:
        span.end()


def _attributes(batch: Batch) -> dict[str, str | int]:
    conditions = batch.waiters[0].question.conditions
    return {
        names.WORKSPACE: conditions[0].workspace,
        names.RESOURCE: conditions[0].name,
        names.ROWS: len(batch),
        names.CALLERS: len(batch.waiters),
    }


def _reason_of(error: BaseException) -> str:
    if isinstance(error, asyncio.CancelledError):  # nobody waits any more
        return "CANCELLED"
    return error.reason if isinstance(error, DirectFlowError) else "INTERNAL"
