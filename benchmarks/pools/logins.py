"""A wrong password, and one that is rotated under load."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from directflow_cli.dev.postgres import PostgresServer
from directflow_cli.dev.psql import Role

from benchmarks.measuring import Pace
from benchmarks.pools.peers import FAILED, ours, theirs
from benchmarks.table import Line, Report

SIZE = 6
CALLERS = 8
ROTATIONS, QUICK_ROTATIONS = 20, 3
BETWEEN_S = 0.5
REFUSED = "password authentication failed"

Made = Callable[[PostgresServer, Role, int], AbstractAsyncContextManager[Any]]


async def run(server: PostgresServer, pace: Pace, report: Report) -> None:
    """Two tables."""
    seconds = 2.0 if pace.quick else 10.0
    lines = [await _wrong(name, make, server, seconds) for name, make in PEERS]
    report.lines(f"pools, {seconds:.0f} s with a wrong password", lines, "logins")
    rotations = QUICK_ROTATIONS if pace.quick else ROTATIONS
    lines = [await _rotated(name, make, server, rotations) for name, make in PEERS]
    report.lines(f"pools, {rotations} rotations under {CALLERS} callers", lines, "calls failed")


@asynccontextmanager
async def _told_to_drain(server: PostgresServer, role: Role, size: int) -> AsyncIterator[Any]:
    async with theirs(server, role, size, reconnect_timeout=10) as other:
        yield other


PEERS: tuple[tuple[str, Made], ...] = (("ours", ours), ("psycopg_pool", _told_to_drain))


async def _wrong(name: str, make: Made, server: PostgresServer, seconds: float) -> Line:
    role = server.create_role("LOGIN")
    before = server.log.read_text().count(REFUSED)
    async with make(server, Role(role.name, "wrong"), SIZE) as pool:
        told = await _call_until(pool, time.monotonic() + seconds)
    refused = server.log.read_text().count(REFUSED) - before
    return Line(name, str(refused), cpu=f"callers are told: {', '.join(sorted(told[1]))}")


async def _rotated(name: str, make: Made, server: PostgresServer, rotations: int) -> Line:
    role = server.create_role("LOGIN")
    async with make(server, role, SIZE) as pool:
        ends_at = time.monotonic() + (rotations + 1) * BETWEEN_S
        callers = [asyncio.create_task(_call_until(pool, ends_at)) for _ in range(CALLERS)]
        for number in range(rotations):
            await asyncio.sleep(BETWEEN_S)
            fresh = Role(role.name, f"rotated-{number}")
            # In the database first, as a secrets engine does it; whoever keeps the credential follows.
            await asyncio.to_thread(server.psql, f"ALTER ROLE {role.name} PASSWORD '{fresh.password}'")
            pool.store(fresh)
            if hasattr(pool, "pool"):
                await pool.pool.drain()
        told = [await caller for caller in callers]
    failed, asked = sum(one[0] for one in told), sum(one[2] for one in told)
    return Line(name, str(failed), cpu=f"of {asked:,}")


async def _call_until(pool: Any, ends_at: float) -> tuple[int, set[str], int]:
    """Calls that failed, why, and calls in all."""
    failed, reasons, asked = 0, set(), 0
    while time.monotonic() < ends_at:
        asked += 1
        try:
            await pool.ask()
        except FAILED as error:
            failed += 1
            reasons.add(getattr(error, "reason", type(error).__name__))
            await asyncio.sleep(0.01)
    return failed, reasons, asked
