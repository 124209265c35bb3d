"""The whole product as it runs anywhere: a real PostgreSQL, three services as processes, a receiver of their spans."""

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import psycopg
import pyarrow as pa
import pytest
from directflow.conditions.v1 import engagement_service_pb2_grpc as engagement_stubs
from directflow.conditions.v1 import evaluation_service_pb2_grpc as evaluation_stubs
from directflow.gateway.v1 import query_service_pb2 as gateway_wire
from directflow.gateway.v1 import query_service_pb2_grpc as gateway_stubs
from directflow.segments.v1 import audience_service_pb2 as segments_wire
from directflow.segments.v1 import audience_service_pb2_grpc as segments_stubs
from directflow.sql.v1 import sql_pb2
from directflow_cli.dev import demo_database, directflow_database
from directflow_cli.dev.background import BackgroundLoop
from directflow_cli.dev.customer import CustomerDatabase
from directflow_cli.dev.directflow_database import DirectFlowDatabase
from directflow_cli.dev.postgres import PostgresServer
from directflow_cli.dev.postgres_binaries import Installation
from directflow_cli.dev.processes import ServiceProcess
from directflow_cli.dev.settings_files import SettingsFiles
from directflow_cli.traces.receiver import Receiver
from directflow_cli.traces.store import SpanStore
from directflow_runtime.errors import DirectFlowError
from directflow_runtime.remote import remote_error

USERS = 5_000
CALL_S = 30.0
WAIT_S = 20.0
POLL_S = 0.02
CONNECTION = "workspaces/demo/connections/customer"
UNLIMITED = [("grpc.max_receive_message_length", -1)]
NO_PORTS = {"gateway": 0, "segments": 0, "conditions": 0, "otlp": 0}


@dataclass
class Client:
    """Plain gRPC clients, as any caller has them: no tracing, no retries, a deadline on every call."""

    gateway: Any
    segments: Any
    conditions: Any
    engagement: Any
    channels: dict[str, grpc.aio.Channel]

    async def query(self, sql: str, *, timeout: float = CALL_S, **options: Any) -> "Rows":
        """Every row of an ad hoc statement. `values` by name, as text or as what Python holds."""
        request = stream_request(sql, **options)
        return await gathered(self.gateway.StreamQuery(request, timeout=timeout))

    async def audience(self, data_source: str, segment: str = "", *, timeout: float = CALL_S, **options: Any) -> "Rows":
        """Every person of an audience, as Arrow."""
        request = audience_request(data_source, segment, **options)
        return await gathered(self.segments.StreamAudience(request, timeout=timeout))


@dataclass
class Rows:
    """A finished stream: what the header said, the rows, what the summary said."""

    header: Any
    table: pa.Table
    summary: Any

    def tuples(self) -> list[tuple[Any, ...]]:
        return list(zip(*(column.to_pylist() for column in self.table.columns), strict=True))


def value(given: Any) -> sql_pb2.Value:
    """One value of a variable."""
    match given:
        case sql_pb2.Value():
            return given
        case None:
            return sql_pb2.Value(null=True)
        case bool():
            return sql_pb2.Value(boolean=given)
        case int():
            return sql_pb2.Value(integer=given)
        case float():
            return sql_pb2.Value(number=given)
        case str():
            return sql_pb2.Value(text=given)
        case _:
            return sql_pb2.Value(list=sql_pb2.ValueList(values=[value(one) for one in given]))


def stream_request(
    sql: str,
    values: dict[str, Any] | None = None,
    role: int = gateway_wire.STATEMENT_ROLE_AD_HOC,
    limits: dict[str, Any] | None = None,
    statement: dict[str, Any] | None = None,
    **options: Any,
) -> gateway_wire.StreamQueryRequest:
    """StreamQuery of `sql`."""
    given = {"connection": CONNECTION, "template": sql, "role": role, **(statement or {})}
    return gateway_wire.StreamQueryRequest(
        statement=gateway_wire.Statement(**given, limits=gateway_wire.QueryLimits(**(limits or {}))),
        values={name: value(one) for name, one in (values or {}).items()},
        **options,
    )


