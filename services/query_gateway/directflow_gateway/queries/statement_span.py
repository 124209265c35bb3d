"""One span for each statement on a customer's server. Stable database conventions; never a value, never a literal."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from directflow_runtime.errors import DirectFlowError
from opentelemetry import trace
from opentelemetry.trace import SpanKind, Status, StatusCode

from directflow_gateway import telemetry_names as names
from directflow_gateway.queries.statement import Statement


class StatementSpan:
    """What is told about a running statement."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span
        self._first_row_told = False

    def text(self, normalised: str) -> None:
        """The statement as the server gets it, every literal replaced: an author's literals can be personal data."""
        self._span.set_attribute(names.DB_QUERY_TEXT, normalised)

    def estimated(self, rows: int) -> None:
        """The planner's estimate."""
        self._span.set_attribute(names.ESTIMATED_ROWS, rows)

    def first_row_after(self, elapsed_s: float | None) -> None:
        """The first row came so many seconds after the statement was sent. Told once."""
        if elapsed_s is not None and not self._first_row_told:
            self._first_row_told = True
            self._span.set_attribute(names.FIRST_ROW_MS, elapsed_s * 1000)

    def returned(self, rows: int, size: int = 0) -> None:
        """How much the server returned in the end."""
        self._span.set_attribute(names.DB_RETURNED_ROWS, rows)
        self._span.set_attribute(names.RETURNED_BYTES, size)

    def worked_by(self, tuples: Mapping[str, int]) -> None:
        """How many different tuples came to their end in which form."""
        for form, count in tuples.items():
            self._span.set_attribute(f"{names.TUPLES_BY_FORM}.{form.replace(' ', '_')}", count)

    def failed(self, error: BaseException) -> None:
        """Marks the span with the reason and, where PostgreSQL gave one, its SQLSTATE."""
        reason = error.reason if isinstance(error, DirectFlowError) else type(error).__name__
        self._span.set_attribute(names.ERROR_TYPE, reason)
        if isinstance(error, DirectFlowError) and error.sqlstate:
            self._span.set_attribute(names.DB_RESPONSE_STATUS_CODE, error.sqlstate)
        self._span.set_status(Status(StatusCode.ERROR, reason))


@contextmanager
def statement_span(
    tracer: trace.Tracer, operation: str, statement: Statement, database: str
) -> Iterator[StatementSpan]:
    """A client span named by operation ("stream", "count", "evaluate", "describe") and definition."""
    label = statement.definition.rpartition("/")[2]
    attributes: dict[str, str | int] = {
        names.DB_SYSTEM_NAME: "postgresql",
        names.DB_NAMESPACE: database,
        names.DB_OPERATION_NAME: "SELECT",
        names.DB_QUERY_SUMMARY: f"{operation} {label}".strip(),
        names.CONNECTION: statement.connection,
        names.DEFINITION: statement.definition,
        names.DEFINITION_REVISION: statement.revision,
        names.STATEMENT_ROLE: statement.role.value,
    }
    # Not made current: within an async generator that would leak into whoever iterates it.
    span = tracer.start_span(f"{operation} {label}".strip(), kind=SpanKind.CLIENT, attributes=attributes)
    told = StatementSpan(span)
    try:
        yield told
    except BaseException as error:
        # Not record_exception: its text is the driver's and may hold values.
        told.failed(error)
        raise
    finally:
        span.end()
