"""A server span for each call, with the code that the caller really gets.

Written by hand: OpenTelemetry's own grpc.aio instrumentation reports wrong codes for exceptions, deadlines and cancels.
Here the layers inside write the outcome into the call's record, and the span is made from that record.
"""

from collections.abc import Collection
from typing import Any

from opentelemetry.context import Context, attach, detach
from opentelemetry.trace import (
    Span,
    SpanKind,
    Status,
    StatusCode,
    Tracer,
    format_span_id,
    format_trace_id,
    set_span_in_context,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from directflow_runtime import baggage
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
_NO_CALLER = Context()


class Tracing:
    """The outermost layer that sees a call: it makes the record that the others write to."""

    def __init__(self, tracer: Tracer, baggage: Collection[str] = ()) -> None:
        """`baggage`: the keys of callers' baggage that become labels."""
        self._tracer = tracer
        self._baggage = baggage
        self._propagator = TraceContextTextMapPropagator()

    def wrap(self, method: Method, inner: Handler) -> Handler:
        """Runs `inner` in a span that continues the caller's trace."""
        attributes = {names.RPC_SYSTEM_NAME: names.GRPC, names.RPC_METHOD: method.full_name}

        async def traced(request: Any, context: Any) -> Any:
            parent = self._caller(context)
            span = self._tracer.start_span(method.full_name, parent, SpanKind.SERVER, attributes)
            with record_scope(self._record(method, span, context)) as record:
                token = attach(set_span_in_context(span))
                try:
                    return await inner(request, context)
                finally:
                    detach(token)
                    _finish(span, record)

        return traced

    def _caller(self, context: Any) -> Context:
        carrier = {key: value for key, value in context.invocation_metadata() or () if key in _TRACE_HEADERS}
        return self._propagator.extract(carrier, Context()) if carrier else _NO_CALLER

    def _record(self, method: Method, span: Span, context: Any) -> CallRecord:
        ids = span.get_span_context()
        record = CallRecord(method.full_name, format_trace_id(ids.trace_id), format_span_id(ids.span_id))
        if self._baggage:
            # Several headers are one list, as in HTTP.
            told = [value for key, value in context.invocation_metadata() or () if key == baggage.HEADER]
            record.labels = baggage.labels(",".join(told), self._baggage)
        return record


def _finish(span: Span, record: CallRecord) -> None:
    if span.is_recording():
        code = RpcCode.UNKNOWN if record.code is None else record.code
        span.set_attributes(_outcome(record, code))
        if code in SERVER_FAULTS:
            span.set_status(Status(StatusCode.ERROR))
    span.end()


def _outcome(record: CallRecord, code: RpcCode) -> dict[str, str | int | float]:
    outcome: dict[str, str | int | float] = {names.RPC_RESPONSE_STATUS_CODE: code.name}
    if code is not RpcCode.OK:
        outcome[names.ERROR_TYPE] = record.reason or code.name
    if record.identity:
        outcome[names.IDENTITY] = record.identity
    if record.resource:
        outcome[names.RESOURCE] = record.resource
    for key, value in record.labels.items():
        outcome[f"{names.BAGGAGE}.{key}"] = value
    if record.rows is not None:
        outcome[names.ROWS] = record.rows
    if record.bytes_sent is not None:
        outcome[names.BYTES] = record.bytes_sent
        outcome[names.READER_MS] = round(record.reader_s * 1000, 3)
    return outcome
