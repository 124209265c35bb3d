"""Definitions as managed resources on the real processes: gateways, two replicas of segments and conditions, a
DirectFlow database on a server of its own, and two workspaces with the same names over two customers' databases."""

import asyncio
import json
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import psycopg
import pytest
from directflow.conditions.v1 import condition_service_pb2 as conditions_pb
from directflow.conditions.v1 import evaluation_service_pb2 as evaluation_pb
from directflow.conditions.v1 import evaluation_service_pb2_grpc as evaluation_stubs
from directflow.gateway.v1 import connection_service_pb2 as connections_pb
from directflow.gateway.v1 import definition_service_pb2 as documents_pb
from directflow.gateway.v1 import definition_service_pb2_grpc as documents_stubs
from directflow.segments.v1 import audience_service_pb2 as audience_pb
from directflow.segments.v1 import audience_service_pb2_grpc as audience_stubs
from directflow.segments.v1 import data_source_service_pb2 as data_sources_pb
from directflow_cli.definitions.kinds import CONDITION, CONNECTION, DATA_SOURCE, Kind
from directflow_cli.dev import directflow_database
from directflow_cli.dev.background import BackgroundLoop
from directflow_cli.dev.directflow_database import DirectFlowDatabase
from directflow_cli.dev.postgres import PostgresServer
from directflow_cli.dev.processes import ServicePlan, ServiceProcess
from directflow_cli.dev.settings_files import SettingsFiles
from directflow_cli.traces.receiver import Receiver
from directflow_cli.traces.store import SpanStore
from directflow_runtime.errors import DirectFlowError
from directflow_runtime.remote import remote_error
from grpc_health.v1 import health_pb2, health_pb2_grpc

# A test may start a PostgreSQL while calls are under way. gRPC's fork handlers then crash one child in ten before it is
# PostgreSQL; nobody here forks to go on with gRPC in the child. Read when the first channel or server is made.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "false"

CALL_S = 20.0
POLL_S = 0.01
WORKSPACES = ("a", "b")
PEOPLE = {"a": 2_000, "b": 3_000}
NARROW = """
[[identity.callers]]
name = "development"
services = ["directflow."]
workspaces = ["a"]
may_define = true
"""
TRUSTS_NO_TEXT = """
[[identity.callers]]
name = "development"
services = ["directflow."]
workspaces = ["*"]

[definitions]
owners = { dataSources = "development", conditions = "development" }
"""
PEOPLE_SQL = "SELECT id AS profile_id, email FROM people"
ADULT_SQL = "SELECT age >= 18 AS result FROM people WHERE id = '<%= profile_id %>'"


def schema(workspace: str) -> str:
    """In workspace a the even ones are adults, in b the odd ones; nobody's address is the other's."""
    odd = int(workspace == "b")
    return f"""
CREATE TABLE people (id bigint PRIMARY KEY, email text, age integer, secret_of_{workspace} integer);
INSERT INTO people SELECT g, 'someone' || g || '@{workspace}.example', CASE WHEN g % 2 = {odd} THEN 30 ELSE 10 END, g
FROM generate_series(1, {PEOPLE[workspace]}) g;
ANALYZE people;
"""


