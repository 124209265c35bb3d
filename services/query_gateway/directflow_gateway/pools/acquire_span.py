"""Spans of a wait for a session. Whoever gets an idle one at once has none: there was nothing to wait for.

The wait is the caller's; logins are the pool's, which serves whoever waits. So a login is shown beneath the first who
waits when it begins, and goes on when he leaves.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from opentelemetry.trace import Span, SpanKind, Tracer, set_span_in_context, use_span

from directflow_gateway import telemetry_names as names
from directflow_gateway.connections import Connection
from directflow_gateway.execution.connection import GatewayConnection
from directflow_gateway.failed_span import fail

ACQUIRE: Final = "pool acquire"
ADMISSION: Final = "admission"
CONNECT: Final = "connect"
WORTH_TELLING_S: Final = 0.001


class Acquisition:
    """One caller's wait. `ended` or `failed` is called once."""

    __slots__ = ("_began", "_connection", "_tracer", "span")

    def __init__(self, tracer: Tracer, connection: Connection) -> None:
        self._tracer = tracer
        self._connection = connection
        self._began = time.monotonic()
        self.span: Span | None = None
        """None until there is something to tell."""

    def waits(self) -> Span:
        """There is no session for this caller yet."""
        if self.span is None:
            started = time.time_ns() - int((time.monotonic() - self._began) * 1e9)
            attributes = _attributes(self._connection)
            self.span = self._tracer.start_span(ACQUIRE, attributes=attributes, start_time=started)
        return self.span

    def ended(self, opened_at: float, in_use: int, size: int) -> None:
        """There is one. `opened_at` on the clock of `time.monotonic()`; `in_use` sessions of `size`."""
        if self.span is None and time.monotonic() - self._began < WORTH_TELLING_S:
            return
        span = self.waits()
        if span.is_recording():
            span.set_attribute(names.POOL_OPENED, opened_at > self._began)
            self._tell(span, in_use, size)
        span.end()

    def failed(self, error: BaseException, in_use: int, size: int) -> None:
        """There is none."""
        span = self.waits()
        if span.is_recording():
            self._tell(span, in_use, size)
            fail(span, error)
        span.end()

    def _tell(self, span: Span, in_use: int, size: int) -> None:
        span.set_attribute(names.POOL_WAIT_MS, round((time.monotonic() - self._began) * 1000, 3))
        span.set_attribute(names.POOL_IN_USE, in_use)
        span.set_attribute(names.POOL_SIZE, size)


class Wanted(asyncio.Future[GatewayConnection]):
    """A session for somebody who waits."""

    def __init__(self, span: Span) -> None:
        super().__init__(loop=asyncio.get_running_loop())
        self.span = span
        """Of the wait."""


@contextmanager
def opening_span(tracer: Tracer, name: str, connection: Connection, waiting: Span | None) -> Iterator[Span]:
    """A span beneath that of a caller who waits, current within the block: ADMISSION or CONNECT."""
    parent = set_span_in_context(waiting) if waiting is not None else None
    kind = SpanKind.CLIENT if name == CONNECT else SpanKind.INTERNAL
    span = tracer.start_span(name, parent, kind, _attributes(connection))
    try:
        with use_span(span, record_exception=False, set_status_on_exception=False):
            yield span
    except BaseException as error:
        fail(span, error)
        raise
    finally:
        span.end()


def _attributes(connection: Connection) -> dict[str, str]:
    return {names.CONNECTION: connection.name, names.DB_NAMESPACE: connection.database}
