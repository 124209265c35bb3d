"""One client span for each statement on DirectFlow's own database; never a value in it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from directflow_runtime.errors import DirectFlowError
from opentelemetry.trace import SpanKind, Status, StatusCode, Tracer

from directflow_gateway import telemetry_names as names


@contextmanager
def statement_span(
    tracer: Tracer, summary: str, operation: str, database: str, counts: Mapping[str, int] | None = None
) -> Iterator[None]:
    """`summary`: "append events"; `operation`: the SQL command; `counts`: attributes of telemetry_names."""
    attributes: dict[str, str | int] = {
        names.DB_SYSTEM_NAME: names.POSTGRESQL,
        names.DB_NAMESPACE: database,
        names.DB_OPERATION_NAME: operation,
        names.DB_QUERY_SUMMARY: summary,
        **(counts or {}),
    }
    span = tracer.start_span(summary, kind=SpanKind.CLIENT, attributes=attributes)
    try:
        yield
    except BaseException as error:
        # Not record_exception: its text may be the driver's.
        reason, cause = type(error).__name__, ""
        if isinstance(error, DirectFlowError):
            reason, cause = error.reason, error.metadata.get("cause", error.sqlstate)
        span.set_attribute(names.ERROR_TYPE, reason)
        if cause:
            span.set_attribute(names.DB_RESPONSE_STATUS_CODE, cause)
        span.set_status(Status(StatusCode.ERROR, reason))
        raise
    finally:
        span.end()
