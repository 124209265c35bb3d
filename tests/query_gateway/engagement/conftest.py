"""A gateway as app.py builds it, over a database of DirectFlow's own on the shared server, called through gRPC."""

import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import grpc
import psycopg
import pytest
from directflow.engagement.v1 import engagement_pb2
from directflow.gateway.v1 import engagement_store_service_pb2 as pb
from directflow.gateway.v1 import engagement_store_service_pb2_grpc as stubs
from directflow_cli.dev import directflow_database
from directflow_cli.dev.postgres import PostgresServer
from directflow_gateway import app
from directflow_gateway.config import GatewaySettings
from directflow_runtime.remote import RemoteError, remote_error

CALL_S = 30.0
DAY_S = 86_400


@dataclass(frozen=True)
class Store:
    """The service, its database, and who calls."""

    stub: Any
    channel: Any
    server: PostgresServer
    database: str
    settings: Mapping[str, Any]
    workspace: str
    """Of the test's own: the tests of a module share a database."""

    async def append(self, *events: Any, workspace: str = "") -> Any:
        request = pb.AppendEventsRequest(parent=f"workspaces/{workspace or self.workspace}", events=events)
        return await self.stub.AppendEvents(request, timeout=CALL_S)

    async def evaluate(self, predicates: Any, profiles: Any, anchors: Any = (), at: Any = None, **more: Any) -> Any:
        request = pb.EvaluatePredicatesRequest(
            parent=f"workspaces/{more.pop('workspace', self.workspace)}",
            predicates=predicates,
            profile_ids=profiles,
            anchors=anchors,
            evaluation_time=at,
        )
        return await self.stub.EvaluatePredicates(request, timeout=CALL_S)

    async def events_of(self, profile_id: str, workspace: str = "", **more: Any) -> Any:
        request = pb.ListEventsRequest(
            parent=f"workspaces/{workspace or self.workspace}", profile_id=profile_id, **more
        )
        return await self.stub.ListEvents(request, timeout=CALL_S)

    async def failure(self, call: Any) -> RemoteError:
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await call
        return remote_error(raised.value)

    def admin(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self.server.admin_dsn(self.database), autocommit=True)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with self.admin() as admin:
            return admin.execute(sql).fetchall()


@pytest.fixture(scope="module")
def own_database(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., dict[str, Any]]:
    """`own_database(server)`: an empty database with its three roles, as the settings' section."""

    def make(server: PostgresServer, **more: Any) -> dict[str, Any]:
        folder = tmp_path_factory.mktemp("credentials")
        made = directflow_database.create(server, f"own_{time.monotonic_ns()}")
        for name, role in made.roles.items():
            (folder / f"{name}.json").write_text(json.dumps({"username": role.name, "password": role.password}))
        credentials = {f"{name}_credential": str(folder / f"{name}.json") for name in made.roles}
        place = {"host": made.host, "port": made.port, "database": made.database, "sslmode": "disable"}
        return {**place, **credentials, **more}

    return make


@pytest.fixture(scope="module")
def shared_database(postgres: PostgresServer, own_database: Any) -> dict[str, Any]:
    """The module's database."""
    section: dict[str, Any] = own_database(postgres)
    return section


@pytest.fixture
async def open_store() -> AsyncIterator[Callable[..., Any]]:
    """`await open_store(server, section)`: a gateway over that database; closed after the test."""
    async with AsyncExitStack() as stack:

        async def open_one(server: PostgresServer, section: Mapping[str, Any] | None, callers: Any = ()) -> Store:
            settings = {
                "identity": {"allow_development": True, "callers": callers},
                "credentials": {"path": "/nowhere/{workspace}/{connection}"},
                **({"directflow_database": section} if section else {}),
            }
            built = await app.build(GatewaySettings.model_validate(settings), stack)
            await built.server.start()
            stack.push_async_callback(built.server.stop, 0)
            channel = grpc.aio.insecure_channel(f"127.0.0.1:{built.server.port}")
            await stack.enter_async_context(channel)
            stub = stubs.EngagementStoreServiceStub(channel)
            workspace = f"w{time.monotonic_ns()}"
            return Store(stub, channel, server, section["database"] if section else "", section or {}, workspace)

        yield open_one


@pytest.fixture
async def store(postgres: PostgresServer, shared_database: Any, open_store: Any) -> Store:
    """A gateway of the test's own, and a workspace in which nothing is recorded."""
    opened: Store = await open_store(postgres, shared_database)
    return opened


@pytest.fixture
def event() -> Callable[..., Any]:
    """`event(ago_s=60, type="OPENED", ...)`: a sound event with an id of its own, so long ago."""
    now_us = time.time_ns() // 1000
    count = 0

    def make(ago_s: float = 60, type: str = "OPENED", **more: Any) -> Any:
        nonlocal count
        count += 1
        seconds, rest = divmod(now_us - round(ago_s * 1_000_000), 1_000_000)
        given = {
            "event_id": f"event-{count}",
            "profile_id": "ada",
            "channel": "email",
            "occur_time": {"seconds": seconds, "nanos": rest * 1000},
            **more,
        }
        return engagement_pb2.Event(type=f"EVENT_TYPE_{type}", **given)  # type: ignore[arg-type]

    return make
