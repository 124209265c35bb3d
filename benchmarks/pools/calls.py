"""A checkout and SELECT 1, by how many at once."""

import asyncio
from collections.abc import Awaitable, Callable

from directflow_cli.dev.postgres import PostgresServer
from psycopg_pool import AsyncConnectionPool

from benchmarks.clocks import clocks
from benchmarks.measuring import Job, Pace, measure
from benchmarks.pools.peers import ours, theirs
from benchmarks.table import Report

SIZE = 8
CALLERS = (1, 8, 64)


async def run(server: PostgresServer, pace: Pace, report: Report) -> None:
    """One table for each number of callers."""
    role = server.create_role("LOGIN")
    checking = theirs(server, role, SIZE, check=AsyncConnectionPool.check_connection)
    async with ours(server, role, SIZE) as mine, theirs(server, role, SIZE) as plain, checking as checked:
        for callers in CALLERS:
            jobs = [
                Job("psycopg_pool", at_once(plain.ask, callers), callers),
                Job("psycopg_pool, check on checkout", at_once(checked.ask, callers), callers),
                Job("ours", at_once(mine.ask, callers), callers),
                Job("ours, transaction with settings read back", at_once(mine.ask_surviving, callers), callers),
            ]
            measured = await measure(jobs, clocks(server.pid), pace)
            report.section(f"pools, {callers} callers on {SIZE} sessions", measured, yardstick="psycopg_pool")


def at_once(ask: Callable[[], Awaitable[None]], callers: int) -> Callable[[int], Awaitable[None]]:
    """So many units, by so many callers that each wait for their own."""

    async def work(units: int) -> None:
        async def caller() -> None:
            for _ in range(units // callers):
                await ask()

        await asyncio.gather(*(caller() for _ in range(callers)))

    return work
