"""Spans reach a collector over real OTLP; one that is away or silent costs nobody anything."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator

import grpc
import pytest
from directflow_runtime import telemetry_names
from directflow_runtime.settings import TelemetrySettings
from directflow_runtime.telemetry import telemetry
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.semconv._incubating.attributes import db_attributes as incubating_db_attributes
from opentelemetry.semconv._incubating.attributes import rpc_attributes
from opentelemetry.semconv.attributes import db_attributes, error_attributes
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, TraceState, set_span_in_context

EXPORT = "opentelemetry.proto.collector.trace.v1.TraceService"


class Collector:
    """An OTLP receiver of a few lines."""

    def __init__(self) -> None:
        self.requests: list[ExportTraceServiceRequest] = []
        self.port = 0

    async def export(self, request: ExportTraceServiceRequest, context: object) -> ExportTraceServiceResponse:
        self.requests.append(request)
        return ExportTraceServiceResponse()


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    server, received = grpc.aio.server(), Collector()
    handler = grpc.unary_unary_rpc_method_handler(
        received.export, ExportTraceServiceRequest.FromString, ExportTraceServiceResponse.SerializeToString
    )
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(EXPORT, {"Export": handler}),))
    received.port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield received
    await server.stop(0)


async def test_spans_arrive_with_the_services_name_when_the_block_ends(collector: Collector) -> None:
    settings = TelemetrySettings(otlp_endpoint=f"http://127.0.0.1:{collector.port}", schedule_delay_s=60)
    async with telemetry(settings, "directflow-test") as traces:
        with traces.tracer("package").start_as_current_span("work"):
            pass
    (resource,) = collector.requests[0].resource_spans
    told = {item.key: item.value.string_value for item in resource.resource.attributes}
    assert told["service.name"] == "directflow-test"
    assert [span.name for scope in resource.scope_spans for span in scope.spans] == ["work"]


async def test_spans_arrive_shortly_after_they_end(collector: Collector, until: object) -> None:
    settings = TelemetrySettings(otlp_endpoint=f"http://127.0.0.1:{collector.port}", schedule_delay_s=0.05)
    async with telemetry(settings, "directflow-test") as traces:
        traces.tracer("package").start_span("work").end()
        await until(lambda: bool(collector.requests))  # type: ignore[operator]


async def test_a_collector_that_never_answers_delays_neither_calls_nor_the_exit() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(1)
        settings = TelemetrySettings(
            otlp_endpoint=f"http://127.0.0.1:{silent.getsockname()[1]}",
            schedule_delay_s=0.01,
            export_timeout_s=20,
            shutdown_timeout_s=0.3,
            max_queue_spans=64,
        )
        started = time.monotonic()
        async with telemetry(settings, "directflow-test") as traces:
            for _ in range(500):
                traces.tracer("package").start_span("work").end()
            await asyncio.sleep(0.05)
        assert time.monotonic() - started < 5


@pytest.mark.parametrize(("ratio", "recorded"), [(0.0, False), (1.0, True)])
async def test_calls_without_a_decision_are_sampled_by_ratio_and_always_have_a_trace_id(
    ratio: float, recorded: bool
) -> None:
    destination = SimpleSpanProcessor(InMemorySpanExporter())
    async with telemetry(TelemetrySettings(sample_ratio=ratio), "directflow-test", destination) as traces:
        span = traces.tracer("package").start_span("work")
        assert span.is_recording() is recorded
        assert span.get_span_context().is_valid


@pytest.mark.parametrize(("ratio", "sampled"), [(0.0, False), (1.0, True)])
async def test_where_nobody_reads_spans_there_are_ids_and_the_decision_and_nothing_is_recorded(
    ratio: float, sampled: bool
) -> None:
    async with telemetry(TelemetrySettings(sample_ratio=ratio), "directflow-test") as traces:
        tracer = traces.tracer("package")
        with tracer.start_as_current_span("outer") as outer:
            inner = tracer.start_span("inner").get_span_context()
        ids = outer.get_span_context()
    assert not outer.is_recording()
    assert (ids.is_valid, ids.trace_flags.sampled) == (True, sampled)
    assert (inner.trace_id, inner.trace_flags.sampled) == (ids.trace_id, sampled)
    assert inner.span_id != ids.span_id


async def test_half_of_the_traces_that_begin_here_are_wanted_at_a_ratio_of_a_half() -> None:
    async with telemetry(TelemetrySettings(sample_ratio=0.5), "directflow-test") as traces:
        spans = [traces.tracer("package").start_span("work").get_span_context() for _ in range(1000)]
    assert 300 < sum(span.trace_flags.sampled for span in spans) < 700
    assert len({span.trace_id for span in spans}) == 1000


@pytest.mark.parametrize("exported", [False, True])
@pytest.mark.parametrize("sampled", [False, True])
async def test_the_callers_decision_and_its_state_are_kept_and_handed_on(exported: bool, sampled: bool) -> None:
    """Whatever the ratio of this process: the next one may record what this one does not."""
    spans = InMemorySpanExporter()
    processors = [SimpleSpanProcessor(spans)] if exported else []
    settings = TelemetrySettings(sample_ratio=0.0 if sampled else 1.0)
    state = TraceState([("vendor", "opaque")])
    caller = SpanContext(0xAF7651916CD43DD8448EB211C80319C, 0xB7AD6B7169203331, True, TraceFlags(int(sampled)), state)
    async with telemetry(settings, "directflow-test", *processors) as traces:
        span = traces.tracer("package").start_span("work", set_span_in_context(NonRecordingSpan(caller)))
        span.end()
        ids = span.get_span_context()
    assert (ids.trace_id, ids.trace_flags.sampled, ids.trace_state) == (caller.trace_id, sampled, state)
    assert len(spans.get_finished_spans()) == (exported and sampled)


def test_attribute_names_are_those_of_the_installed_conventions() -> None:
    ours = {name: value for name, value in vars(telemetry_names).items() if name.isupper()}
    theirs: dict[str, str] = {}
    for module in (rpc_attributes, incubating_db_attributes, db_attributes, error_attributes):
        theirs.update({name: value for name, value in vars(module).items() if name.isupper()})
    shared = {name for name in ours if name.startswith(("RPC_", "DB_", "SERVER_", "ERROR_"))}
    assert len(shared) == 11
    assert {name: ours[name] for name in shared} == {name: theirs[name] for name in shared}