@dataclass
class System:
    """Everything that runs, by names such as "gateway-1" and "segments-2".

    gateway-1, gateway-2 and gateway-3 share the DirectFlow database; segments-N and conditions-N follow gateway-N. Who
    calls gateway-3, segments-2 or conditions-2 may use workspace a only. gateway-1 runs nothing but what was saved.
    """

    customers: PostgresServer
    own_server: PostgresServer
    own: DirectFlowDatabase
    databases: dict[str, str]
    """Of the customers, by workspace."""
    spans: SpanStore = field(repr=False)
    loop: BackgroundLoop = field(repr=False)
    processes: dict[str, ServiceProcess] = field(default_factory=dict)
    at_start: dict[str, list[dict[str, Any]]] = field(default_factory=dict, repr=False)
    """Log lines, until everything was set up."""

    def start(self, plans: dict[str, ServicePlan]) -> None:
        """All of them at the same moment; returns when they serve."""
        for name, plan in plans.items():
            self.processes[name] = ServiceProcess(plan)

        async def together() -> None:
            await asyncio.gather(*(self.processes[name].__aenter__() for name in plans))

        self.loop.run(together())

    def stop(self) -> None:
        async def together() -> None:
            await asyncio.gather(*(process.stop() for process in self.processes.values()))

        self.loop.run(together())

    def end(self, name: str, how: signal.Signals) -> None:
        """SIGTERM drains; SIGKILL does not."""
        os.kill(self.announced(name)["pid"], how)
        self.loop.run(self.processes[name].stop())

    def again(self, name: str) -> None:
        """The same service with the same settings, on the same port."""
        self.start({name: self.processes[name].plan})

    def announced(self, name: str) -> dict[str, Any]:
        said: dict[str, Any] = json.loads(self.processes[name].plan.announce.read_text())
        return said

    def log_lines(self, name: str) -> list[dict[str, Any]]:
        text = self.processes[name].log.file.read_text()
        return [json.loads(line) for line in text.splitlines()]

    def events(self, name: str) -> list[dict[str, Any]]:
        """Log lines that are not one line of one call."""
        return [line for line in self.log_lines(name) if line["event"] != "call"]

    def own_rows(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """What the superuser sees in the DirectFlow database."""
        with psycopg.connect(self.own_server.admin_dsn(self.own.database), autocommit=True) as admin:
            return admin.execute(sql, parameters or None).fetchall()

    def sessions(self) -> dict[str, int]:
        """Sessions of the three roles in the DirectFlow database."""
        found = self.own_rows(
            "SELECT usename, count(*) FROM pg_stat_activity WHERE usename ~ '^directflow_' GROUP BY 1"
        )
        return {str(name): int(count) for name, count in found}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Replicas:
    """Settings files of every process, each in a folder of its own."""

    def __init__(self, folder: Path, otlp: str) -> None:
        self._folder = folder
        self._otlp = otlp

    def _files(self, name: str, **ports: int) -> SettingsFiles:
        folder = self._folder / name
        folder.mkdir(parents=True)
        return SettingsFiles(folder, {"gateway": 0, "segments": 0, "conditions": 0, **ports}, self._otlp)

    def gateway(self, name: str, passwords: Any, own: DirectFlowDatabase, more: str = "") -> ServicePlan:
        """On a port that it gets again after a restart."""
        plan = self._files(name, gateway=free_port()).empty_gateway(passwords, own)
        return extended(plan, more)

    def follower(self, name: str, gateway: str, more: str = "") -> ServicePlan:
        files = self._files(name)
        plan = files.segments(gateway, None) if name.startswith("segments") else files.conditions(gateway, None)
        return extended(plan, more)


def extended(plan: ServicePlan, more: str) -> ServicePlan:
    with plan.config.open("a") as file:
        file.write(more)
    return plan


@dataclass
class Customer:
    """What a connection of a workspace says."""

    host: str
    port: int
    database: str
    user: str

    def connection(self) -> connections_pb.Connection:
        tls = connections_pb.ConnectionTls(mode=connections_pb.TLS_MODE_DISABLE)
        return connections_pb.Connection(
            host=self.host, port=self.port, database=self.database, user=self.user, tls=tls
        )


@pytest.fixture(scope="package")
def system(postgres: PostgresServer, postgres_installation: Any, tmp_path_factory: Any) -> Iterator[System]:
    """Set up from an empty DirectFlow database, by calls. Whoever stops something starts it again."""
    durable = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
    spans = SpanStore()
    with (
        PostgresServer.create(postgres_installation, durable) as own_server,
        Receiver(spans) as receiver,
        BackgroundLoop() as loop,
    ):
        databases = {workspace: postgres.create_database() for workspace in WORKSPACES}
        roles = {workspace: postgres.create_role() for workspace in WORKSPACES}
        for workspace, database in databases.items():
            postgres.psql(schema(workspace), database=database)
            postgres.psql(f'GRANT SELECT ON people TO "{roles[workspace].name}"', database=database)
        own = directflow_database.create(own_server)
        at = System(postgres, own_server, own, databases, spans, loop)
        passwords = {(workspace, "customer"): role.password for workspace, role in roles.items()}
        files = Replicas(tmp_path_factory.mktemp("managed"), receiver.address)
        try:
            start_all(at, files, passwords)
            asyncio.run(
                set_up(at, {w: Customer(postgres.host, postgres.port, databases[w], roles[w].name) for w in roles})
            )
            at.at_start = {name: at.events(name) for name in at.processes}
            yield at
        finally:
            at.stop()


def start_all(at: System, files: Replicas, passwords: Any) -> None:
    """Three gateways at once on a database that is empty, then everybody who follows one."""
    identities = {"gateway-1": TRUSTS_NO_TEXT, "gateway-2": "", "gateway-3": NARROW}
    at.start({name: files.gateway(name, passwords, at.own, more) for name, more in identities.items()})
    first, second = (at.processes[name].address for name in ("gateway-1", "gateway-2"))
    at.start(
        {
            "segments-1": files.follower("segments-1", first),
            "conditions-1": files.follower("conditions-1", first),
            "segments-2": files.follower("segments-2", second, NARROW),
            "conditions-2": files.follower("conditions-2", second, NARROW),
        }
    )


async def set_up(at: System, customers: dict[str, Customer]) -> None:
    """The same names in both workspaces: connection customer, data source people, condition adult."""
    async with Clients(at) as clients:
        for workspace, customer in customers.items():
            await clients.create(CONNECTION, "customer", customer.connection(), workspace, replica=2)
            # gateway-1 may not have heard of the connection yet: it asks the store.
            await clients.create(DATA_SOURCE, "people", people(workspace), workspace)
            await clients.create(CONDITION, "adult", adult(workspace), workspace)
        for workspace in customers:
            await clients.everywhere(DATA_SOURCE, "people", workspace)
            await clients.everywhere(CONDITION, "adult", workspace)


def people(workspace: str, sql: str = PEOPLE_SQL, **more: Any) -> data_sources_pb.DataSource:
    """Everybody: a data source with one segment."""
    given = {
        "connection": f"workspaces/{workspace}/connections/customer",
        "discovery_sql": "SELECT 'all' AS id, count(*) AS size FROM people ORDER BY 1",
        "generator_sql": sql,
        "preload_sql": "SELECT email FROM people WHERE id = '<%= profile_id %>'",
    }
    return data_sources_pb.DataSource(**{**given, **more})


def adult(workspace: str, sql: str = ADULT_SQL, **more: Any) -> conditions_pb.Condition:
    definition = conditions_pb.SqlCondition(connection=f"workspaces/{workspace}/connections/customer", sql=sql)
    return conditions_pb.Condition(sql=definition, **more)


class Clients:
    """Plain gRPC clients of every process, as any caller has them. `async with Clients(system) as clients:`."""

    make_people = staticmethod(people)
    make_adult = staticmethod(adult)

    def __init__(self, at: System) -> None:
        self.at = at
        self.channels: dict[str, grpc.aio.Channel] = {}

    async def __aenter__(self) -> "Clients":
        self.channels = {
            name: grpc.aio.insecure_channel(one.address, RECONNECTING) for name, one in self.at.processes.items()
        }
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*(channel.close() for channel in self.channels.values()))

    # --- definitions --------------------------------------------------------------------------------------------------

    def stub(self, kind: Kind, replica: int = 1) -> Any:
        return kind.stub(self.channels[f"{kind.service}-{replica}"])

    async def create(
        self, kind: Kind, id: str, resource: Any, workspace: str = "a", replica: int = 1, **more: Any
    ) -> Any:
        fields = {f"{kind.field}_id": id, kind.field: resource, **more}
        request = kind.request("Create")(parent=f"workspaces/{workspace}", **fields)
        return await getattr(self.stub(kind, replica), f"Create{kind.name}")(request, timeout=CALL_S)

    async def update(self, kind: Kind, resource: Any, replica: int = 1, timeout: float = CALL_S, **more: Any) -> Any:
        request = kind.request("Update")(**{kind.field: resource}, **more)
        return await getattr(self.stub(kind, replica), f"Update{kind.name}")(request, timeout=timeout)

    async def get(self, kind: Kind, id: str, workspace: str = "a", replica: int = 1) -> Any:
        request = kind.request("Get")(name=kind.full_name(workspace, id))
        return await getattr(self.stub(kind, replica), f"Get{kind.name}")(request, timeout=CALL_S)

    async def ids(self, kind: Kind, workspace: str = "a", replica: int = 1) -> set[str]:
        request = kind.request("List", "s")(parent=f"workspaces/{workspace}", page_size=1000)
        page = await getattr(self.stub(kind, replica), f"List{kind.name}s")(request, timeout=CALL_S)
        return {one.name.rpartition("/")[2] for one in getattr(page, f"{kind.field}s")}

    async def revisions(self, kind: Kind, id: str, workspace: str = "a", replica: int = 1) -> list[Any]:
        """All of them, newest first."""
        name, found, token = kind.full_name(workspace, id), [], ""
        while True:
            request = kind.request("List", "Revisions")(name=name, page_size=50, page_token=token)
            page = await getattr(self.stub(kind, replica), f"List{kind.name}Revisions")(request, timeout=CALL_S)
            found += page.revisions
            if not (token := page.next_page_token):
                return found

    async def delete(self, kind: Kind, id: str, workspace: str = "a", replica: int = 1) -> None:
        request = kind.request("Delete")(name=kind.full_name(workspace, id))
        await getattr(self.stub(kind, replica), f"Delete{kind.name}")(request, timeout=CALL_S)

    async def everywhere(self, kind: Kind, id: str, workspace: str = "a", revision: int = 0) -> None:
        """Waits until both replicas know it; replica 2 refuses workspace b, and is asked nothing there."""
        for replica in (1, 2) if workspace == "a" else (1,):

            async def known(replica: int = replica) -> bool:
                return bool((await self.get(kind, id, workspace, replica)).revision >= revision)

            await eventually(known, CALL_S)

    def documents(self, replica: int = 1) -> Any:
        return documents_stubs.DefinitionServiceStub(self.channels[f"gateway-{replica}"])

    async def put(self, document: documents_pb.Document, replica: int = 1) -> documents_pb.Document:
        """Straight into the store: nobody's cache but through a watch."""
        return await self.documents(replica).PutDocument(
            documents_pb.PutDocumentRequest(document=document), timeout=CALL_S
        )

    # --- what runs on definitions -------------------------------------------------------------------------------------

    async def audience(self, workspace: str = "a", source: str = "people", replica: int = 1) -> dict[str, str]:
        """E-mail by profile id; the ledger must agree."""
        target = audience_pb.Target(data_source=f"workspaces/{workspace}/dataSources/{source}")
        request = audience_pb.StreamAudienceRequest(target=target)
        stub: Any = audience_stubs.AudienceServiceStub(self.channels[f"segments-{replica}"])
        found: dict[str, str] = {}
        summary = None
        async for message in stub.StreamAudience(request, timeout=CALL_S):
            columns = message.batch.columns.columns
            if columns:
                found |= dict(zip(map(str, columns[0].integers), columns[1].texts, strict=True))
            if message.HasField("summary"):
                summary = message.summary
        assert summary is not None
        assert summary.ledger.delivered.people == len(found)
        return found

    async def evaluate(self, profile: str, workspace: str = "a", condition: str = "adult", replica: int = 1) -> str:
        request = evaluation_pb.EvaluateConditionRequest(
            condition=f"workspaces/{workspace}/conditions/{condition}", profile_id=profile
        )
        answer = await self.evaluation(replica).EvaluateCondition(request, timeout=CALL_S)
        return conditions_pb.Decision.Name(answer.evaluation.decided).removeprefix("DECISION_")

    async def batch(
        self, profiles: list[str], workspace: str = "a", condition: str = "adult", replica: int = 1
    ) -> list[int]:
        request = evaluation_pb.BatchEvaluateConditionsRequest(
            condition=f"workspaces/{workspace}/conditions/{condition}",
            profiles=evaluation_pb.ProfileColumns(profile_ids=profiles),
        )
        answer = await self.evaluation(replica).BatchEvaluateConditions(request, timeout=CALL_S)
        return list(answer.evaluations.decided)

    def evaluation(self, replica: int = 1) -> Any:
        return evaluation_stubs.EvaluationServiceStub(self.channels[f"conditions-{replica}"])


