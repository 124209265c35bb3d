"""Spans of a wait for a session. Whoever gets an idle one at once has none: there was nothing to wait for.

The wait is the caller's; logins are the pool's, which serves whoever waits. So a login is shown beneath the first who
waits when it begins, and goes on when he leaves; the others' spans say how much of their wait it was.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from opentelemetry.trace import Span, SpanKind, Tracer, set_span_in_context, use_span

from directflow_gateway import telemetry_names as names
from directflow_gateway.connections import Connection
from directflow_gateway.failed_span import fail
from directflow_gateway.pools.waits import WORTH_TELLING_S, Spent, Waits, milliseconds, tell

ACQUIRE: Final = "pool acquire"
ADMISSION: Final = "admission"
CONNECT: Final = "connect"


class Acquisition:
    """One caller's wait. `ended` or `failed` is called once."""

    __slots__ = ("_began", "_connection", "_credential_s", "_spent", "_tracer", "_waits", "span")

    def __init__(self, tracer: Tracer, connection: Connection, waits: Waits) -> None:
        """`waits`: the pool's."""
        self._tracer = tracer
        self._connection = connection
        self._waits = waits
        self._began = time.monotonic()
        self._credential_s: float | None = None
        self._spent: Spent | None = None
        """What the pool had spent when this caller began to wait for it."""
        self.span: Span | None = None
        """None until there is something to tell."""

    def has_credential(self) -> None:
        """The credential, which comes first, has been read, or was there."""
        self._credential_s = time.monotonic() - self._began

    def waits(self) -> Span:
        """There is no session for this caller yet."""
        if self.span is None:
            self._spent = self._waits.so_far()
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
        if self._credential_s is None:
            self.has_credential()  # it was all that was waited for
        span = self.waits()
        if span.is_recording():
            span.set_attribute(names.POOL_OPENED, False)
            self._tell(span, in_use, size)
            fail(span, error)
        span.end()

    def _tell(self, span: Span, in_use: int, size: int) -> None:
        spent = self._waits.so_far().since(self._spent or Spent())
        wait_s = time.monotonic() - self._began
        span.set_attribute(names.POOL_WAIT_MS, milliseconds(wait_s))
        tell(span, names.POOL_CREDENTIAL_MS, (self._credential_s or 0.0) + spent.credential)
        tell(span, names.POOL_ADMISSION_MS, spent.admission)
        if spent.admission > wait_s / 2:
            span.set_attribute(names.CAUSE, self._waits.budget)
        tell(span, names.POOL_CONNECT_MS, spent.login + spent.examination)
        span.set_attribute(names.POOL_IN_USE, in_use)
        span.set_attribute(names.POOL_SIZE, size)


@contextmanager
def opening_span(
    tracer: Tracer, name: str, connection: Connection, waiting: Span | None, waits: Waits
) -> Iterator[Span]:
    """A span beneath that of a caller who waits, current within the block: ADMISSION or CONNECT."""
    parent = set_span_in_context(waiting) if waiting is not None else None
    kind = SpanKind.CLIENT if name == CONNECT else SpanKind.INTERNAL
    span = tracer.start_span(name, parent, kind, _attributes(connection))
    try:
        with (
            use_span(span, record_exception=False, set_status_on_exception=False),
            waits.told_by(span) if name == CONNECT else waits.admission,
        ):
            yield span
    except BaseException as error:
        fail(span, error)
        raise
    finally:
        span.end()


def _attributes(connection: Connection) -> dict[str, str]:
    return {names.CONNECTION: connection.name, names.DB_NAMESPACE: connection.database}
