"""T13, T14: Vault ends, hangs, trickles and talks nonsense; whoever has a credential that lives notices nothing."""

import asyncio
import time
from collections.abc import Callable

import pytest
from directflow_runtime.errors import StatusCode

from ...query_gateway.vault.faults import Fault
from .clients import Clients, no_failure
from .customers import FIRST_ROWS
from .ledger import Ledger
from .site import REQUEST_TIMEOUT_S, Site
from .watch import always_ready, seconds_until

LIVING = ("living-9", "living-10", "living-11", "living-12", "stored", "filed")
MET_S = 12.0
"""Longest wait for a request that meets a fault: all living leases are renewed within it."""
HELD_S = 1.0
"""A fault goes on after it was met. The leases' last thirds are longer."""
NOT_WAITED_S = 0.8 * REQUEST_TIMEOUT_S
"""A call that takes longer than the same calls did before has waited for Vault."""
TOLD_S = 5.0
HEALED_S = 15.0


def proxied(fault: Fault) -> tuple[Callable[[Site], None], Callable[[Site], None]]:
    def begin(at: Site) -> None:
        at.proxy.fault = fault

    return begin, lambda at: at.proxy.heal()


def answering(status: int) -> tuple[Callable[[Site], None], Callable[[Site], None]]:
    return lambda at: at.proxy.answer_next(*([status] * 100_000)), lambda at: at.proxy.heal()


UNSEEN = "gone from the network"
"""Nobody listens, and so nobody is seen."""
FAULTS = {
    "killed": (lambda at: at.vault.stop(), lambda at: at.vault.start()),
    "sealed": (lambda at: at.vault.seal(), lambda at: at.vault.unseal()),
    UNSEEN: proxied(Fault.REFUSE),
    "black hole": proxied(Fault.BLACK_HOLE),
    "a byte a second": proxied(Fault.TRICKLE),
    "half of the JSON": proxied(Fault.TRUNCATE),
    "500": answering(500),
    "429": answering(429),
    "412": answering(412),
}


async def fault_is_met(at: Site) -> bool:
    """Somebody has asked Vault since."""
    asked = len(at.proxy.requests)
    ends_at = time.monotonic() + MET_S
    while len(at.proxy.requests) == asked and time.monotonic() < ends_at:  # noqa: ASYNC110 (it is in threads)
        await asyncio.sleep(0.05)
    return len(at.proxy.requests) > asked


async def everything_is_read_again(at: Site) -> bool:
    """No credential whose last reading failed, by the gateway's lines."""
    failing: dict[str, bool] = {}
    for line in await asyncio.to_thread(at.log_lines, "gateway"):
        if line["event"] in ("a credential cannot be read", "a credential can be read again"):
            failing[line["connection"]] = "cannot" in line["event"]
    return not any(failing.values())


async def hold(at: Site, met: list[str], name: str) -> None:
    """A fault goes on until somebody has met it, and a little longer."""
    if at.proxy.fault is Fault.REFUSE:
        await asyncio.sleep(2 * HELD_S)
    elif await fault_is_met(at):
        met.append(name)
        await asyncio.sleep(HELD_S)


async def test_a_vault_that_fails_in_every_way_is_noticed_by_nobody_whose_credential_lives(
    site: Site, clients: Clients
) -> None:
    usual, ledger, met = Ledger(), Ledger(), []
    async with clients.load(*LIVING, ledger=usual, each_s=0.5, callers=1):
        await asyncio.sleep(2)
    async with always_ready(site, "gateway"), clients.load(*LIVING, ledger=ledger, each_s=1.2, callers=1):
        for name, (begin, mend) in FAULTS.items():
            await asyncio.to_thread(begin, site)
            try:
                await hold(site, met, name)
            finally:
                await asyncio.to_thread(mend, site)
            # One outage at a time: a second would find leases that were not renewed because of the first.
            await seconds_until(lambda: everything_is_read_again(site), HEALED_S)
    with no_failure(ledger, at_least=50):
        assert usual.failed == []
        assert ledger.slowest_s < usual.slowest_s + NOT_WAITED_S
        assert met == [name for name in FAULTS if name != UNSEEN]


LONG = ("sealed", UNSEEN, "black hole")
LONG_S = 600.0


@pytest.mark.soak
@pytest.mark.parametrize("name", LONG)
async def test_ten_minutes_without_vault_are_noticed_by_nobody_whose_credential_lives(
    site: Site, clients: Clients, name: str
) -> None:
    """And who has a lease of seconds is served again soon after."""
    living, ledger, healed, (begin, mend) = ("hanging", "stored", "filed"), Ledger(), Ledger(), FAULTS[name]
    assert await clients.rows("expiring") == FIRST_ROWS
    async with always_ready(site, "gateway"), clients.load(*living, ledger=ledger, each_s=0.3):
        await asyncio.sleep(1)
        await asyncio.to_thread(begin, site)
        try:
            await asyncio.sleep(LONG_S)
        finally:
            await asyncio.to_thread(mend, site)
        await is_served_again(clients, "expiring", healed)
    with no_failure(ledger, at_least=5_000):
        assert ledger.slowest_s < NOT_WAITED_S


async def is_served_again(clients: Clients, id: str, healed: Ledger) -> None:
    """Within 15 s after Vault's return; until then it is CREDENTIALS_UNAVAILABLE."""

    async def works() -> bool:
        return await healed.enter(id, lambda: clients.rows(id), FIRST_ROWS)

    assert await seconds_until(works, within_s=60) < HEALED_S, healed
    assert {failed.reason for failed in healed.failed} <= {"CREDENTIALS_UNAVAILABLE"}, healed


async def told_in_time(clients: Clients, id: str, ledger: Ledger) -> bool:
    """A call that has no credential is told so, soon, and when to come again; True once one is."""
    if await ledger.enter(id, lambda: clients.rows(id), FIRST_ROWS):
        return False
    failed = ledger.failed[-1]
    assert failed.error is not None, failed
    assert (failed.error.code, failed.reason) == (StatusCode.UNAVAILABLE, "CREDENTIALS_UNAVAILABLE"), failed
    assert failed.error.retry_after is not None
    assert failed.took_s < TOLD_S + 1, failed
    return True


async def test_a_lease_that_expired_while_vault_hung_is_told_and_replaced_soon_after(
    site: Site, clients: Clients
) -> None:
    ledger, others, healed = Ledger(), Ledger(), Ledger()
    assert await clients.decided("expiring", 2) == "TRUE"
    async with always_ready(site, "gateway"), clients.load("stored", "filed", ledger=others, callers=1):
        site.proxy.fault = Fault.BLACK_HOLE
        try:
            await seconds_until(lambda: told_in_time(clients, "expiring", ledger), within_s=20)
            for _ in range(5):
                assert await told_in_time(clients, "expiring", ledger), "it came and went"
        finally:
            site.proxy.heal()

        await is_served_again(clients, "expiring", healed)
    assert others.failed == [], others
