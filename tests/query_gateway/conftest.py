"""A gateway's pools in front of a real PostgreSQL, as app.py builds them."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from directflow_cli.dev.postgres import PostgresServer
from directflow_cli.dev.postgres_binaries import Installation
from directflow_cli.dev.psql import Role
from directflow_gateway.connections import Connection, EgressPolicy, Limits, SslMode
from directflow_gateway.credentials import FileCredentialSource, Keyrings
from directflow_gateway.execution import GatewayConnection, TransactionSettings, Watchdog
from directflow_gateway.pools import Budgets, Pools
from directflow_gateway.pools.pools import admit_everyone
from directflow_runtime.metrics import OFF, Metrics
from opentelemetry.trace import NoOpTracer, Tracer

from .vault.servers import RealVault, StandIn, Vault, real_vault_program

CALL_S = 20.0


@dataclass(frozen=True)
class Stand:
    """Pools for one connection, the file with its credential, and an eye on the server."""

    server: PostgresServer
    database: str
    role: Role
    connection: Connection
    pools: Pools
    keyrings: Keyrings
    watchdog: Watchdog
    secret: Path

    def write_secret(self, password: str, user: str | None = None) -> None:
        self.secret.write_text(json.dumps({"username": user or self.role.name, "password": password}))

    def limited(self, **limits: Any) -> Connection:
        return replace(self.connection, limits=replace(self.connection.limits, **limits))

    def settings(self, name: str = "directflow/test") -> TransactionSettings:
        return TransactionSettings(name, statement_timeout_s=CALL_S)

    def lease(self, within_s: float = CALL_S) -> AbstractAsyncContextManager[GatewayConnection]:
        return self.pools.lease(self.connection, time.monotonic() + within_s)

    def transaction(self, within_s: float = CALL_S) -> AbstractAsyncContextManager[GatewayConnection]:
        return self.pools.transaction(self.connection, self.settings(), time.monotonic() + within_s)

    def sessions(self) -> list[tuple[int, str, bool]]:
        """Pid, state and whether a transaction is open, of every session of the role."""
        with psycopg.connect(self.server.admin_dsn(self.database), autocommit=True) as admin:
            return admin.execute(
                "SELECT pid, state, xact_start IS NOT NULL FROM pg_stat_activity WHERE usename = %s", [self.role.name]
            ).fetchall()

    def busy(self) -> bool:
        return any(state != "idle" or open_transaction for _, state, open_transaction in self.sessions())

    async def quiet_within(self, seconds: float) -> bool:
        """True when within this time no statement and no transaction of the role is left on the server."""
        ends_at = time.monotonic() + seconds
        while await asyncio.to_thread(self.busy):
            if time.monotonic() > ends_at:
                return False
            await asyncio.sleep(0.02)
        return True


@pytest.fixture
def watchdog() -> Iterator[Watchdog]:
    dog = Watchdog()
    yield dog
    dog.close()


@pytest.fixture
async def make_stand(tmp_path: Path, watchdog: Watchdog) -> AsyncIterator[Callable[..., Stand]]:
    """`make_stand(server, database, host=..., port=..., **limits)`: pools that are closed after the test."""
    made: list[tuple[Pools, Keyrings]] = []

    def make(
        server: PostgresServer,
        database: str = "postgres",
        *,
        role: Role | None = None,
        examine: Callable[..., Awaitable[None]] | None = None,
        connection: dict[str, Any] | None = None,
        budgets: Budgets | None = None,
        policy: EgressPolicy = EgressPolicy(allow_loopback=True),  # noqa: B008 (frozen)
        tracer: Tracer = NoOpTracer(),  # noqa: B008 (has no state)
        metrics: Metrics = OFF,
        **limits: Any,
    ) -> Stand:
        role = role or server.create_role("LOGIN")
        where = {"host": server.host, "port": server.port, "sslmode": SslMode.DISABLE, **(connection or {})}
        target = Connection(
            workspace="acme", id="main", database=database, user=role.name, limits=Limits(**limits), **where
        )
        secret = tmp_path / "acme" / "main"
        secret.parent.mkdir(exist_ok=True)
        keyrings = Keyrings(FileCredentialSource(f"{tmp_path}/{{workspace}}/{{connection}}"), metrics=metrics)
        pools = Pools(keyrings, watchdog, policy, examine or admit_everyone, budgets, tracer, metrics)
        made.append((pools, keyrings))
        stand = Stand(server, database, role, target, pools, keyrings, watchdog, secret)
        stand.write_secret(role.password)
        return stand

    yield make
    for pools, keyrings in made:
        await pools.aclose()
        await keyrings.aclose()


@pytest.fixture
def stand(make_stand: Callable[..., Stand], postgres: PostgresServer, postgres_database: str) -> Stand:
    """A pool of three sessions on the shared server, as a role that may read this module's database."""
    return make_stand(postgres, postgres_database, pool_size=3, acquire_timeout_s=2)


@pytest.fixture(scope="session")
def _real_vault_process() -> Iterator[RealVault]:
    """One process for all tests of a worker: it takes seconds to start."""
    server = RealVault(real_vault_program())
    yield server
    server.close()


@pytest.fixture
def real_vault(_real_vault_process: RealVault) -> Iterator[RealVault]:
    """HashiCorp's Vault, empty."""
    yield _real_vault_process
    _real_vault_process.reset()


@pytest.fixture
def stand_in(postgres_installation: Installation) -> Iterator[StandIn]:
    """The stand-in of `directflow dev`, empty."""
    server = StandIn(postgres_installation.program("psql"))
    yield server
    server.close()


@pytest.fixture(params=["stand-in", "real"])
def vault(request: pytest.FixtureRequest) -> Vault:
    """A test that asks for this one runs twice: on the stand-in and on the real server."""
    return request.getfixturevalue({"stand-in": "stand_in", "real": "real_vault"}[request.param])
