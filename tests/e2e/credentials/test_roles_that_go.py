"""T16: the role of a lease ends under us."""

import asyncio
import time
from collections.abc import Callable

from directflow_cli.dev.psql import identifier

from .clients import Clients, no_failure
from .customers import FIRST_ROWS
from .ledger import Ledger
from .long_stream import LongStream
from .processes import vault_role
from .site import Site

RECONNECTED_S = 2.0
BUSY_S = 8.0
"""What a machine may add on which everything runs at once."""
ENDS = 3


def revoke(at: Site, id: str) -> None:
    """By whoever runs Vault."""
    at.vault.ok("PUT", f"sys/leases/revoke-prefix/database/creds/{vault_role(id)}", {"sync": True})


def drop(at: Site, id: str) -> None:
    """By whoever runs the database; Vault knows nothing of it."""
    for role in at.made_roles(id):
        at.admin(f"DROP OWNED BY {identifier(role)}; DROP ROLE {identifier(role)}")


async def roles_end_under_load(at: Site, id: str, end: Callable[[Site, str], None]) -> None:
    """A stream that began with the first of them lives through all of it."""
    ledger = Ledger()
    async with Clients(at) as clients:
        with no_failure(ledger, at_least=20):
            async with clients.load(id, ledger=ledger, each_s=0.4), LongStream(clients, id, pause_s=0.8):
                for _ in range(ENDS):
                    await asyncio.sleep(1.5)
                    old, made = await asyncio.to_thread(at.made_roles, id), at.leases(id)
                    assert len(old) == 1, "one lease is enough for one gateway"
                    await asyncio.to_thread(end, at, id)
                    began = time.monotonic()
                    await ledger.enter("the next query", lambda: clients.rows(id), FIRST_ROWS)
                    assert time.monotonic() - began < RECONNECTED_S + BUSY_S
                    assert not old & await asyncio.to_thread(at.made_roles, id)
                    assert at.leases(id) == made + 1, "everybody found out, and one asked"
                await asyncio.sleep(1)


async def test_leases_that_are_revoked_under_a_stream_and_under_load_cost_nobody_a_call(either_site: Site) -> None:
    await roles_end_under_load(either_site, "revoked", revoke)


async def test_roles_that_are_dropped_under_a_stream_and_under_load_cost_nobody_a_call(site: Site) -> None:
    await roles_end_under_load(site, "dropped", drop)
