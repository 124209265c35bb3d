"""Conditions and the gateway as their app.py build them, over a customer's database and one of DirectFlow's own.

The gateway grants conditions no right to define: it runs what is saved, and nothing else.
"""

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
from directflow.conditions.v1 import condition_service_pb2 as pb
from directflow.conditions.v1 import condition_service_pb2_grpc as stubs
from directflow.conditions.v1 import evaluation_service_pb2 as evaluation
from directflow.conditions.v1 import evaluation_service_pb2_grpc as evaluation_stubs
from directflow.sql.v1 import sql_pb2
from directflow_cli.dev import directflow_database
from directflow_cli.dev.postgres import PostgresServer
from directflow_conditions import app
from directflow_conditions.config import ConditionsSettings
from directflow_gateway import app as gateway_app
from directflow_gateway.config import GatewaySettings
from directflow_runtime.lifecycle import App
from directflow_runtime.remote import RemoteError, remote_error

CALL_S = 20.0
READY_S = 60.0
TABLES = """
CREATE TABLE users (id bigint PRIMARY KEY, email text, subscription_plan text, token uuid, birth_date date);
INSERT INTO users SELECT n, 'user' || n, CASE WHEN n % 2 = 1 THEN 'premium' ELSE 'free' END
FROM generate_series(1, 6) n;
ANALYZE users;
"""
DOCUMENTED = (
    "SELECT CASE WHEN subscription_plan = 'premium' THEN true ELSE false END AS result FROM users "
    "WHERE id = '<%= profile_id %>' LIMIT 1"
)
PEOPLE = tuple(str(number) for number in range(1, 7))


@dataclass(frozen=True)
class Conditions:
    """One replica, and a workspace in which nothing is saved."""

    service: Any
    evaluation: Any
    workspace: str

    @property
    def parent(self) -> str:
        return f"workspaces/{self.workspace}"

    def name(self, id: str) -> str:
        return f"{self.parent}/conditions/{id}"

    def sql(self, sql: str = DOCUMENTED, connection: str = "customer", **fields: Any) -> pb.Condition:
        """A condition over the customer's database."""
        where = f"{self.parent}/connections/{connection}"
        return pb.Condition(sql=pb.SqlCondition(connection=where, sql=sql, **fields))

    def all_of(self, *ids: str) -> pb.Condition:
        """An expression over others."""
        operands = [pb.Expression(condition=self.name(id)) for id in ids]
        return pb.Condition(expression=pb.Expression(all_of=pb.Operands(operands=operands)))

    def negation(self, id: str) -> pb.Condition:
        """An expression over another."""
        return pb.Condition(expression=pb.Expression(negation=pb.Expression(condition=self.name(id))))

    async def create(self, id: str, condition: pb.Condition | None = None, **options: Any) -> pb.Condition:
        given = self.sql() if condition is None else condition
        request = pb.CreateConditionRequest(parent=self.parent, condition_id=id, condition=given, **options)
        answer: pb.Condition = await self.service.CreateCondition(request, timeout=CALL_S)
        return answer

    async def update(self, condition: pb.Condition, **options: Any) -> pb.Condition:
        request = pb.UpdateConditionRequest(condition=condition, **options)
        answer: pb.Condition = await self.service.UpdateCondition(request, timeout=CALL_S)
        return answer

    async def get(self, id: str) -> pb.Condition:
        answer: pb.Condition = await self.service.GetCondition(
            pb.GetConditionRequest(name=self.name(id)), timeout=CALL_S
        )
        return answer

    async def delete(self, id: str, **options: Any) -> None:
        await self.service.DeleteCondition(pb.DeleteConditionRequest(name=self.name(id), **options), timeout=CALL_S)

    async def ids(self, **options: Any) -> tuple[list[str], str]:
        request = pb.ListConditionsRequest(parent=self.parent, **options)
        page = await self.service.ListConditions(request, timeout=CALL_S)
        return [one.name.rpartition("/")[2] for one in page.conditions], page.next_page_token

    async def revisions(self, id: str, **options: Any) -> Any:
        request = pb.ListConditionRevisionsRequest(name=self.name(id), **options)
        return await self.service.ListConditionRevisions(request, timeout=CALL_S)

    async def rollback(self, id: str, revision: int, **options: Any) -> pb.Condition:
        request = pb.RollbackConditionRequest(name=self.name(id), revision=revision, **options)
        answer: pb.Condition = await self.service.RollbackCondition(request, timeout=CALL_S)
        return answer

    async def evaluate(self, id: str, person: str = "1", **options: Any) -> Any:
        """The response of a single evaluation; variables as texts."""
        texts = options.pop("variables", {})
        variables = {name: sql_pb2.Value(text=text) for name, text in texts.items()}
        request = evaluation.EvaluateConditionRequest(
            condition=self.name(id), profile_id=person, variables=variables, **options
        )
        return await self.evaluation.EvaluateCondition(request, timeout=CALL_S)

    async def batch(self, id: str) -> Any:
        """The response for everybody."""
        profiles = evaluation.ProfileColumns(profile_ids=PEOPLE)
        request = evaluation.BatchEvaluateConditionsRequest(condition=self.name(id), profiles=profiles)
        return await self.evaluation.BatchEvaluateConditions(request, timeout=CALL_S)

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
            await asyncio.sleep(0.02)
        raise AssertionError(f"not within {within_s} s")


