"""Segments and the gateway as their app.py build them, over the demo customer and a database of DirectFlow's own."""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest
from directflow.segments.v1 import audience_service_pb2 as audience_pb
from directflow.segments.v1 import audience_service_pb2_grpc as audience_stubs
from directflow.segments.v1 import data_source_service_pb2 as pb
from directflow.segments.v1 import data_source_service_pb2_grpc as stubs
from directflow.sql.v1 import sql_pb2
from directflow_cli.dev import demo_database, directflow_database
from directflow_cli.dev.postgres import PostgresServer
from directflow_gateway import app as gateway_app
from directflow_gateway.config import GatewaySettings
from directflow_runtime.lifecycle import App
from directflow_runtime.remote import RemoteError, remote_error
from directflow_segments import app
from directflow_segments.config import SegmentsSettings

CALL_S = 20.0
READY_S = 20.0
PEOPLE = """
INSERT INTO communities SELECT n, 'community ' || n, 10 * n, 'premium', true FROM generate_series(1, 3) n;
INSERT INTO users SELECT n, 'user' || n || '@example.com', NULL, 'first', 'last', 'premium', 'premium', now(), now()
  FROM generate_series(1, 60) n;
INSERT INTO memberships (user_id, community_id, joined_at) SELECT n, 1 + n % 3, now() FROM generate_series(1, 60) n;
INSERT INTO user_profiles SELECT n, 'plan', now(), 1.50, 'de' FROM generate_series(1, 60) n;
"""

DISCOVERY = (
    "SELECT id, community_name, user_count, plan_type FROM communities WHERE active = true ORDER BY user_count DESC"
)
GENERATOR = """SELECT u.id AS profile_id, u.email, u.phone, u.first_name, u.last_name
FROM users u JOIN memberships m ON u.id = m.user_id
WHERE m.community_id = '<%= community_id %>' AND u.email IS NOT NULL"""
PRELOAD = (
    "SELECT plan_name, last_login_at, total_purchases, preferred_language FROM user_profiles "
    "WHERE user_id = '<%= profile_id %>'"
)
DOCUMENTED = {"discovery_sql": DISCOVERY, "generator_sql": GENERATOR, "preload_sql": PRELOAD}


@dataclass(frozen=True)
class Customer:
    """A customer's database, and the gateway's settings for it."""

    connection: Mapping[str, Any]
    password: str = field(repr=False)


@dataclass(frozen=True)
class Segments:
    """One replica, and a workspace in which nothing is saved."""

    data_sources: Any
    audiences: Any
    workspace: str

    @property
    def parent(self) -> str:
        return f"workspaces/{self.workspace}"

    def name(self, id: str) -> str:
        return f"{self.parent}/dataSources/{id}"

    def definition(self, **fields: Any) -> pb.DataSource:
        """The documented one; `fields` change it."""
        given = {"connection": f"{self.parent}/connections/customer", **DOCUMENTED, **fields}
        return pb.DataSource(**given)

    async def create(self, id: str, validate_only: bool = False, request_id: str = "", **fields: Any) -> pb.DataSource:
        request = pb.CreateDataSourceRequest(
            parent=self.parent,
            data_source_id=id,
            data_source=self.definition(**fields),
            validate_only=validate_only,
            request_id=request_id,
        )
        answer: pb.DataSource = await self.data_sources.CreateDataSource(request, timeout=CALL_S)
        return answer

    async def update(self, data_source: pb.DataSource, **options: Any) -> pb.DataSource:
        request = pb.UpdateDataSourceRequest(data_source=data_source, **options)
        answer: pb.DataSource = await self.data_sources.UpdateDataSource(request, timeout=CALL_S)
        return answer

    async def get(self, id: str) -> pb.DataSource:
        request = pb.GetDataSourceRequest(name=self.name(id))
        answer: pb.DataSource = await self.data_sources.GetDataSource(request, timeout=CALL_S)
        return answer

    async def delete(self, id: str, **options: Any) -> None:
        await self.data_sources.DeleteDataSource(
            pb.DeleteDataSourceRequest(name=self.name(id), **options), timeout=CALL_S
        )

    async def ids(self, **options: Any) -> tuple[list[str], str]:
        request = pb.ListDataSourcesRequest(parent=self.parent, **options)
        page = await self.data_sources.ListDataSources(request, timeout=CALL_S)
        return [one.name.rpartition("/")[2] for one in page.data_sources], page.next_page_token

    async def revisions(self, id: str, **options: Any) -> Any:
        request = pb.ListDataSourceRevisionsRequest(name=self.name(id), **options)
        return await self.data_sources.ListDataSourceRevisions(request, timeout=CALL_S)

    async def rollback(self, id: str, revision: int, **options: Any) -> pb.DataSource:
        request = pb.RollbackDataSourceRequest(name=self.name(id), revision=revision, **options)
        answer: pb.DataSource = await self.data_sources.RollbackDataSource(request, timeout=CALL_S)
        return answer

    @staticmethod
    async def refused(call: Any) -> RemoteError:
        """The error that a call must end with."""
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await call
        return remote_error(raised.value)

    @staticmethod
    async def until(attempt: Callable[[], Any], within_s: float = 15.0) -> Any:
        """What `attempt` comes to as soon as that is true; an error on the way is not yet."""
        ends_at = time.monotonic() + within_s
        while time.monotonic() < ends_at:
            with suppress(grpc.aio.AioRpcError):
                if found := await attempt():
                    return found
            await asyncio.sleep(0.05)
        raise AssertionError(f"not within {within_s} s")

    async def people(self, id: str, community_id: int = 1) -> int:
        """How many people the audience of a community has, streamed to its end."""
        value = {"community_id": sql_pb2.Value(integer=community_id)}
        target = audience_pb.Target(data_source=self.name(id), variables=value)
        call = self.audiences.StreamAudience(audience_pb.StreamAudienceRequest(target=target), timeout=CALL_S)
        messages = [message async for message in call]
        return int(messages[-1].summary.ledger.delivered.people)


