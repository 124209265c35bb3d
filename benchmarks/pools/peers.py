"""The two pools, made alike."""

import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
import psycopg_pool
from directflow_cli.dev.postgres import PostgresServer
from directflow_cli.dev.psql import Role
from directflow_gateway.connections import Connection, EgressPolicy, Limits, SslMode
from directflow_gateway.credentials import FileCredentialSource, Keyrings
from directflow_gateway.execution import TransactionSettings, Watchdog
from directflow_gateway.execution.wire import Statement
from directflow_gateway.pools import Pools
from directflow_runtime.errors import DirectFlowError

CALL_S = 5.0
SELECT_1 = Statement("SELECT 1")


@dataclass(frozen=True)
class Ours:
    """The gateway's pools with a credential in a file."""

    pools: Pools
    connection: Connection
    secret: Path

    def store(self, role: Role) -> None:
        """What the next login is to use."""
        self.secret.write_text(json.dumps({"username": role.name, "password": role.password}))

    async def ask(self) -> None:
        """SELECT 1 on a session. Raises DirectFlowError."""
        async with self.pools.lease(self.connection, time.monotonic() + CALL_S) as session:
            await session.wire.run(SELECT_1)

    async def ask_surviving(self) -> None:
        """With the one transparent retry that a call has: a transaction. Raises DirectFlowError."""
        settings = TransactionSettings("benchmark", CALL_S)
        async with self.pools.transaction(self.connection, settings, time.monotonic() + CALL_S) as session:
            await session.wire.run(SELECT_1)


@asynccontextmanager
async def ours(server: PostgresServer, role: Role, size: int) -> AsyncIterator[Ours]:
    """Our pools, for the block."""
    watchdog = Watchdog()
    with TemporaryDirectory() as folder:
        secret = Path(folder) / "bench" / "main"
        secret.parent.mkdir()
        keyrings = Keyrings(FileCredentialSource(f"{folder}/{{workspace}}/{{connection}}"))
        connection = Connection(
            workspace="bench", id="main", host=server.host, port=server.port, database="postgres", user=role.name,
            sslmode=SslMode.DISABLE, limits=Limits(pool_size=size),
        )  # fmt: skip
        pools = Pools(keyrings, watchdog, EgressPolicy(allow_loopback=True))
        made = Ours(pools, connection, secret)
        made.store(role)
        try:
            yield made
        finally:
            await pools.aclose()
            await keyrings.aclose()
            watchdog.close()


@dataclass(frozen=True)
class Theirs:
    """psycopg_pool with a callable for its parameters, as its documentation rotates passwords."""

    pool: "psycopg_pool.AsyncConnectionPool[psycopg.AsyncConnection[Any]]"
    login: dict[str, str]

    def store(self, role: Role) -> None:
        """What the next login is to use."""
        self.login.update(user=role.name, password=role.password)

    async def ask(self) -> None:
        """SELECT 1 on a connection. Raises psycopg.Error, PoolTimeout among them."""
        async with self.pool.connection(timeout=CALL_S) as connection:
            await connection.execute("SELECT 1")


@asynccontextmanager
async def theirs(server: PostgresServer, role: Role, size: int, **more: Any) -> AsyncIterator[Theirs]:
    """psycopg_pool, for the block. `more`: its further parameters."""
    login = {"user": role.name, "password": role.password}
    fixed: Mapping[str, Any] = {"host": server.host, "port": server.port, "dbname": "postgres", "autocommit": True}

    async def parameters() -> dict[str, Any]:
        return {**fixed, **login}

    pool = psycopg_pool.AsyncConnectionPool(kwargs=parameters, min_size=size, max_size=size, open=False, **more)
    await pool.open()
    try:
        yield Theirs(pool, login)
    finally:
        await pool.close(timeout=1)


FAILED = (DirectFlowError, psycopg.Error, OSError)
"""What a call may raise."""
