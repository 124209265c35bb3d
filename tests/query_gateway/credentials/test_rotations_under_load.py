"""Nobody notices a rotation, an outage of Vault, or the end of a lease: calls on a real PostgreSQL, Vault real too."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
import pytest
from directflow_cli.dev.postgres import PostgresServer
from directflow_cli.dev.psql import Role, identifier
from directflow_gateway.connections import Connection, CredentialKind
from directflow_gateway.execution import Watchdog
from directflow_runtime.errors import DirectFlowError

from ..vault import setups
from ..vault.faults import Fault, FaultyVault
from ..vault.servers import Vault
from ..vault.sessions import until
from .conftest import Site, site

KV, DYNAMIC, STATIC = CredentialKind.VAULT_KV, CredentialKind.VAULT_DYNAMIC, CredentialKind.VAULT_STATIC
CALLERS = 4


class Load:
    """Calls without an end, and who they ran as."""

    def __init__(self, site: Site, connection: Connection) -> None:
        self.users: list[str] = []
        self.errors: list[str] = []
        self._site, self._connection = site, connection

    async def call(self) -> None:
        try:
            self.users.append(await self._site.ask(self._connection))
        except DirectFlowError as error:
            self.errors.append(f"{error.reason} {dict(error.metadata)}")

    async def _forever(self) -> None:
        while True:
            await self.call()
            await asyncio.sleep(0.02)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Load"]:
        tasks = [asyncio.create_task(self._forever()) for _ in range(CALLERS)]
        try:
            await self.some_more()
            yield self
            await self.some_more()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def some_more(self, calls: int = 2 * CALLERS) -> None:
        """Until this many more calls have ended."""
        enough = len(self.users) + len(self.errors) + calls
        await until(lambda: len(self.users) + len(self.errors) >= enough, 20)


def end_sessions(server: PostgresServer, user: str) -> None:
    """So that the next call has to log in."""
    ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s"
    with psycopg.connect(server.admin_dsn("postgres"), autocommit=True) as admin:
        admin.execute(ended, [user])


async def test_passwords_change_under_load_and_no_call_fails(gateway: Site, role: Role) -> None:
    """T12: in the database first, and a moment later in Vault. Twenty of them, end to end: tests/e2e/credentials."""
    setups.put_kv(gateway.vault, "directflow/acme/main", {"username": role.name, "password": role.password})
    async with Load(gateway, gateway.connection(KV)).running() as load:
        for number in range(6):
            password = f"rotated {number}"
            await asyncio.to_thread(gateway.server.psql, f"ALTER ROLE {identifier(role.name)} PASSWORD '{password}'")
            await asyncio.to_thread(
                setups.put_kv, gateway.vault, "directflow/acme/main", {"username": role.name, "password": password}
            )
            gateway.close_idle()
            await load.some_more()
    assert load.errors == []


async def test_a_static_role_rotates_under_load_and_no_call_fails(gateway: Site, role: Role) -> None:
    setups.database(gateway.vault, gateway.server)
    setups.static_role(gateway.vault, "acme_main", role)
    async with Load(gateway, gateway.connection(STATIC)).running() as load:
        for _ in range(3):
            await asyncio.to_thread(setups.rotate, gateway.vault, "acme_main")
            gateway.close_idle()
            await load.some_more()
    assert load.errors == []


async def test_leases_of_seconds_under_load_and_a_long_session(gateway: Site) -> None:
    """T11 in short: a lease of 2 s that cannot grow beyond 4 s, some lives long."""
    setups.database(gateway.vault, gateway.server)
    setups.dynamic_role(gateway.vault, "acme_main", default_ttl="2s", max_ttl="4s")
    connection = gateway.connection(DYNAMIC)
    started = time.monotonic()
    async with (
        gateway.pools.lease(connection, started + 60) as stream,
        Load(gateway, connection).running() as load,
    ):
        await stream.execute("BEGIN")
        await until(lambda: len(set(load.users)) >= 3, 40)
        await stream.execute("SELECT 1")
        took = time.monotonic() - started
    assert load.errors == []
    assert gateway.leases() <= took / (0.8 * 2) + 2


async def test_a_login_that_dies_before_its_leases(
    vault: Vault, in_front: FaultyVault, postgres: PostgresServer, tmp_path: Path, watchdog: Watchdog
) -> None:
    """T15: the token lives 4 s at most, the lease would live an hour."""
    setups.database(vault, postgres)
    setups.dynamic_role(vault, "acme_main")
    async with site(vault, in_front, postgres, tmp_path, watchdog, token_ttl="2s", token_max_ttl="4s") as gateway:
        async with Load(gateway, gateway.connection(DYNAMIC)).running() as load:
            await until(lambda: len(set(load.users)) >= 3, 40)
        assert load.errors == []


Outage = Callable[[Site], Awaitable[None]]


async def _black_hole(gateway: Site) -> None:
    gateway.proxy.fault = Fault.BLACK_HOLE


async def _nobody(gateway: Site) -> None:
    gateway.proxy.fault = Fault.REFUSE


async def _truncated(gateway: Site) -> None:
    gateway.proxy.fault = Fault.TRUNCATE


async def _trickle(gateway: Site) -> None:
    gateway.proxy.fault = Fault.TRICKLE


async def _sealed(gateway: Site) -> None:
    await asyncio.to_thread(gateway.vault.seal)


@pytest.mark.parametrize("outage", [_black_hole, _nobody, _truncated, _trickle, _sealed])
async def test_nobody_notices_an_outage_while_credentials_live(
    gateway: Site, outage: Outage, role: Role, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T13 in short: with a pace of 0.2 s the credential is due again and again meanwhile."""
    monkeypatch.setattr("directflow_gateway.credentials.reading.FRESH_S", 0.2)
    monkeypatch.setattr("directflow_gateway.credentials.reading.LONGEST_BACKOFF_S", 0.5)
    setups.put_kv(gateway.vault, "directflow/acme/main", {"username": role.name, "password": role.password})
    connection = gateway.connection(KV)
    keyring = gateway.keyrings.of(connection)
    async with Load(gateway, connection).running() as load:
        await outage(gateway)
        await until(lambda: keyring._reading.failure, 15)
        gateway.close_idle()  # new logins work as well
        await load.some_more(16)
        gateway.proxy.heal()
        if outage is _sealed:
            await asyncio.to_thread(gateway.vault.unseal)
        await until(lambda: keyring._reading.failure is None, 15)
    assert load.errors == []