@pytest.fixture(scope="module")
def customer(postgres: PostgresServer) -> Customer:
    """The demo customer's tables, with few people in them."""
    database = postgres.create_database()
    postgres.psql(file=demo_database.FILES / "schema.sql", database=database)
    postgres.psql(PEOPLE, database=database)
    role = postgres.create_role()
    postgres.psql(f'GRANT SELECT ON ALL TABLES IN SCHEMA public TO "{role.name}"', database=database)
    place = {"host": postgres.host, "port": postgres.port, "database": database, "user": role.name}
    return Customer({"id": "customer", **place, "sslmode": "disable"}, role.password)


@pytest.fixture(scope="module")
def own_database(tmp_path_factory: pytest.TempPathFactory) -> Callable[[PostgresServer], dict[str, Any]]:
    """`own_database(server)`: an empty database with its three roles, as the gateway's settings have it."""

    def make(server: PostgresServer) -> dict[str, Any]:
        folder = tmp_path_factory.mktemp("directflow")
        made = directflow_database.create(server, f"own_{time.monotonic_ns()}")
        for name, role in made.roles.items():
            (folder / f"{name}.json").write_text(json.dumps({"username": role.name, "password": role.password}))
        credentials = {f"{name}_credential": str(folder / f"{name}.json") for name in made.roles}
        place = {"host": made.host, "port": made.port, "database": made.database, "sslmode": "disable"}
        return {**place, **credentials}

    return make


@pytest.fixture(scope="module")
def shared_database(postgres: PostgresServer, own_database: Any) -> dict[str, Any]:
    """The module's database of definitions."""
    section: dict[str, Any] = own_database(postgres)
    return section


@pytest.fixture
def workspace() -> str:
    """Of the test's own: the tests of a module share a database."""
    return f"w{uuid.uuid4().hex[:12]}"


@pytest.fixture
async def opened() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


Start = Callable[..., Any]


@dataclass
class Gateways:
    """Gateways of a test's own."""

    customer: Customer
    workspace: str
    folder: Path
    opened: AsyncExitStack
    running: dict[int, App] = field(default_factory=dict)

    async def __call__(self, section: Mapping[str, Any] | None, **settings: Any) -> int:
        """Starts one over this database of definitions; its port. Keywords are further settings."""
        built = await gateway_app.build(
            GatewaySettings.model_validate({**self._given(section), **settings}), self.opened
        )
        await built.server.start()
        self.opened.push_async_callback(built.server.stop, 0)
        self.running[built.server.port] = built
        return built.server.port

    async def stop(self, port: int) -> None:
        """Ends one as a killed process would: nobody listens there any more."""
        await self.running.pop(port).server.stop(0)

    def _given(self, section: Mapping[str, Any] | None) -> dict[str, Any]:
        unreachable = {**self.customer.connection, "id": "unreachable", "host": "127.0.0.1", "port": 1}
        connections = [{**one, "workspace": self.workspace} for one in (self.customer.connection, unreachable)]
        (self.folder / self.workspace).mkdir(exist_ok=True)
        for one in connections:
            (self.folder / self.workspace / str(one["id"])).write_text(self.customer.password)
        return {
            "identity": {"allow_development": True},
            "egress": {"allow_loopback": True},
            "credentials": {"path": f"{self.folder}/{{workspace}}/{{connection}}"},
            "connections": connections,
            **({"directflow_database": section} if section else {}),
        }


@pytest.fixture
def start_gateway(customer: Customer, workspace: str, tmp_path: Path, opened: AsyncExitStack) -> Gateways:
    """`port = await start_gateway(section)`."""
    return Gateways(customer, workspace, tmp_path, opened)


@pytest.fixture
def build_segments(opened: AsyncExitStack) -> Start:
    """`app = await build_segments(gateway_port)`: a replica that does not serve yet."""

    async def build(port: int, **settings: Any) -> App:
        given = {"gateway": {"target": f"127.0.0.1:{port}"}, "identity": {"allow_development": True}, **settings}
        return await app.build(SegmentsSettings.model_validate(given), opened)

    return build


@pytest.fixture
def start_segments(build_segments: Start, workspace: str, opened: AsyncExitStack) -> Start:
    """`segments = await start_segments(gateway_port)`: a replica that serves."""

    async def start(port: int, **settings: Any) -> Segments:
        built = await build_segments(port, **settings)
        async with asyncio.timeout(READY_S):
            await built.ready()
        await built.server.start()
        opened.push_async_callback(built.server.stop, 0)
        channel = grpc.aio.insecure_channel(f"127.0.0.1:{built.server.port}")
        await opened.enter_async_context(channel)
        return Segments(stubs.DataSourceServiceStub(channel), audience_stubs.AudienceServiceStub(channel), workspace)

    return start


@pytest.fixture
async def gateway_port(start_gateway: Start, shared_database: dict[str, Any]) -> int:
    """A gateway of the test's own."""
    port: int = await start_gateway(shared_database)
    return port


@pytest.fixture
async def segments(start_segments: Start, gateway_port: int) -> Segments:
    """A replica of the test's own."""
    replica: Segments = await start_segments(gateway_port)
    return replica