@dataclass(frozen=True)
class Customer:
    """A customer's database, as the gateway's settings have it."""

    connection: Mapping[str, Any]
    password: str = field(repr=False)


@pytest.fixture(scope="module")
def customer(postgres: PostgresServer) -> Customer:
    database = postgres.create_database()
    postgres.psql(TABLES, database=database)
    role = postgres.create_role()
    postgres.psql(f'GRANT SELECT ON ALL TABLES IN SCHEMA public TO "{role.name}"', database=database)
    place = {"host": postgres.host, "port": postgres.port, "database": database, "user": role.name}
    return Customer({"id": "customer", **place, "sslmode": "disable"}, role.password)


@pytest.fixture(scope="module")
def own_database(tmp_path_factory: pytest.TempPathFactory) -> Callable[[PostgresServer], dict[str, Any]]:
    """`own_database(server)`: an empty database of DirectFlow's own, as the gateway's settings have it."""

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
NO_DEFINER = {
    "allow_development": True,
    "callers": [{"name": "development", "services": [""], "workspaces": ["*"], "may_define": False}],
}


@pytest.fixture
def start_gateway(customer: Customer, workspace: str, tmp_path: Path, opened: AsyncExitStack) -> Start:
    """`port = await start_gateway(section)`: over this database of definitions; None: without any."""

    async def start(section: Mapping[str, Any] | None, **settings: Any) -> int:
        unreachable = {**customer.connection, "id": "unreachable", "host": "127.0.0.1", "port": 1}
        connections = [{**one, "workspace": workspace} for one in (customer.connection, unreachable)]
        (tmp_path / workspace).mkdir(exist_ok=True)
        for one in connections:
            (tmp_path / workspace / str(one["id"])).write_text(customer.password)
        given = {
            "identity": NO_DEFINER,
            "definitions": {"owners": {"conditions": "development"}},
            "egress": {"allow_loopback": True},
            "credentials": {"path": f"{tmp_path}/{{workspace}}/{{connection}}"},
            "connections": connections,
            **({"directflow_database": section} if section else {}),
            **settings,
        }
        built = await gateway_app.build(GatewaySettings.model_validate(given), opened)
        await built.server.start()
        opened.push_async_callback(built.server.stop, 0)
        return built.server.port

    return start


@pytest.fixture
def build_conditions(opened: AsyncExitStack) -> Start:
    """`app = await build_conditions(gateway_port)`: a replica that does not serve yet."""

    async def build(port: int, **settings: Any) -> App:
        given = {"gateway": {"target": f"127.0.0.1:{port}"}, "identity": {"allow_development": True}, **settings}
        return await app.build(ConditionsSettings.model_validate(given), opened)

    return build


@pytest.fixture
def start_conditions(build_conditions: Start, workspace: str, opened: AsyncExitStack) -> Start:
    """`conditions = await start_conditions(gateway_port)`: a replica that serves."""

    async def start(port: int, **settings: Any) -> Conditions:
        built = await build_conditions(port, **settings)
        async with asyncio.timeout(READY_S):
            await built.ready()
        await built.server.start()
        opened.push_async_callback(built.server.stop, 0)
        channel = grpc.aio.insecure_channel(f"127.0.0.1:{built.server.port}")
        await opened.enter_async_context(channel)
        return Conditions(
            stubs.ConditionServiceStub(channel), evaluation_stubs.EvaluationServiceStub(channel), workspace
        )

    return start


@pytest.fixture
async def gateway_port(start_gateway: Start, shared_database: dict[str, Any]) -> int:
    """A gateway of the test's own."""
    port: int = await start_gateway(shared_database)
    return port


@pytest.fixture
async def conditions(start_conditions: Start, gateway_port: int) -> Conditions:
    """A replica of the test's own."""
    replica: Conditions = await start_conditions(gateway_port)
    return replica
