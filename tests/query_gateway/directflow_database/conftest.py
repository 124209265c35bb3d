"""DirectFlow's own database without a gateway around it: an empty one with its three roles, and its pools."""

import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from directflow_cli.dev import directflow_database
from directflow_cli.dev.postgres import PostgresServer
from directflow_gateway.directflow_database import DirectFlowDatabase, DirectFlowDatabaseSettings
from directflow_gateway.execution import Watchdog
from directflow_runtime.calls import Call, call_scope
from opentelemetry.trace import NoOpTracer

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"


class Own:
    """An empty database, its roles and the files with their logins."""

    def __init__(self, server: PostgresServer, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.made = directflow_database.create(server, f"own_{time.monotonic_ns()}")
        for name, role in self.made.roles.items():
            self.write(name, role.name, role.password)

    def write(self, name: str, user: str, password: str) -> None:
        (self.folder / f"{name}.json").write_text(json.dumps({"username": user, "password": password}))

    def section(self, **more: Any) -> dict[str, Any]:
        place = {"host": self.server.host, "port": self.server.port, "database": self.made.database}
        credentials = {f"{name}_credential": self.folder / f"{name}.json" for name in self.made.roles}
        return {**place, "sslmode": "disable", **credentials, **more}

    def settings(self, **more: Any) -> DirectFlowDatabaseSettings:
        return DirectFlowDatabaseSettings.model_validate(self.section(**more))

    def admin(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self.server.admin_dsn(self.made.database), autocommit=True)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with self.admin() as admin:
            return admin.execute(sql).fetchall()


@pytest.fixture
def own(postgres: PostgresServer, tmp_path: Path) -> Own:
    """On the shared server."""
    return Own(postgres, tmp_path)


@pytest.fixture
async def open_database() -> AsyncIterator[Callable[..., DirectFlowDatabase]]:
    """`open_database(own, retention_days=...)`: its pools, closed after the test."""
    watchdog, opened = Watchdog(), []

    def make(own: Own, **more: Any) -> DirectFlowDatabase:
        opened.append(DirectFlowDatabase(own.settings(**more), watchdog, NoOpTracer()))
        return opened[-1]

    yield make
    for database in opened:
        await database.aclose()
    watchdog.close()


@pytest.fixture
def database(own: Own, open_database: Callable[..., DirectFlowDatabase]) -> DirectFlowDatabase:
    return open_database(own)


@pytest.fixture
def call() -> Iterator[Call]:
    """What runs here runs for a call, as behind the interceptors."""
    with call_scope(Call(time.monotonic() + 20, "test", frozenset({"*"}), TRACE_ID, "b7ad6b7169203331", "t/T")) as one:
        yield one