RECONNECTING = [
    ("grpc.max_receive_message_length", -1),
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 200),
]


@pytest.fixture
async def clients(system: System) -> AsyncIterator[Clients]:
    async with Clients(system) as opened:
        yield opened


async def eventually(true: Callable[[], Any], within_s: float = CALL_S) -> Any:
    """What `true()` came to; a call that is refused counts as not yet."""
    ends_at, refused = time.monotonic() + within_s, None
    while True:
        try:
            if found := await true():
                return found
        except grpc.aio.AioRpcError as error:
            refused = remote_error(error)
        assert time.monotonic() < ends_at, f"not within {within_s} s: {refused!r} {refused and refused.metadata}"
        await asyncio.sleep(POLL_S)


async def seconds_until(true: Callable[[], Any]) -> float:
    """How long it took."""
    began = time.monotonic()
    await eventually(true)
    return time.monotonic() - began


async def failure(call: Any) -> DirectFlowError:
    """The error that a call must end with."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await ended(call)
    return remote_error(caught.value)


async def ended(call: Any) -> None:
    """Reads a call to its end."""
    if hasattr(call, "__aiter__"):
        async for _ in call:
            pass
    else:
        await call


@pytest.fixture(name="eventually")
def _eventually() -> Any:
    return eventually


@pytest.fixture(name="seconds_until")
def _seconds_until() -> Any:
    return seconds_until


@pytest.fixture(name="failure")
def _failure() -> Any:
    return failure


class Readiness:
    """Every state that the health of some processes has been in while it was followed."""

    def __init__(self, at: System, names: tuple[str, ...]) -> None:
        self._at = at
        self._names = names
        self.seen: dict[str, list[int]] = {name: [] for name in names}
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> "Readiness":
        self._tasks = [asyncio.create_task(self._follow(name)) for name in self._names]
        while not all(self.seen.values()):  # noqa: ASYNC110  one look a process
            await asyncio.sleep(POLL_S)
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _follow(self, name: str) -> None:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{self._at.announced(name)['health_port']}") as channel:
            watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
            try:
                async for answer in watch:
                    self.seen[name].append(answer.status)
            except grpc.aio.AioRpcError:
                self.seen[name].append(-1)  # the process is gone

    def never_fell(self) -> bool:
        return all(seen == [health_pb2.HealthCheckResponse.SERVING] for seen in self.seen.values())


@pytest.fixture
def readiness(system: System) -> Callable[..., Readiness]:
    """`async with readiness("segments-1") as ready: ...; assert ready.never_fell()`."""
    return lambda *names: Readiness(system, names)
