"""Metrics of the three services as processes: what Prometheus and a collector are told is what was done."""

import asyncio
import socket
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest
from directflow.conditions.v1 import engagement_service_pb2 as engagement_wire
from directflow.conditions.v1 import evaluation_service_pb2 as conditions_wire
from directflow.conditions.v1 import evaluation_service_pb2_grpc as conditions_stubs
from directflow.engagement.v1 import engagement_pb2
from directflow_cli.dev import demo_database
from directflow_cli.dev.background import BackgroundLoop
from directflow_cli.dev.customer import CustomerDatabase
from directflow_cli.dev.processes import ServiceProcess
from directflow_cli.dev.settings_files import SettingsFiles
from directflow_runtime.metrics import names
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as metrics_pb
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2_grpc as metrics_stubs
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as traces_pb
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as traces_stubs
from prometheus_client.parser import text_string_to_metric_families

SERVICES = ("gateway", "segments", "conditions")
CUSTOMER = "workspaces/demo/connections/customer"
CANARY = "canary-value-9d41"
CANARY_LITERAL = "canary-literal-55aa"
AUDIENCE = "directflow.segments.v1.AudienceService/StreamAudience"
QUERY = "directflow.gateway.v1.QueryService/StreamQuery"
EVALUATE = "directflow.conditions.v1.EvaluationService/EvaluateCondition"


class Collector(traces_stubs.TraceServiceServicer, metrics_stubs.MetricsServiceServicer):
    """An OTLP receiver in threads; grpc.aio takes one event loop a process."""

    def __init__(self) -> None:
        self.metrics: list[metrics_pb.ExportMetricsServiceRequest] = []
        self._server = grpc.server(ThreadPoolExecutor(2))
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.add_generic_rpc_handlers(
            (
                _handler("trace.v1.TraceService", traces_pb.ExportTraceServiceRequest, lambda *_: b""),
                _handler("metrics.v1.MetricsService", metrics_pb.ExportMetricsServiceRequest, self._take),
            )
        )

    def __enter__(self) -> "Collector":
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop(1).wait()

    def of(self, service: str) -> dict[str, Any]:
        """The last word of one service, by name."""
        told: dict[str, Any] = {}
        for request in list(self.metrics):
            for resource in request.resource_metrics:
                attributes = {one.key: one.value.string_value for one in resource.resource.attributes}
                if attributes["service.name"] == f"directflow-{service}":
                    told = {metric.name: metric for scope in resource.scope_metrics for metric in scope.metrics}
        return told

    def _take(self, request: Any, _: object) -> bytes:
        self.metrics.append(request)
        return b""


def _handler(service: str, message: Any, behaviour: Any) -> Any:
    method = grpc.unary_unary_rpc_method_handler(behaviour, message.FromString)
    return grpc.method_handlers_generic_handler(f"opentelemetry.proto.collector.{service}", {"Export": method})