async def test_a_refused_login_while_vault_is_away_is_unavailable_and_heals_with_vault(
    gateway: Site, role: Role
) -> None:
    setups.put_kv(gateway.vault, "directflow/acme/main", {"username": role.name, "password": role.password})
    connection = gateway.connection(KV)
    await gateway.ask(connection)
    gateway.proxy.fault = Fault.REFUSE
    gateway.server.psql(f"ALTER ROLE {identifier(role.name)} PASSWORD 'fresh'")
    setups.put_kv(gateway.vault, "directflow/acme/main", {"username": role.name, "password": "fresh"})
    end_sessions(gateway.server, role.name)
    for _ in range(5):
        with pytest.raises(DirectFlowError) as refused:
            await gateway.ask(connection)
        assert (refused.value.reason, refused.value.metadata) == (
            "CREDENTIALS_UNAVAILABLE",
            {"cause": "VAULT_UNREACHABLE"},
        )
        assert refused.value.retry_after
    gateway.proxy.heal()
    load = Load(gateway, connection)
    ends_at = time.monotonic() + 15
    while not load.users and time.monotonic() < ends_at:
        await load.call()
        await asyncio.sleep(0.1)
    assert load.users


async def test_a_role_that_is_dropped_under_us_costs_no_call(gateway: Site) -> None:
    """T16: the next login gets another user at once."""
    setups.database(gateway.vault, gateway.server)
    setups.dynamic_role(gateway.vault, "acme_main")
    connection = gateway.connection(DYNAMIC)
    first = await gateway.ask(connection)
    end_sessions(gateway.server, first)
    setups.drop_role(gateway.server, first)
    second = await gateway.ask(connection)
    assert second != first
    assert gateway.leases() == 2
