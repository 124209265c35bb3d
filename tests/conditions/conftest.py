"""The real service on port 0 in front of a scripted gateway that speaks the real protocol with the real layers."""

import asyncio
import io
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
import structlog
from directflow.conditions.v1 import evaluation_service_pb2_grpc as evaluation
from directflow.gateway.v1 import engagement_store_service_pb2 as store_wire
from directflow.gateway.v1 import engagement_store_service_pb2_grpc as store_stubs
from directflow.gateway.v1 import query_service_pb2 as gateway_wire
from directflow.gateway.v1 import query_service_pb2_grpc as gateway_stubs
from directflow_conditions import app
from directflow_conditions.config import ConditionsSettings
from directflow_runtime import logging as runtime_logging
from directflow_runtime.identity import IdentityPolicy
from directflow_runtime.interceptors import Drain, server_interceptors
from directflow_runtime.logging import get_logger
from directflow_runtime.server import build_server
from directflow_runtime.settings import IdentitySettings, LoggingSettings, ServerSettings, TelemetrySettings
from directflow_runtime.telemetry import telemetry

Response = gateway_wire.EvaluateSetResponse
Reply = Response | Exception | Callable[[gateway_wire.EvaluateSetRequest], Awaitable[Response]]


@dataclass
class ScriptedGateway(gateway_stubs.QueryServiceServicer):
    """Answers EvaluateSet with `reply`; keeps the requests and how long each was allowed to take."""

    reply: Reply = field(default_factory=lambda: Response(outcomes=[gateway_wire.SET_OUTCOME_TRUE]))
    requests: list[gateway_wire.EvaluateSetRequest] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = 0

    async def EvaluateSet(self, request: gateway_wire.EvaluateSetRequest, context: Any) -> Response:
        self.requests.append(request)
        self.seconds.append(context.time_remaining())
        if isinstance(self.reply, Exception):
            raise self.reply
        if isinstance(self.reply, Response):
            return self.reply
        try:
            return await self.reply(request)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise


@dataclass
class ScriptedStore(store_stubs.EngagementStoreServiceServicer):
    """Answers EvaluatePredicates: a profile's predicate is true where its id holds the predicate's channel."""

    requests: list[store_wire.EvaluatePredicatesRequest] = field(default_factory=list)
    reply: Callable[[store_wire.EvaluatePredicatesRequest], Awaitable[store_wire.EvaluatePredicatesResponse]] | None = (
        None
    )

    async def EvaluatePredicates(
        self, request: store_wire.EvaluatePredicatesRequest, context: Any
    ) -> store_wire.EvaluatePredicatesResponse:
        self.requests.append(request)
        if self.reply is not None:
            return await self.reply(request)
        outcomes = [
            getattr(predicate, predicate.WhichOneof("predicate")).channel in profile
            for predicate in request.predicates
            for profile in request.profile_ids
        ]
        return store_wire.EvaluatePredicatesResponse(outcomes=outcomes, counts=[2 * outcome for outcome in outcomes])


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """The log lines of everything that runs in the test."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    lines = io.StringIO()
    runtime_logging.configure(LoggingSettings(), "test", lines)
    yield lines
    root.handlers, root.level = handlers, level
    logging.captureWarnings(False)
    structlog.reset_defaults()


@pytest.fixture
def store() -> ScriptedStore:
    return ScriptedStore()


@pytest.fixture
async def gateway(log: io.StringIO, store: ScriptedStore) -> AsyncIterator[ScriptedGateway]:
    async with AsyncExitStack() as stack:
        settings = ServerSettings(reflection=False)
        traces = await stack.enter_async_context(telemetry(TelemetrySettings(), "scripted-gateway"))
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
        scripted = ScriptedGateway()
        gateway_stubs.add_QueryServiceServicer_to_server(scripted, server.grpc)
        store_stubs.add_EngagementStoreServiceServicer_to_server(store, server.grpc)
        await server.start()
        stack.push_async_callback(server.stop, 0)
        scripted.port = server.port
        yield scripted


Serve = Callable[..., Awaitable[Any]]


@pytest.fixture
async def serve(gateway: ScriptedGateway) -> AsyncIterator[Serve]:
    """`channel = await serve(conditions=[...])`: the service with these settings, and a plain channel to it."""
    async with AsyncExitStack() as stack:

        async def start(**settings: Any) -> grpc.aio.Channel:
            given = {
                "gateway": {"target": f"127.0.0.1:{gateway.port}"},
                "identity": {"allow_development": True},
                "definitions": {"from_store": False},
                **settings,
            }
            built = await app.build(ConditionsSettings.model_validate(given), stack)
            await built.server.start()
            stack.push_async_callback(built.server.stop, 0)
            channel = grpc.aio.insecure_channel(f"127.0.0.1:{built.server.port}")
            return await stack.enter_async_context(channel)

        yield start


@pytest.fixture
async def ask(serve: Serve) -> Callable[..., Awaitable[Any]]:
    """The EvaluationService stub over one condition, `premium`, whose settings the keywords change."""

    async def start(**changes: Any) -> Any:
        condition = {
            "name": "workspaces/acme/conditions/premium",
            "connection": "workspaces/acme/connections/main",
            "sql": "SELECT plan = '<%= plan %>' AS result FROM users WHERE id = '<%= profile_id %>'",
            **changes,
        }
        return evaluation.EvaluationServiceStub(await serve(conditions=[condition]))

    return start
