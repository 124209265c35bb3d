"""A receiver of OTLP over gRPC, on loopback: takes our services' spans, and keeps what the store has room for."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Self

import grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as metrics_wire
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2_grpc as metrics_stubs
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as wire
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as stubs
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1 import trace_pb2 as trace

from directflow_cli.traces.spans import (
    MAX_ATTRIBUTE_CHARACTERS,
    MAX_ATTRIBUTES,
    MAX_EVENTS,
    MAX_LINKS,
    AttributeValue,
    Event,
    Span,
)
from directflow_cli.traces.store import SpanStore

MAX_MESSAGE_BYTES = 4 * 1024 * 1024
STOP_SECONDS = 1.0
THREADS = 2
RESOURCE = ("service.version", "service.instance.id", "k8s.pod.name", "k8s.node.name")
"""What is kept of a process, beside its name."""


class Receiver(stubs.TraceServiceServicer):
    """`with Receiver(store) as receiver:` listens on `receiver.address` until the block ends.

    In threads and not under asyncio: grpc.aio takes one event loop a process, and the commands have their own.
    """

    def __init__(self, store: SpanStore, port: int = 0) -> None:
        self._store = store
        # Without SO_REUSEPORT, or a second `directflow dev` on the same port would silently share our spans.
        options = (("grpc.max_receive_message_length", MAX_MESSAGE_BYTES), ("grpc.so_reuseport", 0))
        self._server = grpc.server(ThreadPoolExecutor(THREADS, "otlp"), options=options)
        stubs.add_TraceServiceServicer_to_server(self, self._server)  # type: ignore[no-untyped-call]
        metrics_stubs.add_MetricsServiceServicer_to_server(_Metrics(), self._server)  # type: ignore[no-untyped-call]
        self.address = f"127.0.0.1:{self._server.add_insecure_port(f'127.0.0.1:{port}')}"

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop(STOP_SECONDS).wait()

    def Export(
        self, request: wire.ExportTraceServiceRequest, context: grpc.ServicerContext
    ) -> wire.ExportTraceServiceResponse:
        self._store.add(from_request(request))
        return wire.ExportTraceServiceResponse()


class _Metrics(metrics_stubs.MetricsServiceServicer):
    """Takes metrics and keeps none: our services send both to one address, and would log a refusal."""

    def Export(
        self, request: metrics_wire.ExportMetricsServiceRequest, context: grpc.ServicerContext
    ) -> metrics_wire.ExportMetricsServiceResponse:
        return metrics_wire.ExportMetricsServiceResponse()


def from_request(request: wire.ExportTraceServiceRequest) -> list[Span]:
    """The spans of one export, flat, each with the name of its service."""
    return [
        _span(span, resource)
        for part in request.resource_spans
        for resource in [_attributes(part.resource.attributes)]
        for scope in part.scope_spans
        for span in scope.spans
    ]


def _span(span: trace.Span, resource: dict[str, AttributeValue]) -> Span:
    return Span(
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        name=span.name,
        service=str(resource.get("service.name", "unknown")),
        start_ns=span.start_time_unix_nano,
        end_ns=span.end_time_unix_nano,
        status=trace.Status.StatusCode.Name(span.status.code).removeprefix("STATUS_CODE_"),
        message=span.status.message[:MAX_ATTRIBUTE_CHARACTERS],
        attributes=_attributes(span.attributes),
        kind=trace.Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
        links=tuple((link.trace_id.hex(), link.span_id.hex()) for link in span.links[:MAX_LINKS]),
        # The latest: of a long stream's progress it is the end that matters.
        events=tuple(_event(event) for event in span.events[-MAX_EVENTS:]),
        resource={name: resource[name] for name in RESOURCE if name in resource},
    )


def _event(event: trace.Span.Event) -> Event:
    return Event(event.name, event.time_unix_nano, _attributes(event.attributes))


def _attributes(pairs: Sequence[KeyValue]) -> dict[str, AttributeValue]:
    return {pair.key: _value(pair.value) for pair in pairs[:MAX_ATTRIBUTES]}


def _value(value: AnyValue) -> AttributeValue:
    match value.WhichOneof("value"):
        case "bool_value":
            return value.bool_value
        case "int_value":
            return value.int_value
        case "double_value":
            return value.double_value
        case "string_value":
            return value.string_value[:MAX_ATTRIBUTE_CHARACTERS]
        case _:  # lists and maps: none of ours are read in a terminal
            return str(value)[:MAX_ATTRIBUTE_CHARACTERS]
