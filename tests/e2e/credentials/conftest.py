"""Passwords out of Vault, end to end: real processes, a real PostgreSQL with scram, faults before Vault."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from directflow_cli.dev.postgres import PostgresServer

from ...query_gateway.vault.servers import RealVault, StandIn, real_vault_program
from .clients import Clients
from .site import Site, running


@pytest.fixture(scope="package")
def stand_in_site(
    postgres: PostgresServer, postgres_installation: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """One for all tests of the folder: whoever stops or seals something mends it."""
    vault = StandIn(postgres_installation.program("psql"))
    try:
        with running(postgres, vault, tmp_path_factory.mktemp("stand-in")) as at:
            yield at
    finally:
        vault.close()


@pytest.fixture(scope="package")
def real_site(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A gateway on HashiCorp's own server."""
    vault = RealVault(real_vault_program())
    try:
        with running(postgres, vault, tmp_path_factory.mktemp("real"), followers=False) as at:
            yield at
    finally:
        vault.close()


@pytest.fixture
def site(stand_in_site: Site) -> Site:
    return stand_in_site


@pytest.fixture(params=["stand-in", "real"])
def either_site(request: pytest.FixtureRequest) -> Site:
    """A test that asks for this one runs twice: on the stand-in and on the real server."""
    return request.getfixturevalue(f"{request.param.replace('-', '_')}_site")


@pytest.fixture
async def clients(site: Site) -> AsyncIterator[Clients]:
    async with Clients(site) as opened:
        yield opened
