"""Pools whose credentials come from Vault, real and stand-in, for a real PostgreSQL with scram passwords."""

import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from directflow_cli.dev.postgres import PostgresServer
from directflow_cli.dev.psql import Role
from directflow_gateway.connections import Connection, CredentialKind, EgressPolicy, Limits, SslMode
from directflow_gateway.credentials import Keyrings
from directflow_gateway.credentials.by_kind import SourceByKind, source_by_kind
from directflow_gateway.credentials.settings import CredentialSettings
from directflow_gateway.execution import TransactionSettings, Watchdog, fetch_first
from directflow_gateway.pools import Pools
from directflow_gateway.vault import VaultSession, VaultSettings

from ..vault import setups
from ..vault.faults import FaultyVault
from ..vault.servers import Vault
from ..vault.sessions import SHORT, opened

CALL_S = 10.0


@dataclass
class Site:
    """One gateway's credentials and pools, its Vault, and its customer's database."""

    vault: Vault
    proxy: FaultyVault
    server: PostgresServer
    session: VaultSession
    source: SourceByKind
    keyrings: Keyrings
    pools: Pools
    token: Callable[[], str]

    def connection(self, kind: CredentialKind, user: str = "", **limits: Any) -> Connection:
        return Connection(
            workspace="acme",
            id="main",
            host=self.server.host,
            port=self.server.port,
            database="postgres",
            user=user,
            sslmode=SslMode.DISABLE,
            credential_kind=kind,
            limits=Limits(**limits),
        )

    async def ask(self, connection: Connection, within_s: float = CALL_S) -> str:
        """One call: who it runs as."""
        settings = TransactionSettings("directflow/test", statement_timeout_s=within_s)
        async with self.pools.transaction(connection, settings, time.monotonic() + within_s) as session:
            (row,) = await fetch_first(session, "SELECT session_user::text", (), 1)
        return str(row[0])

    def close_idle(self) -> None:
        """So that the next calls have to log in. Not by ending sessions in the server: it would hit running calls."""
        for pool in self.pools._pools.values():
            pool.drain()

    def leases(self) -> int:
        """Requests for a new lease, as Vault saw them."""
        return self.proxy.count("database/creds/acme_main")


@asynccontextmanager
async def site(
    vault: Vault, proxy: FaultyVault, server: PostgresServer, directory: Path, watchdog: Watchdog, **token: Any
) -> AsyncIterator[Site]:
    """`token`: of the AppRole that the gateway logs in with."""
    made = setups.approle(vault, setups.gateway_policy(vault), **token)
    (directory / "role_id").write_text(made.role_id)
    (directory / "secret_id").write_text(made.secret_id)
    login = {"method": "approle", "role_id_file": directory / "role_id", "secret_id_file": directory / "secret_id"}
    settings = VaultSettings.model_validate({"address": proxy.address, "request_timeout_s": 3.0, "login": login})
    async with AsyncExitStack() as stack:
        heard = await stack.enter_async_context(opened(settings, start=True, periods=SHORT))
        source = source_by_kind(CredentialSettings(), heard.session)
        keyrings = Keyrings(source, epoch=lambda: heard.session.epoch)
        stack.push_async_callback(keyrings.aclose)
        pools = Pools(keyrings, watchdog, EgressPolicy(allow_loopback=True))
        stack.push_async_callback(pools.aclose)
        yield Site(vault, proxy, server, heard.session, source, keyrings, pools, heard.token)


@pytest.fixture
def in_front(vault: Vault) -> Iterator[FaultyVault]:
    proxy = FaultyVault(vault.address)
    yield proxy
    proxy.close()


@pytest.fixture
async def gateway(
    vault: Vault, in_front: FaultyVault, postgres: PostgresServer, tmp_path: Path, watchdog: Watchdog
) -> AsyncIterator[Site]:
    async with site(vault, in_front, postgres, tmp_path, watchdog) as made:
        yield made


@pytest.fixture
def role(postgres: PostgresServer) -> Role:
    return postgres.create_role("LOGIN")