@dataclass
class Site:
    """Three services with metrics on, in front of the platform's database."""

    collector: Collector
    ports: dict[str, int]
    channels: dict[str, grpc.aio.Channel] = field(default_factory=dict)
    services: dict[str, ServiceProcess] = field(default_factory=dict)

    def text(self, service: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.ports[service]}/metrics", timeout=10) as answer:
            assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
            return str(answer.read().decode())

    def series(self, service: str) -> dict[tuple[str, ...], float]:
        """By name, and the labels' values in the order of their names."""
        return {
            (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
            for family in text_string_to_metric_families(self.text(service))
            for sample in family.samples
        }


@pytest.fixture(scope="module")
def site(platform: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("metrics")
    server = platform.server
    customer = CustomerDatabase(
        server.host, server.port, platform.database, platform.role, platform.password, sslmode="disable"
    )
    definitions = {name: demo_database.FILES / f"{name}.toml" for name in ("segments", "conditions")}
    with ExitStack() as stack:
        collector = stack.enter_context(Collector())
        loop = stack.enter_context(BackgroundLoop())
        at = Site(collector, free_ports())
        files = SettingsFiles(folder, dict.fromkeys((*SERVICES, "otlp"), 0), collector.address)

        def serve(plan: Any) -> str:
            metered(plan.config, at.ports[plan.name])
            at.services[plan.name] = stack.enter_context(loop.entered(ServiceProcess(plan)))
            return at.services[plan.name].address

        gateway = serve(files.gateway(customer, own_database=False, directflow=platform.directflow))
        serve(files.segments(gateway, definitions["segments"]))
        serve(files.conditions(gateway, definitions["conditions"]))
        yield at


def metered(config: Path, port: int) -> None:
    text = config.read_text()
    config.write_text(f"{text}\n[metrics]\nprometheus_port = {port}\nexport_interval_s = 0.2\n")


def free_ports() -> dict[str, int]:
    with ExitStack() as stack:
        sockets = {name: stack.enter_context(socket.socket()) for name in SERVICES}
        for one in sockets.values():
            one.bind(("127.0.0.1", 0))
        return {name: int(one.getsockname()[1]) for name, one in sockets.items()}


async def test_figures_are_what_was_done_and_hold_nothing_personal(platform: Any, site: Site, connect: Any) -> None:
    client = connect(site)
    rows = [await client.audience("communities", "7") for _ in range(2)]
    refused = await platform.failure(
        client.segments.StreamAudience(
            platform.audience_request("communities", variables={"community_id": CANARY}), timeout=20
        )
    )
    assert refused.reason == "VARIABLE_REJECTED"
    await client.query(f"SELECT id FROM users WHERE first_name <> '{CANARY_LITERAL}' LIMIT 3")
    condition = conditions_wire.EvaluateConditionRequest(condition="workspaces/demo/conditions/is_premium")
    stub = conditions_stubs.EvaluationServiceStub(client.channels["conditions"])
    for number in range(1, 6):
        condition.profile_id = str(number)
        await stub.EvaluateCondition(condition, timeout=20)
    await record(client)

    gateway, segments, conditions = [await asyncio.to_thread(site.series, name) for name in SERVICES]

    count = names.RPC_DURATION.prometheus + "_count"
    people = sum(one.table.num_rows for one in rows)
    assert segments[count, "", AUDIENCE, "OK"] == 2
    assert segments[count, "VARIABLE_REJECTED", AUDIENCE, "INVALID_ARGUMENT"] == 1
    assert segments[names.STREAM_ROWS.prometheus, AUDIENCE, "demo"] == people
    assert segments[names.STREAM_BYTES.prometheus, AUDIENCE, "demo"] > people
    assert gateway[count, "VARIABLE_REJECTED", QUERY, "INVALID_ARGUMENT"] == 1
    assert gateway[names.STREAM_ROWS.prometheus, QUERY, "demo"] >= people + 3
    assert gateway[names.DATABASE_LOGINS.prometheus, CUSTOMER, "ok"] >= 1
    assert gateway[names.POOL_SESSIONS.prometheus, CUSTOMER, "idle"] >= 1
    assert gateway[names.POOL_SESSIONS.prometheus, CUSTOMER, "leased"] == 0
    assert gateway[names.POOL_LIMIT.prometheus, CUSTOMER] >= 1
    assert gateway[names.BREAKER_OPEN.prometheus, CUSTOMER] == 0
    assert gateway[names.CREDENTIAL_READS.prometheus, "file", "ok"] >= 1
    assert gateway[names.CREDENTIAL_AGE.prometheus, CUSTOMER, "file"] >= 0
    assert gateway[names.STATEMENT_DURATION.prometheus + "_count", CUSTOMER, "evaluate", "ok"] == 5
    assert gateway[names.EVALUATION_TUPLES.prometheus, "single"] == 5
    assert gateway[names.ENGAGEMENT_EVENTS.prometheus, "recorded"] == 1
    assert gateway[names.ENGAGEMENT_EVENTS.prometheus, "duplicate"] == 1
    assert gateway[names.DEFINITIONS_COUNT.prometheus, "connections"] == 1
    assert gateway[names.BUDGET_HELD.prometheus, "process"] >= 1
    assert conditions[count, "", EVALUATE, "OK"] == 5
    assert conditions[names.EVALUATION_BATCH.prometheus + "_count",] == 5
    assert conditions[names.LANES.prometheus,] == 0
    assert conditions[names.CALLS_RUNNING.prometheus, "conditions"] == 0

    for name in SERVICES:
        text = await asyncio.to_thread(site.text, name)
        for secret in (CANARY, CANARY_LITERAL, platform.password, platform.role, "127.0.0.1"):
            assert secret not in text


async def record(client: Any) -> None:
    """One event, twice."""
    event = engagement_pb2.Event(
        event_id="metrics-test", profile_id=CANARY, type=engagement_pb2.EVENT_TYPE_OPENED, channel="email"
    )
    event.occur_time.GetCurrentTime()
    request = engagement_wire.RecordEngagementRequest(parent="workspaces/demo", events=[event])
    for _ in range(2):
        await client.engagement.RecordEngagement(request, timeout=20)


async def test_the_collector_is_told_the_same(platform: Any, site: Site, connect: Any) -> None:
    client = connect(site)
    await client.query("SELECT id FROM users LIMIT 5")

    def delivered() -> float:
        told = site.collector.of("gateway").get(names.STREAM_ROWS.name)
        points = told.sum.data_points if told else ()
        return float(sum(point.as_double or point.as_int for point in points))

    scraped = await asyncio.to_thread(site.series, "gateway")
    expected = scraped[names.STREAM_ROWS.prometheus, QUERY, "demo"]
    assert expected >= 5
    await platform.until(lambda: delivered() >= expected, why="the collector was told of fewer rows")
    everything = b"".join(request.SerializeToString() for request in site.collector.metrics)
    assert CANARY.encode() not in everything


async def test_every_metric_that_a_service_shows_is_one_of_the_list(site: Site) -> None:
    listed = {named.prometheus for named in names.ALL}
    for name in SERVICES:
        for line in (await asyncio.to_thread(site.text, name)).splitlines():
            if line.startswith("# TYPE "):
                assert line.split()[2] in listed
