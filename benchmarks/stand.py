"""What benchmarks run on: a private PostgreSQL with a table of people, and the three services as processes."""

import re
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from directflow_cli.dev import directflow_database, postgres_binaries
from directflow_cli.dev.customer import CustomerDatabase
from directflow_cli.dev.postgres import PostgresServer
from directflow_cli.dev.processes import ServicePlan, ServiceProcess
from directflow_cli.dev.psql import Role
from directflow_cli.dev.settings_files import SettingsFiles

from benchmarks.clocks import Clocks, clocks, cpu_seconds, rss_mib

__all__ = ["GENERATOR", "LITERAL", "Stand", "Stopwatch", "pid_of", "rss_mib", "second_conditions", "stand"]

NO_PORTS = {"gateway": 0, "segments": 0, "conditions": 0, "otlp": 0}

SCHEMA = """
CREATE TABLE users(id bigint PRIMARY KEY, email text, phone text, first_name text, last_name text, plan text);
CREATE TABLE memberships(user_id bigint NOT NULL, community_id int NOT NULL);
INSERT INTO users SELECT g, 'user' || g || '@example.com', '+4930' || lpad(g::text, 8, '0'), 'First' || g % 1000,
  'Last' || g % 5000, CASE WHEN g % 3 = 0 THEN 'premium' ELSE 'free' END FROM generate_series(1, {rows}) g;
INSERT INTO memberships SELECT g, 1 FROM generate_series(1, {rows}) g;
ALTER TABLE memberships ADD PRIMARY KEY (community_id, user_id);
VACUUM ANALYZE;
"""

GENERATOR = """SELECT u.id AS profile_id, u.email, u.phone, u.first_name, u.last_name
FROM users u JOIN memberships m ON u.id = m.user_id WHERE m.community_id = '<%= community_id %>'"""
LITERAL = GENERATOR.replace("<%= community_id %>", "1")

SEGMENTS = f"""
[[data_sources]]
name = "workspaces/demo/dataSources/people"
connection = "workspaces/demo/connections/customer"
generator_sql = '''{GENERATOR}'''
"""


@dataclass(frozen=True, slots=True)
class Reporting:
    """What services tell of themselves: lines of their `[telemetry]`, and a `[metrics]` section."""

    telemetry: str = 'otlp_endpoint = ""\n'
    metrics: str = ""


SILENT = Reporting()


@dataclass(frozen=True, slots=True)
class Stand:
    """Where everything is."""

    postgres: PostgresServer
    database: str
    role: Role
    gateway: ServiceProcess
    segments: ServiceProcess
    conditions: ServiceProcess

    def clocks(self, *services: str) -> Clocks:
        """PostgreSQL, these services and the client."""
        return clocks(self.postgres.pid, **{name: pid_of(getattr(self, name)) for name in services})


@asynccontextmanager
async def stand(
    rows: int,
    *,
    schema: str = SCHEMA,
    segments: str = SEGMENTS,
    conditions: str = "",
    engagement: bool = False,
    postgres: Mapping[str, str] | None = None,
) -> AsyncIterator[Stand]:
    """Serves the tables of `schema` for the length of the block; `{rows}` in it is the number of people.

    `segments` and `conditions` are appended to those services' settings. With `engagement` the same server has
    DirectFlow's own database as well.
    """
    installation = postgres_binaries.choose("system-first")
    settings = {"shared_buffers": "512MB", "max_wal_size": "4GB", **(postgres or {})}
    with PostgresServer.create(installation, settings) as server, TemporaryDirectory() as folder:
        database, role = load(server, schema.format(rows=rows))
        files = SettingsFiles(Path(folder), NO_PORTS, otlp="")
        own = directflow_database.create(server) if engagement else None
        gateway = files.gateway(_customer(server, database, role), own_database=False, directflow=own)
        async with _services(files, gateway, segments, conditions) as services:
            yield Stand(server, database, role, services.gateway, services.segments, services.conditions)


@dataclass(frozen=True, slots=True)
class Stack:
    """Three more services before the same PostgreSQL."""

    gateway: ServiceProcess
    segments: ServiceProcess
    conditions: ServiceProcess

    @property
    def pids(self) -> dict[str, int]:
        """By the service's name."""
        return {name: pid_of(getattr(self, name)) for name in ("gateway", "segments", "conditions")}


@asynccontextmanager
async def second_stack(at: Stand, reporting: Reporting, segments: str, conditions: str) -> AsyncIterator[Stack]:
    """A stack of its own, which tells what it does."""
    with TemporaryDirectory() as folder:
        files = SettingsFiles(Path(folder), NO_PORTS, otlp="")
        gateway = files.gateway(_customer(at.postgres, at.database, at.role), own_database=False)
        async with _services(files, gateway, segments, conditions, reporting) as stack:
            yield stack


@asynccontextmanager
async def _services(
    files: SettingsFiles, gateway: ServicePlan, segments: str, conditions: str, reporting: Reporting = SILENT
) -> AsyncIterator[Stack]:
    async with AsyncExitStack() as running:

        async def start(plan: ServicePlan, more: str) -> ServiceProcess:
            return await running.enter_async_context(ServiceProcess(prepared(plan, more, reporting)))

        front = await start(gateway, "")
        yield Stack(
            front,
            await start(files.segments(front.address, None), segments),
            await start(files.conditions(front.address, None), conditions),
        )


def _customer(server: PostgresServer, database: str, role: Role) -> CustomerDatabase:
    return CustomerDatabase(server.host, server.port, database, role.name, role.password, sslmode="disable")


@asynccontextmanager
async def second_conditions(at: Stand, settings: str) -> AsyncIterator[ServiceProcess]:
    """One more conditions process before the same gateway, with other settings."""
    with TemporaryDirectory() as folder:
        plan = SettingsFiles(Path(folder), NO_PORTS, otlp="").conditions(at.gateway.address, None)
        async with ServiceProcess(prepared(plan, settings)) as service:
            yield service


def load(server: PostgresServer, schema: str) -> tuple[str, Role]:
    """A database with that schema, and a role that may read it."""
    database = server.create_database()
    server.psql(schema, database=database)
    role = server.create_role()
    server.psql(f'GRANT SELECT ON ALL TABLES IN SCHEMA public TO "{role.name}"', database=database)
    return database, role


def prepared(plan: ServicePlan, more: str, reporting: Reporting = SILENT) -> ServicePlan:
    """The plan with further settings, and with what `reporting` says instead of what suits a demonstration."""
    kept = re.sub(r"(otlp_endpoint|schedule_delay_s) = .*\n", "", plan.config.read_text())
    text = kept.replace("[telemetry]\n", f"[telemetry]\n{reporting.telemetry}")
    plan.config.write_text(text + more + reporting.metrics)
    return plan


def pid_of(service: ServiceProcess) -> int:
    """The service's process id."""
    return service._running().pid


class Stopwatch:
    """Wall time and CPU time of some processes over a block."""

    def __init__(self, pids: dict[str, int]) -> None:
        self._pids = pids
        self.wall_s = 0.0
        self.cpu_s: dict[str, float] = {}

    def __enter__(self) -> "Stopwatch":
        self._before = {name: cpu_seconds(pid) for name, pid in self._pids.items()}
        self._started = time.monotonic()
        return self

    def __exit__(self, *_: object) -> None:
        self.wall_s = time.monotonic() - self._started
        self.cpu_s = {name: cpu_seconds(pid) - self._before[name] for name, pid in self._pids.items()}
