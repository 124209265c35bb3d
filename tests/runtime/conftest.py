"""A real grpc.aio server on port 0 with the real layers, around a tiny service of well-known protobuf types."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
import structlog
from directflow_runtime.channel import open_channel
from directflow_runtime.client_tracing import TracedChannel
from directflow_runtime.identity import IdentityPolicy
from directflow_runtime.interceptors import Drain, server_interceptors
from directflow_runtime.metrics import OFF, Metrics
from directflow_runtime.server import RpcServer, build_server
from directflow_runtime.settings import ChannelSettings, IdentitySettings, ServerSettings, TelemetrySettings
from directflow_runtime.telemetry import telemetry
from google.protobuf.wrappers_pb2 import StringValue
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, Tracer

DOMAIN = "test.directflow"
SERVICE = "directflow.test.v1.TestService"
SHAPES: dict[str, Callable[..., Any]] = {
    "unary_unary": grpc.unary_unary_rpc_method_handler,
    "unary_stream": grpc.unary_stream_rpc_method_handler,
    "stream_unary": grpc.stream_unary_rpc_method_handler,
    "stream_stream": grpc.stream_stream_rpc_method_handler,
}


async def wait_until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    """Returns when `condition` holds; fails after `seconds`."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  conditions of any kind have no event
            await asyncio.sleep(0.005)


@pytest.fixture
def until() -> Callable[..., Awaitable[None]]:
    """`await until(condition)`: a wait with a deadline."""
    return wait_until


@dataclass
class World:
    """One server, one channel to it, and what they left behind."""

    server: RpcServer
    tracer: Tracer
    channel: TracedChannel
    spans: InMemorySpanExporter
    lines: list[dict[str, Any]] = field(default_factory=list)

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.server.port}"

    def stub(self, shape: str, name: str = "Do") -> Any:
        return self.stub_of(self.channel, shape, name)

    def stub_of(self, channel: Any, shape: str, name: str = "Do") -> Any:
        method = getattr(channel, shape)
        return method(f"/{SERVICE}/{name}", StringValue.SerializeToString, StringValue.FromString)

    def spans_of(self, kind: SpanKind) -> list[ReadableSpan]:
        return [span for span in self.spans.get_finished_spans() if span.kind is kind]

    async def span(self, kind: SpanKind) -> ReadableSpan:
        """The only span of that kind; it may end a moment after the client has its answer."""
        await wait_until(lambda: bool(self.spans_of(kind)))
        (span,) = self.spans_of(kind)
        return span

    async def line(self) -> dict[str, Any]:
        """The only log line of a call."""
        await wait_until(lambda: any(line["event"] == "call" for line in self.lines))
        (line,) = [line for line in self.lines if line["event"] == "call"]
        return line


MakeWorld = Callable[..., Awaitable[World]]


@pytest.fixture
async def world() -> AsyncIterator[MakeWorld]:
    """`await world(handler, "unary_unary")` serves one handler as TestService/Do; keywords change the settings."""
    async with AsyncExitStack() as stack:

        async def make(
            handler: Callable[..., Any],
            shape: str = "unary_unary",
            name: str = "Do",
            identity: IdentitySettings | None = None,
            request: Any = StringValue,
            also: Mapping[str, tuple[Any, str]] = {},
            metrics: Metrics = OFF,
            baggage: tuple[str, ...] = (),
            **settings: Any,
        ) -> World:
            handlers = {name: (handler, shape), **also}
            spans = InMemorySpanExporter()
            traces = await stack.enter_async_context(telemetry(TelemetrySettings(), "test", SimpleSpanProcessor(spans)))
            lines: list[dict[str, Any]] = []
            server = _server(handlers, identity, request, ServerSettings(**settings), traces, lines, metrics, baggage)
            await server.start()
            stack.push_async_callback(server.stop, 0)
            tracer = traces.tracer("test.client")
            channel = open_channel(ChannelSettings(target=f"127.0.0.1:{server.port}"), tracer)
            await stack.enter_async_context(channel)
            return World(server, tracer, channel, spans, lines)

        yield make


def _server(
    handlers: Mapping[str, Any],
    identity: Any,
    request: Any,
    settings: ServerSettings,
    traces: Any,
    lines: Any,
    metrics: Metrics,
    baggage: tuple[str, ...],
) -> RpcServer:
    drain = Drain()
    layers = server_interceptors(
        domain=DOMAIN,
        tracer=traces.tracer("test.server"),
        logger=structlog.wrap_logger(None, processors=[_keep(lines)]),
        policy=IdentityPolicy(identity or IdentitySettings(allow_development=True)),
        settings=settings,
        drain=drain,
        metrics=metrics,
        baggage=baggage,
    )
    server = build_server(settings, layers, drain, [SERVICE])
    methods = {
        name: SHAPES[shape](handler, request.FromString, StringValue.SerializeToString)
        for name, (handler, shape) in handlers.items()
    }
    server.grpc.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, methods),))
    return server


def _keep(lines: list[dict[str, Any]]) -> Any:
    def processor(logger: Any, method: str, event: Any) -> Any:
        lines.append({**event, "level": method})
        raise structlog.DropEvent

    return processor
