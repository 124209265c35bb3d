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
from opentelemetry.semconv._incubating.attributes import db_attributes as incubating_db_attributes
from opentelemetry.semconv._incubating.attributes import rpc_attributes
from opentelemetry.semconv.attributes import db_attributes, error_attributes, server_attributes

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
    assert [(item.key, item.value.string_value) for item in resource.resource.attributes] == [
        ("service.name", "directflow-test")
    ]
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
    async with telemetry(TelemetrySettings(sample_ratio=ratio), "directflow-test") as traces:
        span = traces.tracer("package").start_span("work")
        assert span.is_recording() is recorded
        assert span.get_span_context().is_valid


def test_attribute_names_are_those_of_the_installed_conventions() -> None:
    ours = {name: value for name, value in vars(telemetry_names).items() if name.isupper()}
    theirs: dict[str, str] = {}
    for module in (rpc_attributes, incubating_db_attributes, db_attributes, error_attributes, server_attributes):
        theirs.update({name: value for name, value in vars(module).items() if name.isupper()})
    shared = {name for name in ours if name.startswith(("RPC_", "DB_", "SERVER_", "ERROR_"))}
    assert len(shared) == 13
    assert {name: ours[name] for name in shared} == {name: theirs[name] for name in shared}
