"""Scripted services on real gRPC, and the command line in front of them."""

import json
from collections.abc import Callable, Iterator
from concurrent import futures
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
from directflow.conditions.v1 import engagement_service_pb2_grpc as engagement_stubs
from directflow.conditions.v1 import evaluation_service_pb2_grpc as conditions_stubs
from directflow.gateway.v1 import query_service_pb2_grpc as gateway_stubs
from directflow.segments.v1 import audience_service_pb2_grpc as segments_stubs
from directflow_cli.app import build
from directflow_runtime.errors import DirectFlowError
from directflow_runtime.status import DETAILS_KEY, grpc_code, to_status
from typer.testing import CliRunner, Result

DOMAINS = {"segments": "segments.directflow", "conditions": "conditions.directflow", "gateway": "gateway.directflow"}


@dataclass
class Scripted:
    """The three services at one address. A reply is a message, a list of messages for a stream, an error among them,
    or a function of the request (of the iterator of requests, where they are streamed) that returns one of these."""

    address: str = ""
    replies: dict[str, Any] = field(default_factory=dict)
    requests: list[Any] = field(default_factory=list)
    metadata: list[dict[str, Any]] = field(default_factory=list)

    def answer(self, method: str, service: str, request: Any, context: Any) -> Iterator[Any]:
        self.requests.append(request)
        self.metadata.append(dict(context.invocation_metadata()))
        reply = self.replies[method]
        reply = reply(request) if callable(reply) else reply
        for message in reply if isinstance(reply, list | Iterator) else [reply]:
            if isinstance(message, DirectFlowError):
                refuse(context, message, DOMAINS[service])
            yield message


def refuse(context: Any, error: DirectFlowError, domain: str) -> None:
    """Ends a synchronous call as our services do."""
    status = to_status(error, domain=domain, request_id="ab" * 16, may_define=True)
    context.set_trailing_metadata(((DETAILS_KEY, status.SerializeToString()),))
    context.abort(grpc_code(status.code), status.message)


def servicer(scripted: Scripted, service: str, base: type, unary: tuple[str, ...], streams: tuple[str, ...]) -> Any:
    def make(name: str, *, streaming: bool) -> Callable[..., Any]:
        def one(self: Any, request: Any, context: Any) -> Any:
            return next(scripted.answer(name, service, request, context))

        def many(self: Any, request: Any, context: Any) -> Any:
            yield from scripted.answer(name, service, request, context)

        return many if streaming else one

    methods = {name: make(name, streaming=False) for name in unary}
    methods |= {name: make(name, streaming=True) for name in streams}
    return type(f"Scripted{base.__name__}", (base,), methods)()


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    services = Scripted()
    server = grpc.server(futures.ThreadPoolExecutor(8), options=[("grpc.so_reuseport", 0)])
    segments_stubs.add_AudienceServiceServicer_to_server(
        servicer(
            services,
            "segments",
            segments_stubs.AudienceServiceServicer,
            ("ListSegments", "GetSegment", "PreviewAudience", "CountAudience", "ExplainMembership", "DiffAudience"),
            ("StreamAudience", "BatchGetPersonalization"),
        ),
        server,
    )
    conditions_stubs.add_EvaluationServiceServicer_to_server(
        servicer(
            services,
            "conditions",
            conditions_stubs.EvaluationServiceServicer,
            ("EvaluateConditions",),
            ("StreamEvaluations",),
        ),
        server,
    )
    engagement_stubs.add_EngagementServiceServicer_to_server(
        servicer(
            services,
            "conditions",
            engagement_stubs.EngagementServiceServicer,
            ("ListEngagement",),
            ("StreamEngagement",),
        ),
        server,
    )
    gateway_stubs.add_QueryServiceServicer_to_server(
        servicer(services, "gateway", gateway_stubs.QueryServiceServicer, ("DescribeQuery",), ("StreamQuery",)), server
    )
    services.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    yield services
    server.stop(0).wait(10)


@dataclass(frozen=True)
class Ran:
    """What a command left behind."""

    code: int
    out: str
    raw: bytes
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


@pytest.fixture
def directflow(
    scripted: Scripted, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Ran]:
    """`directflow("segment", "list", "members")` runs the command against the scripted services, in workspace acme."""
    monkeypatch.setenv("DIRECTFLOW_STATE_DIR", str(tmp_path_factory.mktemp("state")))
    monkeypatch.setenv("DIRECTFLOW_CONFIG", str(tmp_path_factory.mktemp("config") / "config.toml"))
    monkeypatch.setenv("COLUMNS", "200")
    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "DIRECTFLOW_OTLP_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    for name in DOMAINS:
        monkeypatch.setenv(f"DIRECTFLOW_{name.upper()}", scripted.address)
    monkeypatch.setenv("DIRECTFLOW_WORKSPACE", "acme")

    def run(*arguments: str, stdin: str | bytes | None = None) -> Ran:
        result: Result = CliRunner().invoke(build(), list(arguments), input=stdin)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Ran(result.exit_code, result.stdout_bytes.decode(errors="replace"), result.stdout_bytes, result.stderr)

    return run
