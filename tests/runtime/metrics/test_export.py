"""Figures reach a collector and a scraper over real sockets; neither of them can slow or break anything."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from directflow_runtime.metrics import OFF
from directflow_runtime.metrics.endpoint import MOST_AT_ONCE, MOST_HEAD_BYTES
from directflow_runtime.metrics.export import metering
from directflow_runtime.metrics.names import BREAKER_OPEN, CALLS_RUNNING, EVENT_LOOP_LAG, POOL_WAIT, STREAM_ROWS
from directflow_runtime.settings import MetricsSettings, ServiceSettings, TelemetrySettings
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.sdk.resources import SERVICE_NAME, Resource

from ...ports import free_port

EXPORT = "opentelemetry.proto.collector.metrics.v1.MetricsService"
RESOURCE = Resource({SERVICE_NAME: "directflow-test"})


class Collector:
    """An OTLP receiver of a few lines."""

    def __init__(self) -> None:
        self.requests: list[ExportMetricsServiceRequest] = []
        self.endpoint = ""

    async def export(self, request: ExportMetricsServiceRequest, context: object) -> ExportMetricsServiceResponse:
        self.requests.append(request)
        return ExportMetricsServiceResponse()

    def last(self) -> dict[str, Any]:
        (resource,) = self.requests[-1].resource_metrics
        return {metric.name: metric for scope in resource.scope_metrics for metric in scope.metrics}


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    server, received = grpc.aio.server(), Collector()
    handler = grpc.unary_unary_rpc_method_handler(
        received.export, ExportMetricsServiceRequest.FromString, ExportMetricsServiceResponse.SerializeToString
    )
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(EXPORT, {"Export": handler}),))
    received.endpoint = f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    yield received
    await server.stop(0)


def settings(endpoint: str = "", port: int = 0, **more: Any) -> ServiceSettings:
    return ServiceSettings(
        telemetry=TelemetrySettings(otlp_endpoint=endpoint, shutdown_timeout_s=more.pop("shutdown_timeout_s", 3.0)),
        metrics=MetricsSettings(prometheus_port=port, **more),
    )


async def ask(port: int, request: bytes) -> tuple[bytes, bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    return head, body


async def test_the_last_figures_are_pushed_at_the_end_with_the_services_name(collector: Collector) -> None:
    async with metering(settings(collector.endpoint, export_interval_s=60), RESOURCE) as metrics:
        metrics.counter(STREAM_ROWS).add(7, "S/Stream", "acme")
        metrics.histogram(POOL_WAIT).record(0.2, "c")
        metrics.gauge(CALLS_RUNNING, lambda: {("test",): 2})
        metrics.gauge(BREAKER_OPEN, lambda: {("c",): True})
    (resource,) = collector.requests[0].resource_metrics
    assert [(one.key, one.value.string_value) for one in resource.resource.attributes] == [
        ("service.name", "directflow-test")
    ]
    told = collector.last()
    (rows,) = told["directflow.stream.rows"].sum.data_points
    assert told["directflow.stream.rows"].sum.is_monotonic
    assert told["directflow.stream.rows"].unit == "{row}"
    assert {one.key: one.value.string_value for one in rows.attributes} == {
        "rpc.method": "S/Stream",
        "workspace": "acme",
    }
    assert (rows.as_double or rows.as_int) == 7
    (wait,) = told["directflow.pool.wait.duration"].histogram.data_points
    assert (wait.count, wait.sum, sum(wait.bucket_counts)) == (1, 0.2, 1)
    (running,) = told["directflow.calls.running"].gauge.data_points
    assert (running.as_double or running.as_int) == 2
    (is_open,) = told["directflow.breaker.open"].gauge.data_points
    assert (is_open.as_double or is_open.as_int) == 1


async def test_figures_are_pushed_again_and_again_and_are_sums_since_the_start(collector: Collector) -> None:
    async with metering(settings(collector.endpoint, export_interval_s=0.05), RESOURCE) as metrics:
        while len(collector.requests) < 3:
            metrics.counter(STREAM_ROWS).add(1, "S/Stream", "acme")
            await asyncio.sleep(0.01)
        added = metrics.counter(STREAM_ROWS).totals["S/Stream", "acme"]
    (rows,) = collector.last()["directflow.stream.rows"].sum.data_points
    assert (rows.as_double or rows.as_int) == added


@pytest.mark.parametrize("listens", [False, True], ids=["nobody listens", "a black hole"])
async def test_a_collector_that_is_away_ends_nothing_late(listens: bool) -> None:
    with socket.socket() as hole:
        hole.bind(("127.0.0.1", 0))
        if listens:
            hole.listen()
        endpoint = f"http://127.0.0.1:{hole.getsockname()[1]}"
        async with metering(settings(endpoint, export_interval_s=0.02, shutdown_timeout_s=0.1), RESOURCE) as metrics:
            await asyncio.sleep(0.1)
            metrics.counter(STREAM_ROWS).add(1, "S/Stream", "acme")
            began = time.monotonic()
    assert time.monotonic() - began < 5  # not the exporter's own patience, which doubles up to a minute


async def test_prometheus_scrapes_the_same_figures() -> None:
    port = free_port()
    async with metering(settings(port=port), RESOURCE) as metrics:
        metrics.counter(STREAM_ROWS).add(7, "S/Stream", "acme")
        head, body = await ask(port, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"text/plain; version=0.0.4" in head
    assert b'directflow_stream_rows_total{rpc_method="S/Stream",workspace="acme"} 7.0\n' in body
    with pytest.raises(OSError):  # noqa: PT011 (any: the port is closed)
        await ask(port, b"")


@pytest.mark.parametrize(
    ("request_head", "status"),
    [(b"GET / HTTP/1.1", b"404"), (b"POST /metrics HTTP/1.1", b"405"), (b"nonsense", b"404")],
)
async def test_everything_else_is_refused(request_head: bytes, status: bytes) -> None:
    port = free_port()
    async with metering(settings(port=port), RESOURCE):
        head, _ = await ask(port, request_head + b"\r\n\r\n")
    assert head.split()[1] == status


async def test_silent_and_oversized_scrapers_take_no_more_than_their_places() -> None:
    port = free_port()
    async with metering(settings(port=port), RESOURCE):
        silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(MOST_AT_ONCE)]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await _end(reader) == b""
        writer.close()
        for _, one in silent:
            one.write(b"x" * (2 * MOST_HEAD_BYTES))
        with_end = [await asyncio.wait_for(_end(one), 10) for one, _ in silent]
        assert with_end == [b""] * MOST_AT_ONCE
        for _, one in silent:
            one.close()
        head, _ = await ask(port, b"GET /metrics HTTP/1.1\r\n\r\n")
    assert b"200 OK" in head


async def _end(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read()
    except ConnectionError:
        return b""


async def test_without_a_destination_metrics_are_off() -> None:
    async with metering(settings(), RESOURCE) as metrics:
        assert metrics is OFF
    async with metering(settings("http://127.0.0.1:1", otlp=False), RESOURCE) as metrics:
        assert metrics is OFF


async def test_a_blocked_event_loop_shows_as_lag() -> None:
    async with metering(settings(port=free_port()), RESOURCE) as metrics:
        lag = metrics.histogram(EVENT_LOOP_LAG).distributions
        await asyncio.sleep(0)
        time.sleep(0.8)  # noqa: ASYNC251 (that is the point)
        while not lag:  # noqa: ASYNC110 (instruments tell nobody)
            await asyncio.sleep(0.01)
        assert lag[()].total > 0.1
