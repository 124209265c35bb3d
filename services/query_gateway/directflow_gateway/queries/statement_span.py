"""One span for each statement on a customer's server. Stable database conventions; never a value, never a literal.

It says where the time went: planning, PostgreSQL, or a caller who did not read. What is left of it is our own.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from directflow_runtime.calls import CallRecord, current_record
from opentelemetry import trace
from opentelemetry.trace import SpanKind, Status, StatusCode

from directflow_gateway import telemetry_names as names
from directflow_gateway.execution import StreamProgress
from directflow_gateway.execution.wire import Wire
from directflow_gateway.failed_span import fail, reason_of
from directflow_gateway.queries.statement import Statement
from directflow_gateway.queries.statement_meter import StatementMeter
from directflow_gateway.queries.statement_texts import StatementTexts

PROGRESS_EVERY_S: Final = 10.0
AT_ONE_PACE: Final = 16
"""So many progress events come at one pace, then half as often: a span keeps 128, and hours of a stream fit into them,
with the last one no further from the end than a sixteenth of the whole."""
PROGRESS: Final = "progress"


class StatementSpan:
    """What is told about a running statement. Where nobody reads spans, next to nothing is done."""

    def __init__(self, span: trace.Span, meter: StatementMeter, texts: StatementTexts | None) -> None:
        self._span = span
        self._meter = meter
        self._is_read = span.is_recording()
        self._texts = texts if self._is_read else None
        self._record: CallRecord | None = None
        self._reader_s = 0.0
        self._wire: Wire | None = None
        self._waited_at = 0.0
        self._server_s = 0.0
        self._progress: StreamProgress | None = None
        self._counts: Callable[[], tuple[int, int]] | None = None
        self._batches = 0
        self._told = 0
        self._told_at = time.monotonic()

    async def text(self, text: str) -> None:
        """The statement as the server gets it, every literal replaced: an author's literals can be personal data.
        Nothing is done where the settings do not want it, or nobody reads it."""
        if self._texts is not None:
            self._span.set_attribute(names.DB_QUERY_TEXT, await self._texts.normalised(text))

    @contextmanager
    def planning(self) -> Iterator[None]:
        """Around asking the planner; told also where it fails, or is cut off, as behind a lock."""
        began = time.monotonic()
        try:
            yield
        finally:
            self._span.set_attribute(names.PLAN_MS, _ms(time.monotonic() - began))

    def planned(self, rows: int) -> None:
        """The planner's estimate."""
        self._span.set_attribute(names.ESTIMATED_ROWS, rows)

    def runs(self, wire: Wire, progress: StreamProgress | None = None) -> None:
        """The statement is sent now, over this wire; `progress` follows its rows. Again for each further session that
        the same work takes."""
        if not self._is_read:
            return
        self.left()
        self._wire, self._waited_at = wire, wire.waited_s
        self._progress = progress
        if self._record is None and (record := current_record()) is not None:
            self._record, self._reader_s = record, record.reader_s

    def left(self) -> None:
        """The session goes back: what its wire waits for from now on is somebody else's."""
        if self._wire is not None:
            self._server_s += self._wire.waited_s - self._waited_at
            self._wire = None

    def batch(self) -> None:
        """Rows came, and `progress` counts them."""
        if not self._is_read or self._progress is None:
            return
        self._batches += 1
        now = time.monotonic()
        if now - self._told_at >= PROGRESS_EVERY_S * 2 ** (self._told // AT_ONE_PACE):
            self._told_at = now
            self._told += 1
            counts = {names.DB_RESPONSE_RETURNED_ROWS: self._progress.rows, names.RETURNED_BYTES: self._progress.bytes}
            self._span.add_event(PROGRESS, counts)

    def asks_about(self, profiles: int) -> None:
        """How many people the statement is about; its rows are as many as its form makes them."""
        self._span.set_attribute(names.PROFILES, profiles)

    def returns(self, counts: Callable[[], tuple[int, int]]) -> None:
        """`counts` is asked for rows and bytes of cell text at the end, whichever way that comes."""
        self._counts = counts

    def returned(self, rows: int) -> None:
        """How many rows the server returned, where nobody counts their bytes."""
        self._span.set_attribute(names.DB_RESPONSE_RETURNED_ROWS, rows)

    def worked_by(self, tuples: Mapping[str, int]) -> None:
        """How many different tuples came to their end in which form."""
        self._meter.worked_by(tuples)
        for form, count in tuples.items():
            self._span.set_attribute(f"{names.TUPLES_BY_FORM}.{form.replace(' ', '_')}", count)

    def failed(self, error: BaseException) -> None:
        """Marks the span with the reason and, where PostgreSQL gave one, its SQLSTATE."""
        if self._is_read:
            fail(self._span, error)

    def end(self) -> None:
        """Tells how far it came and where the time went, whichever way it ended."""
        self.left()
        if self._server_s:
            self._span.set_attribute(names.SERVER_MS, _ms(self._server_s))
        is_stream = self._progress is not None or (self._record is not None and self._record.bytes_sent is not None)
        if is_stream and self._record is not None:
            self._span.set_attribute(names.READER_MS, _ms(self._record.reader_s - self._reader_s))
        if self._progress is not None:
            self._tell(self._progress)
        elif self._counts is not None:
            self._tell_counts(*self._counts())
        self._span.end()

    def _tell_counts(self, rows: int, size: int) -> None:
        self.returned(rows)
        self._span.set_attribute(names.RETURNED_BYTES, size)

    def _tell(self, progress: StreamProgress) -> None:
        self._tell_counts(progress.rows, progress.bytes)
        self._span.set_attribute(names.BATCHES, self._batches)
        if progress.first_row_s is not None:
            self._span.set_attribute(names.FIRST_ROW_MS, _ms(progress.first_row_s))


class StatementSpans:
    """Makes the spans of statements; one for the process."""

    def __init__(self, tracer: trace.Tracer, meter: StatementMeter, *, tells_text: bool = True) -> None:
        self._tracer = tracer
        self._meter = meter
        self._texts = StatementTexts() if tells_text else None

    @contextmanager
    def compiling(self, statement: Statement) -> Iterator[None]:
        """Around the work of compiling, which is remembered: a statement that is known has no such span."""
        attributes: dict[str, str | bool] = {names.DEFINITION: statement.definition, names.PREPARED: False}
        span = self._tracer.start_span("compile", attributes=attributes)
        try:
            yield
        except BaseException as error:
            span.set_attribute(names.ERROR_TYPE, reason_of(error))
            span.set_status(Status(StatusCode.ERROR))
            raise
        finally:
            span.end()

    @contextmanager
    def of(
        self,
        operation: str,
        statement: Statement,
        database: str,
        *,
        prepared: bool | None = None,
        on_replica: bool = False,
    ) -> Iterator[StatementSpan]:
        """A client span named by operation ("stream", "count", "evaluate", "describe") and definition. `prepared`: it
        was compiled and described before, None where that is not known."""
        label = statement.definition.rpartition("/")[2]
        attributes: dict[str, str | int | bool] = {
            names.DB_SYSTEM_NAME: names.POSTGRESQL,
            names.DB_NAMESPACE: database,
            names.DB_OPERATION_NAME: "SELECT",
            names.DB_QUERY_SUMMARY: f"{operation} {label}".strip(),
            names.CONNECTION: statement.connection,
            names.DEFINITION: statement.definition,
            names.DEFINITION_REVISION: statement.revision,
            names.STATEMENT_ROLE: statement.role.value,
        }
        if prepared is not None:
            attributes[names.PREPARED] = prepared
        if on_replica:
            attributes[names.IS_REPLICA] = True
        # Not made current: within an async generator that would leak into whoever iterates it.
        span = self._tracer.start_span(f"{operation} {label}".strip(), kind=SpanKind.CLIENT, attributes=attributes)
        told = StatementSpan(span, self._meter, self._texts)
        began, failure = time.monotonic(), None
        try:
            yield told
        except BaseException as error:
            told.failed(error)
            failure = error
            raise
        finally:
            self._meter.ended(began, operation, statement.connection, failure)
            told.end()


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)
