"""The real service on port 0 in front of a scripted store that speaks the real protocol with the real layers."""

import asyncio
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
from directflow.conditions.v1 import engagement_service_pb2_grpc as stubs
from directflow.engagement.v1 import engagement_pb2
from directflow.gateway.v1 import engagement_store_service_pb2 as wire
from directflow_conditions import app
from directflow_conditions.config import ConditionsSettings
from directflow_runtime.identity import IdentityPolicy
from directflow_runtime.interceptors import Drain, server_interceptors
from directflow_runtime.logging import get_logger
from directflow_runtime.server import build_server
from directflow_runtime.settings import IdentitySettings, ServerSettings, TelemetrySettings
from directflow_runtime.telemetry import telemetry

STORE = "directflow.gateway.v1.EngagementStoreService"


def all_accepted(request: wire.AppendEventsRequest) -> wire.AppendEventsResponse:
    return wire.AppendEventsResponse(accepted_count=len(request.events))


@dataclass
class ScriptedStore:
    """Answers with what `append` and `page` say: a message, an error, or a function of the request (perhaps async)."""

    append: Any = all_accepted
    page: Any = field(default_factory=wire.ListEventsResponse)
    requests: list[Any] = field(default_factory=list)
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = 0

    async def AppendEvents(self, raw: bytes, context: Any) -> Any:
        return await self._answer(self.append, wire.AppendEventsRequest.FromString(raw))

    async def ListEvents(self, raw: bytes, context: Any) -> Any:
        return await self._answer(self.page, wire.ListEventsRequest.FromString(raw))

    async def _answer(self, reply: Any, request: Any) -> Any:
        self.requests.append(request)
        if isinstance(reply, Exception):
            raise reply
        answer = reply(request) if callable(reply) else reply
        try:
            return await answer if isinstance(answer, Awaitable) else answer
        except asyncio.CancelledError:
            self.cancelled.set()
            raise


def handlers(store: ScriptedStore) -> grpc.GenericRpcHandler:
    """Requests as bytes: an event that is broken must reach the store, which says so."""
    serialise: Callable[[Any], bytes] = lambda message: message.SerializeToString()  # noqa: E731
    methods = {
        "AppendEvents": grpc.unary_unary_rpc_method_handler(store.AppendEvents, None, serialise),
        "ListEvents": grpc.unary_unary_rpc_method_handler(store.ListEvents, None, serialise),
    }
    return grpc.method_handlers_generic_handler(STORE, methods)


@pytest.fixture
async def store(log: io.StringIO) -> AsyncIterator[ScriptedStore]:
    async with AsyncExitStack() as stack:
        settings = ServerSettings(reflection=False)
        traces = await stack.enter_async_context(telemetry(TelemetrySettings(), "scripted-store"))
        drain = Drain()
        layers = server_interceptors(
            domain="gateway.directflow",
            tracer=traces.tracer("scripted"),
            logger=get_logger("scripted"),
            policy=IdentityPolicy(IdentitySettings(allow_development=True)),
            settings=settings,
            drain=drain,
        )
        server = build_server(settings, layers, drain)
        scripted = ScriptedStore()
        server.grpc.add_generic_rpc_handlers((handlers(scripted),))
        await server.start()
        stack.push_async_callback(server.stop, 0)
        scripted.port = server.port
        yield scripted


Engagement = Callable[..., Awaitable[Any]]


@pytest.fixture
async def engagement(store: ScriptedStore) -> AsyncIterator[Engagement]:
    """`stub = await engagement()`: the service in front of the store; keywords are further settings."""
    async with AsyncExitStack() as stack:

        async def start(**settings: Any) -> Any:
            given = {
                "gateway": {"target": f"127.0.0.1:{store.port}"},
                "identity": {"allow_development": True},
                "definitions": {"from_store": False},
                **settings,
            }
            built = await app.build(ConditionsSettings.model_validate(given), stack)
            await built.server.start()
            stack.push_async_callback(built.server.stop, 0)
            channel = grpc.aio.insecure_channel(f"127.0.0.1:{built.server.port}")
            return stubs.EngagementServiceStub(await stack.enter_async_context(channel))

        yield start


@pytest.fixture
def event() -> Callable[..., engagement_pb2.Event]:
    """A sound event; keywords change it."""

    def make(event_id: str = "e1", **changes: Any) -> engagement_pb2.Event:
        given = {"type": engagement_pb2.EVENT_TYPE_OPENED, "profile_id": "7", "channel": "email", **changes}
        made = engagement_pb2.Event(event_id=event_id, **given)
        made.occur_time.FromJsonString("2026-11-20T10:00:00.25Z")
        return made

    return make
