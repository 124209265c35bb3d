"""The demo customer's database in a private PostgreSQL: schema, data, and the documented read-only role."""

import secrets
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from directflow_cli.dev import directflow_database
from directflow_cli.dev.customer import CustomerDatabase
from directflow_cli.dev.directflow_database import DirectFlowDatabase
from directflow_cli.dev.postgres import PostgresServer
from directflow_cli.dev.postgres_binaries import Installation
from directflow_cli.dev.psql import PsqlFailed, script

FILES = Path(__file__).parent / "demo"  # a link to examples/demo; the wheel holds the files themselves
DATABASE = "customer"
ROLE = "directflow_readonly"
USERS = 220_000
LOAD_SECONDS = 300.0


@contextmanager
def demo_databases(
    installation: Installation, users: int, report: Callable[[str], None]
) -> Iterator[tuple[CustomerDatabase, DirectFlowDatabase]]:
    """Serves a fresh demo customer's database, and DirectFlow's own beside it, while the block lasts.

    `report` hears what is being loaded.
    """
    report("starting PostgreSQL")
    with PostgresServer.create(installation) as server:
        own = directflow_database.create(server)
        server.create_database(DATABASE)
        load(server, DATABASE, users, report)
        password = create_role(server, DATABASE)
        yield CustomerDatabase(server.host, server.port, DATABASE, ROLE, password, sslmode="disable"), own


def load(server: PostgresServer, database: str, users: int, report: Callable[[str], None]) -> None:
    """Schema and data; each `\\echo` of data.sql is reported as it begins."""
    server.psql(file=FILES / "schema.sql", database=database)
    psql = server.psql_as()
    command = psql.command(database)
    with subprocess.Popen(
        command, env=psql.environment(), text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as process:  # fmt: skip
        said = _run(process, script(file=FILES / "data.sql", variables={"users": str(users)}), report)
    if process.returncode != 0:
        raise PsqlFailed(process.returncode, command, "", "\n".join(said))


def _run(process: "subprocess.Popen[str]", sql: str, report: Callable[[str], None]) -> list[str]:
    if process.stdin is None or process.stdout is None:
        raise ValueError("psql needs its pipes")
    said: list[str] = []
    deadline = threading.Timer(LOAD_SECONDS, process.kill)
    deadline.start()
    try:
        process.stdin.write(sql)
        process.stdin.close()
        for line in process.stdout:
            said.append(line.strip())
            report(f"loading {said[-1]}")
    except BaseException:
        process.kill()  # Ctrl-C: leaving the block would wait for the end of the load
        raise
    finally:
        deadline.cancel()
    return said


def create_role(server: PostgresServer, database: str) -> str:
    """Runs the documented statements and returns the password, which is new and random."""
    password = secrets.token_urlsafe(24)
    server.psql(file=FILES / "role.sql", database=database, variables={"database": database, "password": password})
    return password
