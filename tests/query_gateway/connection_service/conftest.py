"""Something to try connections with, and customers' databases in every state."""

import asyncio
import contextlib
import json
import os
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import grpc
import pytest
from directflow_cli.dev import directflow_database
from directflow_cli.dev.postgres import PostgresServer
from directflow_cli.dev.psql import Role
from directflow_gateway import app
from directflow_gateway.config import GatewaySettings
from directflow_gateway.connection_service.step import Outcome, Step, TestReport
from directflow_gateway.connection_service.tester import ConnectionTester
from directflow_gateway.connections import Connection, EgressPolicy, SslMode
from directflow_gateway.credentials import Keyrings
from directflow_gateway.credentials.by_kind import source_by_kind
from directflow_gateway.credentials.settings import CredentialSettings
from directflow_gateway.execution import Watchdog

from ...certificates import Authority
from .replica import Gateway

TEST_S = 15.0
DOCUMENTED = """
CREATE TABLE users (id int, email text);
GRANT CONNECT ON DATABASE "{database}" TO "{role}";
GRANT USAGE ON SCHEMA public TO "{role}";
GRANT SELECT ON ALL TABLES IN SCHEMA public TO "{role}";
GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO "{role}";
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO "{role}";
"""


@dataclass
class Customer:
    """A customer's server and database, the role to log in as, and what holds its password."""

    server: PostgresServer
    database: str
    role: Role
    secrets: Path
    tester: ConnectionTester
    connection: Connection = field(init=False)

    def __post_init__(self) -> None:
        self.connection = Connection(
            workspace="acme",
            id="main",
            host=self.server.host,
            port=self.server.port,
            database=self.database,
            user=self.role.name,
            sslmode=SslMode.DISABLE,
        )
        self.write_secret(self.role.password)

    def write_secret(self, password: str) -> None:
        path = self.secrets / "acme" / "main"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({"password": password}))

    def sql(self, text: str) -> str:
        filled = text.replace("{role}", self.role.name).replace("{database}", self.database)
        return self.server.psql(filled, database=self.database)

    async def test(self, withheld: str = "", within_s: float = TEST_S, **changed: Any) -> TestReport:
        connection = replace(self.connection, **changed)
        return await self.tester.test(connection, time.monotonic() + within_s, withheld)

    def nothing_leaks(self, report: TestReport) -> None:
        """No text holds the password, and none says where the server is."""
        told = " ".join(f"{step.message} {step.advice} {step.mending_sql}" for step in report.steps)
        for secret in (self.role.password, "127.0.0.1", "localhost", str(self.secrets)):
            assert secret not in told


def outcomes(report: TestReport) -> dict[str, str]:
    """Outcome by step, as a reader sees them."""
    return {step.name.value: step.outcome.value for step in report.steps}


def find(report: TestReport, name: str) -> Step:
    """The one step of that name."""
    (found,) = [step for step in report.steps if step.name.value == name]
    return found


@pytest.fixture
def step_of() -> Callable[[TestReport, str], Step]:
    return find


@pytest.fixture
def failing_at() -> Callable[[TestReport], Step]:
    """The step that failed: all before it went, and all behind it were not tried."""

    def failing(report: TestReport) -> Step:
        assert len(report.steps) == 8
        index = [step.outcome for step in report.steps].index(Outcome.FAILED)
        assert all(step.outcome in (Outcome.OK, Outcome.WARNING) for step in report.steps[:index])
        assert all(step.outcome is Outcome.SKIPPED for step in report.steps[index + 1 :])
        return report.steps[index]

    return failing


@pytest.fixture
def make_customer(tmp_path: Path, watchdog: Watchdog) -> Callable[..., Customer]:
    """`make_customer(server, role=..., policy=...)`: a fresh database, and the documented role unless given one."""

    def make(server: PostgresServer, role: Role | None = None, policy: EgressPolicy | None = None) -> Customer:
        settings = CredentialSettings(path=f"{tmp_path}/{{workspace}}/{{connection}}")
        keyrings = Keyrings(source_by_kind(settings, None))
        tester = ConnectionTester(keyrings, policy or EgressPolicy(allow_loopback=True), watchdog)
        customer = Customer(server, server.create_database(), role or server.create_role("LOGIN"), tmp_path, tester)
        if role is None:
            customer.sql(DOCUMENTED)
        return customer

    return make


