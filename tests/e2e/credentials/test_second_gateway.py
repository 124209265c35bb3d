"""T13, T15: a gateway that starts while Vault hangs, and whose logins at Vault live shorter than what it gets there."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from ...query_gateway.vault.faults import Fault
from .clients import Clients, no_failure
from .customers import FIRST_ROWS
from .ledger import Ledger
from .long_stream import LongStream
from .overhearing import OverhearingVault
from .site import Site
from .test_outages import is_served_again, told_in_time
from .watch import always_ready

NAME = "gateway-second"


@pytest.fixture(scope="module")
def hanging(stand_in_site: Site) -> Iterator[OverhearingVault]:
    """The way from a second gateway to Vault, which swallows everything at first."""
    at = stand_in_site
    proxy = OverhearingVault(at.vault.address)
    proxy.fault = Fault.BLACK_HOLE
    login = at.login(proxy.address, "short-lived", token_ttl="6s", token_max_ttl="11s")
    kinds = {"stored": "vault-kv", "filed": "file", "hanging": "vault-dynamic"}
    at.start(at.plans.gateway(NAME, login, [at.connection(id, kind) for id, kind in kinds.items()]))
    yield proxy
    at.stop(NAME)
    proxy.close()


@pytest.fixture
async def clients(site: Site, hanging: OverhearingVault) -> AsyncIterator[Clients]:
    async with Clients(site, NAME) as opened:
        yield opened


async def test_a_gateway_that_starts_while_vault_hangs_serves_what_needs_none_of_it(
    site: Site, hanging: OverhearingVault, clients: Clients
) -> None:
    ledger, healed = Ledger(), Ledger()
    async with always_ready(site, NAME):
        assert await clients.rows("filed") == FIRST_ROWS
        for _ in range(3):
            assert await told_in_time(clients, "stored", ledger), "it answers without a password"
        assert await clients.rows("filed") == FIRST_ROWS
        hanging.heal()

        await is_served_again(clients, "stored", healed)


async def test_a_login_whose_greatest_age_is_less_than_a_leases_life_costs_nobody_a_call(
    hanging: OverhearingVault, clients: Clients
) -> None:
    """Leases end with the token that asked for them, whatever their own end: each is replaced with its token."""
    hanging.heal()
    ledger, logins = Ledger(), hanging.count("auth/approle/login")
    with no_failure(ledger, at_least=60):
        async with clients.load("hanging", ledger=ledger, each_s=0.3), LongStream(clients, "hanging", pause_s=2):
            await asyncio.sleep(18)
    assert hanging.count("auth/approle/login") - logins >= 2, "no token ended: nothing was shown"
