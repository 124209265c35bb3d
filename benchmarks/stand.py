"""What benchmarks run on: a private PostgreSQL with a table of people, and the three services as processes."""

import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from directflow_cli.dev import postgres_binaries
from directflow_cli.dev.customer import CustomerDatabase
from directflow_cli.dev.postgres import PostgresServer
from directflow_cli.dev.processes import ServicePlan, ServiceProcess
from directflow_cli.dev.psql import Role
from directflow_cli.dev.settings_files import SettingsFiles

TICKS = os.sysconf("SC_CLK_TCK")
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
class Stand:
    """Where everything is."""

    postgres: PostgresServer
    database: str
    role: Role
    gateway: ServiceProcess
    segments: ServiceProcess
    conditions: ServiceProcess


@asynccontextmanager
async def stand(rows: int, *, segments: str = SEGMENTS, conditions: str = "") -> AsyncIterator[Stand]:
    """Serves `rows` people for the length of the block."""
    installation = postgres_binaries.choose("system-first")
    settings = {"shared_buffers": "512MB", "max_wal_size": "4GB"}
    with PostgresServer.create(installation, settings) as server, TemporaryDirectory() as folder:
        database = server.create_database()
        server.psql(SCHEMA.format(rows=rows), database=database)
        role = server.create_role()
        server.psql(f'GRANT SELECT ON ALL TABLES IN SCHEMA public TO "{role.name}"', database=database)
        directory = Path(folder)
        (directory / "definitions.segments").write_text(segments)
        (directory / "definitions.conditions").write_text(conditions)
        customer = CustomerDatabase(server.host, server.port, database, role.name, role.password, sslmode="disable")
        files = SettingsFiles(directory, NO_PORTS, otlp="")
        async with (
            ServiceProcess(without_traces(files.gateway(customer, own_database=False))) as gateway,
            ServiceProcess(
                without_traces(files.segments(gateway.address, directory / "definitions.segments"))
            ) as segments_service,
            ServiceProcess(
                without_traces(files.conditions(gateway.address, directory / "definitions.conditions"))
            ) as conditions_service,
        ):
            yield Stand(server, database, role, gateway, segments_service, conditions_service)


def without_traces(plan: ServicePlan) -> ServicePlan:
    """The plan with no collector: nothing listens for spans here."""
    plan.config.write_text(plan.config.read_text().replace('otlp_endpoint = "http://"', 'otlp_endpoint = ""'))
    return plan


def pid_of(service: ServiceProcess) -> int:
    """The service's process id."""
    return service._running().pid


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def rss_mib(pid: int) -> float:
    """Resident memory of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise ValueError("no VmRSS")


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
