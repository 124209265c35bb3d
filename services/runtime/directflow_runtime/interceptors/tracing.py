"""A server span for each call, with the code that the caller really gets.

Written by hand: OpenTelemetry's own grpc.aio instrumentation reports wrong codes for exceptions, deadlines and cancels.
Here the layers inside write the outcome into the call's record, and the span is made from that record.
"""

from typing import Any

from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, format_span_id, format_trace_id, use_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from directflow_runtime import telemetry_names as names
from directflow_runtime.calls import CallRecord, record_scope
from directflow_runtime.errors import StatusCode as RpcCode
from directflow_runtime.interceptors.method import Handler, Method

SERVER_FAULTS = frozenset(
    {
        RpcCode.UNKNOWN,
        RpcCode.DEADLINE_EXCEEDED,
        RpcCode.UNIMPLEMENTED,
        RpcCode.INTERNAL,
        RpcCode.UNAVAILABLE,
        RpcCode.DATA_LOSS,
    }
)
"""Codes that make a server span an error; the others are the caller's doing (RPC conventions)."""

_TRACE_HEADERS = frozenset({"traceparent", "tracestate"})


class Tracing:
    """The outermost layer that sees a call: it makes the record that the others write to."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._propagator = TraceContextTextMapPropagator()

    def wrap(self, method: Method, inner: Handler) -> Handler:
        """Runs `inner` in a span that continues the caller's trace."""
        attributes = {names.RPC_SYSTEM_NAME: names.GRPC, names.RPC_METHOD: method.full_name}

        async def traced(request: Any, context: Any) -> Any:
            parent = self._caller(context)
            span = self._tracer.start_span(method.full_name, parent, SpanKind.SERVER, attributes)
            with record_scope(_record(method, span)) as record:
                try:
                    with use_span(span, record_exception=False, set_status_on_exception=False):
                        return await inner(request, context)
                finally:
                    _finish(span, record)

        return traced

    def _caller(self, context: Any) -> Context:
        carrier = {key: value for key, value in context.invocation_metadata() or () if key in _TRACE_HEADERS}
        return self._propagator.extract(carrier, Context())


def _record(method: Method, span: Span) -> CallRecord:
    ids = span.get_span_context()
    return CallRecord(method.full_name, format_trace_id(ids.trace_id), format_span_id(ids.span_id))


def _finish(span: Span, record: CallRecord) -> None:
    code = RpcCode.UNKNOWN if record.code is None else record.code
    span.set_attribute(names.RPC_RESPONSE_STATUS_CODE, code.name)
    if code is not RpcCode.OK:
        span.set_attribute(names.ERROR_TYPE, record.reason or code.name)
    if code in SERVER_FAULTS:
        span.set_status(Status(StatusCode.ERROR))
    for name, value in ((names.IDENTITY, record.identity), (names.RESOURCE, record.resource)):
        if value:
            span.set_attribute(name, value)
    if record.rows is not None:
        span.set_attribute(names.ROWS, record.rows)
    span.end()
