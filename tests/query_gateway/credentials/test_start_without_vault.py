"""A gateway that starts while Vault is away: ready at once, unless its own database's logins are there as well."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from directflow_cli.dev import directflow_database
from directflow_cli.dev.postgres import PostgresServer
from directflow_gateway import app
from directflow_gateway.config import GatewaySettings
from directflow_runtime.lifecycle import App

from ..vault import setups
from ..vault.faults import Fault, FaultyVault
from ..vault.servers import StandIn

READY_S = 30.0
OWN = "directflow-database"


@pytest.fixture
def away(stand_in: StandIn) -> Any:
    proxy = FaultyVault(stand_in.address)
    proxy.fault = Fault.REFUSE
    yield proxy
    proxy.close()


@pytest.fixture
async def opened() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


async def build(stand_in: StandIn, away: FaultyVault, folder: Path, opened: AsyncExitStack, **more: Any) -> App:
    """A gateway that logs in at the Vault behind `away`."""
    setups.policy(stand_in, "gateway", {f"secret/data/{OWN}/+": ["read"], "secret/data/directflow/+/+": ["read"]})
    made = setups.approle(stand_in, "gateway")
    login: dict[str, Any] = {"method": "approle"}
    for part in ("role_id", "secret_id"):
        (folder / part).write_text(getattr(made, part))
        login[f"{part}_file"] = folder / part
    vault = {"address": away.address, "request_timeout_s": 1.0, "login": login}
    given = {"vault": vault, "identity": {"allow_development": True}, **more}
    return await app.build(GatewaySettings.model_validate(given), opened)


def own_database(stand_in: StandIn, postgres: PostgresServer, name: str) -> Mapping[str, Any]:
    """[directflow_database], with the three logins in Vault."""
    made = directflow_database.create(postgres, name)
    for role, login in made.roles.items():
        setups.put_kv(stand_in, f"{OWN}/{role}", {"username": login.name, "password": login.password})
    place = {"host": made.host, "port": made.port, "database": made.database, "sslmode": "disable"}
    return {**place, "credential_kind": "vault-kv", "vault_path": f"{OWN}/{{role}}"}


async def test_without_a_database_of_its_own_in_vault_it_is_ready_at_once(
    stand_in: StandIn, away: FaultyVault, tmp_path: Path, opened: AsyncExitStack
) -> None:
    gateway = await build(stand_in, away, tmp_path, opened)
    async with asyncio.timeout(READY_S):
        await gateway.ready()


async def test_with_one_it_is_not_ready_before_vault_is_there_and_then_by_itself(
    stand_in: StandIn, away: FaultyVault, tmp_path: Path, opened: AsyncExitStack, postgres: PostgresServer
) -> None:
    """It does not know which definitions there are, and which statements may run."""
    section = own_database(stand_in, postgres, f"own_{time.monotonic_ns()}")
    gateway = await build(stand_in, away, tmp_path, opened, directflow_database=section)
    waiting = asyncio.create_task(gateway.ready())
    done, _ = await asyncio.wait([waiting], timeout=2)
    assert not done
    away.heal()
    async with asyncio.timeout(READY_S):
        await waiting
