"""T11: users that live for seconds, made by Vault, under load and below a long stream."""

import asyncio
import time

import pytest

from .clients import Clients, no_failure
from .ledger import Ledger
from .long_stream import LongStream
from .site import LEASES, Site

REPLACED_AT = 0.79
"""Of a lease's life, at the earliest: 0.85 less its jitter."""
GONE_S = 10.0
"""For Vault to drop the roles of leases that have ended."""


def seconds(text: str) -> int:
    return int(text.removesuffix("s"))


async def lived_on(at: Site, clients: Clients, ids: tuple[str, ...], run_s: float, rate: float) -> Ledger:
    """Load on connections with short leases, and a stream on the first that outlives them; all that became of it."""
    ledger = Ledger()
    each_s = len(ids) * 2 / rate
    began, before = time.monotonic(), {id: at.leases(id) for id in ids}
    async with (
        clients.load(*ids, ledger=ledger, each_s=each_s),
        LongStream(clients, ids[0]),
    ):
        await asyncio.sleep(run_s)
    lasted_s = time.monotonic() - began
    for id in ids:
        _, greatest_age = map(seconds, LEASES[id])
        made = at.leases(id) - before[id]
        assert lasted_s / greatest_age - 1 <= made <= lasted_s / (REPLACED_AT * greatest_age) + 1, f"{id}: {made}"
    return ledger


async def roles_of_ended_leases_go(at: Site, id: str) -> None:
    """The present one may stay for as long as the gateway uses it."""
    ends_at = time.monotonic() + GONE_S
    while len(await asyncio.to_thread(at.made_roles, id)) > 2:
        assert time.monotonic() < ends_at, at.made_roles(id)
        await asyncio.sleep(0.5)


async def test_leases_of_seconds_are_replaced_and_renewed_under_load_and_nobody_notices(either_site: Site) -> None:
    ids = ("brief", "renewed")
    async with Clients(either_site) as clients:
        ledger = await lived_on(either_site, clients, ids, run_s=12, rate=10)
        with no_failure(ledger, at_least=60):
            for id in ids:
                await roles_of_ended_leases_go(either_site, id)


@pytest.mark.soak
async def test_leases_of_twenty_seconds_are_replaced_for_five_minutes_under_fifty_calls_a_second(
    site: Site, clients: Clients
) -> None:
    ids = ("minutes", "long-renewed")
    ledger = await lived_on(site, clients, ids, run_s=300, rate=50)
    with no_failure(ledger, at_least=10_000):
        for id in ids:
            await roles_of_ended_leases_go(site, id)