def audience_request(
    data_source: str, segment: str = "", variables: dict[str, Any] | None = None, **options: Any
) -> segments_wire.StreamAudienceRequest:
    """StreamAudience of a demo data source, as Arrow."""
    target = segments_wire.Target(
        data_source=f"workspaces/demo/dataSources/{data_source}",
        variables={name: value(one) for name, one in (variables or {}).items()},
        **({"segment_key": segment} if segment else {}),
    )
    given = {"encoding": segments_wire.ENCODING_ARROW, **options}
    return segments_wire.StreamAudienceRequest(target=target, **given)


async def gathered(call: Any) -> Rows:
    """A stream to its end; the counts of header, batches and summary must agree."""
    messages = [message async for message in call]
    header, *batches, summary = messages
    assert header.HasField("header")
    assert summary.HasField("summary")
    parts = [header.header.arrow_schema, *(message.batch.arrow_record_batch for message in batches)]
    table = pa.ipc.open_stream(pa.BufferReader(b"".join(parts))).read_all()
    assert table.num_rows == sum(message.batch.row_count for message in batches)
    return Rows(header.header, table, summary.summary)


async def failure(call: Any) -> DirectFlowError:
    """The error that a call, unary or stream, must end with."""
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


async def until(true: Callable[[], Any], within_s: float = WAIT_S, why: str = "") -> Any:
    """Waits until `true()` is; what it returned. It runs in a thread, because it may ask a server."""
    ends_at = time.monotonic() + within_s
    while not (found := await asyncio.to_thread(true)):
        assert time.monotonic() < ends_at, f"not within {within_s} s: {why or true}"
        await asyncio.sleep(POLL_S)
    return found


