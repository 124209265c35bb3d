"""One client span for each statement on DirectFlow's own database; never a value in it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry.trace import SpanKind, Tracer

from directflow_gateway import telemetry_names as names
from directflow_gateway.failed_span import fail


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
        fail(span, error)
        raise
    finally:
        span.end()