@pytest.fixture
def customer(make_customer: Callable[..., Customer], postgres: PostgresServer) -> Customer:
    """The documented role on a database of the test's own."""
    return make_customer(postgres)


@pytest.fixture(scope="module")
def make_authority(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Authority]:
    return lambda: Authority(tmp_path_factory.mktemp("tls") / "authority")


@pytest.fixture(scope="module")
def authority(make_authority: Callable[[], Authority]) -> Authority:
    return make_authority()


@pytest.fixture(scope="module")
def tls_server(authority: Authority, postgres_installation: Any) -> Iterator[PostgresServer]:
    """A server with a certificate for "localhost"."""
    with PostgresServer.create(postgres_installation) as running:
        if running.psql("SELECT count(*) FROM pg_settings WHERE name = 'ssl_library' AND setting <> ''") == "0":
            pytest.skip("this PostgreSQL was built without TLS")
        owner = running.data.stat()
        for file in authority.issue("DNS:localhost").files(running.data):
            file.chmod(0o600)
            os.chown(file, owner.st_uid, owner.st_gid)
        running.psql("ALTER SYSTEM SET ssl_cert_file = 'server.pem'")
        running.psql("ALTER SYSTEM SET ssl = on")
        running.psql("SELECT pg_reload_conf()")
        ends_at = time.monotonic() + 10
        while running.psql("SHOW ssl") != "on":
            assert time.monotonic() < ends_at
            time.sleep(0.02)
        yield running


@dataclass
class Silent:
    """A port behind which nobody ever answers: the kernel makes the connections."""

    listener: socket.socket

    @property
    def port(self) -> int:
        return int(self.listener.getsockname()[1])

    def received(self) -> bytes:
        """Everything that was sent there."""
        self.listener.setblocking(False)
        told = b""
        with contextlib.suppress(BlockingIOError):
            while True:
                opened, _ = self.listener.accept()
                with opened:
                    opened.settimeout(0.2)
                    with contextlib.suppress(TimeoutError, ConnectionResetError):
                        told += opened.recv(65536)
        return told


@pytest.fixture
def silent() -> Iterator[Silent]:
    with socket.create_server(("127.0.0.1", 0), backlog=50) as listener:
        yield Silent(listener)


@pytest.fixture(scope="module")
def section(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """DirectFlow's own database, as the settings have it; the module's tests share it."""
    folder = tmp_path_factory.mktemp("credentials")
    made = directflow_database.create(postgres, f"own_{time.monotonic_ns()}")
    for name, role in made.roles.items():
        (folder / f"{name}.json").write_text(json.dumps({"username": role.name, "password": role.password}))
    place = {"host": made.host, "port": made.port, "database": made.database, "sslmode": "disable"}
    return {**place, **{f"{name}_credential": str(folder / f"{name}.json") for name in made.roles}}


@pytest.fixture(scope="module")
def reader(postgres: PostgresServer, postgres_database: str) -> Role:
    role = postgres.create_role("LOGIN")
    postgres.psql(
        f"CREATE TABLE users (id int); INSERT INTO users VALUES (1), (2); GRANT SELECT ON users TO {role.name};"
        f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO {role.name}",
        database=postgres_database,
    )
    return role


@pytest.fixture
async def open_gateway(
    postgres: PostgresServer, postgres_database: str, reader: Role, section: Any, tmp_path: Path
) -> AsyncIterator[Callable[..., Any]]:
    """`await open_gateway(...)`: a replica over the module's store; further settings as keyword arguments."""
    workspace = f"w{time.monotonic_ns()}"
    async with AsyncExitStack() as stack:

        async def open_one(**more: Any) -> Gateway:
            settings = {
                "identity": {"allow_development": True},
                "credentials": {"path": f"{tmp_path}/{{workspace}}/{{connection}}"},
                "egress": {"allow_loopback": True},
                "directflow_database": section,
                **more,
            }
            built = await app.build(GatewaySettings.model_validate(settings), stack)
            async with asyncio.timeout(20):
                await built.ready()
            await built.server.start()
            stack.push_async_callback(built.server.stop, 0)
            channel = grpc.aio.insecure_channel(f"127.0.0.1:{built.server.port}")
            await stack.enter_async_context(channel)
            return Gateway(built, channel, postgres, postgres_database, reader, tmp_path, workspace)

        yield open_one


@pytest.fixture
async def gateway(open_gateway: Any) -> Gateway:
    opened: Gateway = await open_gateway()
    opened.store_secret()
    return opened