@dataclass
class Platform:
    """Where everything is, and what one may ask about it."""

    server: PostgresServer
    database: str
    role: str
    password: str = field(repr=False)
    directory: Path = field(repr=False)
    spans: SpanStore = field(repr=False)
    otlp: str
    services: dict[str, ServiceProcess] = field(default_factory=dict, repr=False)
    directflow: DirectFlowDatabase | None = field(default=None, repr=False)
    """DirectFlow's own database, where the gateway has one."""
    value = staticmethod(value)
    stream_request = staticmethod(stream_request)
    audience_request = staticmethod(audience_request)
    gathered = staticmethod(gathered)
    failure = staticmethod(failure)
    until = staticmethod(until)

    def pid(self, service: str) -> int:
        """The process id, by the service's own word."""
        return int(json.loads(self.services[service].plan.announce.read_text())["pid"])

    def health_port(self, service: str) -> int:
        return int(json.loads(self.services[service].plan.announce.read_text())["health_port"])

    def rss_mib(self, service: str) -> float:
        """Resident memory of a service."""
        status = Path(f"/proc/{self.pid(service)}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

    def log(self, service: str) -> str:
        """Everything that the service has logged."""
        return (self.directory / f"{service}.log").read_text()

    def log_lines(self, service: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log(service).splitlines() if line.startswith("{")]

    def kill(self, service: str) -> None:
        os.kill(self.pid(service), signal.SIGKILL)

    def admin(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """What the superuser sees."""
        with psycopg.connect(self.server.admin_dsn(self.database), autocommit=True) as connection:
            return connection.execute(sql, parameters or None).fetchall()

    def own(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """What the superuser sees in DirectFlow's own database."""
        assert self.directflow is not None
        with psycopg.connect(self.server.admin_dsn(self.directflow.database), autocommit=True) as connection:
            return connection.execute(sql, parameters or None).fetchall()

    def busy(self) -> list[tuple[Any, ...]]:
        """Sessions of our role with a statement or a transaction: application_name, state, query."""
        return self.admin(
            "SELECT application_name, state, query FROM pg_stat_activity WHERE usename = %s"
            " AND (state <> 'idle' OR xact_start IS NOT NULL)",
            self.role,
        )

    async def quiet_within(self, seconds: float) -> None:
        """No statement and no transaction of our role is left on the server."""
        await until(lambda: not self.busy(), seconds, "a backend still works")

    def copied(self, sql: str) -> list[list[str | None]]:
        """What psql gives for a query with literals, by COPY's text format."""
        psql = self.server.psql_as()
        text = psql.run(f"COPY ({sql}) TO STDOUT;", database=self.database)
        return [[decoded(cell) for cell in line.split("\t")] for line in text.split("\n") if text]


def decoded(cell: str) -> str | None:
    """A cell of COPY's text format; the demo data has no control characters."""
    return None if cell == r"\N" else cell.replace("\\\\", "\\")


Start = Callable[..., Any]


@contextmanager
def running(
    server: PostgresServer,
    customer: CustomerDatabase,
    directory: Path,
    definitions: dict[str, Path],
    only: tuple[str, ...],
    directflow: DirectFlowDatabase | None = None,
    amend: Callable[[str], str] = str,
) -> Iterator[Platform]:
    """The services in front of one database, with a receiver of their spans; `amend` changes each settings file."""
    directory.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        store = SpanStore()
        receiver = stack.enter_context(Receiver(store))
        loop = stack.enter_context(BackgroundLoop())
        files = SettingsFiles(directory, NO_PORTS, receiver.address)
        at = Platform(server, customer.database, customer.user, customer.password, directory, store, receiver.address)
        at.directflow = directflow

        def serve(plan: Any) -> str:
            plan.config.write_text(amend(plan.config.read_text()))
            at.services[plan.name] = stack.enter_context(loop.entered(ServiceProcess(plan)))
            return at.services[plan.name].address

        gateway = serve(files.gateway(customer, own_database=False, directflow=directflow))
        if "segments" in only:
            serve(files.segments(gateway, definitions.get("segments")))
        if "conditions" in only:
            serve(files.conditions(gateway, definitions.get("conditions")))
        yield at


@pytest.fixture(scope="session")
def platform(postgres_installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """The demo customer with the documented role, DirectFlow's own database, and all three services.

    Do not stop any of them.
    """
    with PostgresServer.create(postgres_installation) as server:
        own = directflow_database.create(server)
        server.create_database(demo_database.DATABASE)
        demo_database.load(server, demo_database.DATABASE, USERS, lambda _: None)
        password = demo_database.create_role(server, demo_database.DATABASE)
        customer = CustomerDatabase(
            server.host, server.port, demo_database.DATABASE, demo_database.ROLE, password, sslmode="disable"
        )
        definitions = {name: demo_database.FILES / f"{name}.toml" for name in ("segments", "conditions")}
        folder = tmp_path_factory.mktemp("platform")
        with running(server, customer, folder, definitions, ("segments", "conditions"), own) as at:
            yield at


@pytest.fixture(scope="session")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """`with serve(server, database, segments="...toml...") as at:` gateway and segments of the test's own.

    The role is new and may read what is in the schema public by then.
    """

    @contextmanager
    def start(
        server: PostgresServer,
        database: str,
        segments: str = "",
        conditions: str = "",
        role: Any = None,
        directflow: DirectFlowDatabase | None = None,
        amend: Callable[[str], str] = str,
    ) -> Iterator[Platform]:
        folder = tmp_path_factory.mktemp("own")
        role = role or server.create_role()
        server.psql(f'GRANT SELECT ON ALL TABLES IN SCHEMA public TO "{role.name}"', database=database)
        definitions = {}
        for name, text in {"segments": segments, "conditions": conditions}.items():
            if text:
                definitions[name] = folder / f"{name}.definitions"
                definitions[name].write_text(text)
        customer = CustomerDatabase(server.host, server.port, database, role.name, role.password, sslmode="disable")
        with running(server, customer, folder, definitions, tuple(definitions), directflow, amend) as at:
            yield at

    return start


@pytest.fixture
async def connect() -> AsyncIterator[Callable[[Platform], Client]]:
    """`client = connect(platform)`; its channels are closed after the test."""
    opened: list[grpc.aio.Channel] = []

    def open_channels(at: Platform) -> Client:
        channels = {
            name: grpc.aio.insecure_channel(service.address, options=UNLIMITED) for name, service in at.services.items()
        }
        opened.extend(channels.values())
        # A service that the platform does not have is reached nowhere: its stub would be a mistake of the test.
        stub = partial(_stub, channels)
        return Client(
            stub("gateway", gateway_stubs.QueryServiceStub),
            stub("segments", segments_stubs.AudienceServiceStub),
            stub("conditions", evaluation_stubs.EvaluationServiceStub),
            stub("conditions", engagement_stubs.EngagementServiceStub),
            channels,
        )

    yield open_channels
    for channel in opened:
        await channel.close()


def _stub(channels: dict[str, grpc.aio.Channel], service: str, make: Callable[[Any], Any]) -> Any:
    return make(channels[service]) if service in channels else None


@pytest.fixture
def client(platform: Platform, connect: Callable[[Platform], Client]) -> Client:
    """Clients of the shared platform."""
    return connect(platform)
