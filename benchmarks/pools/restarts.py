"""The first success after the server was restarted, for a pool whose sessions all died."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from statistics import median

from directflow_cli.dev.postgres import PostgresServer
from psycopg_pool import AsyncConnectionPool

from benchmarks.measuring import Pace
from benchmarks.pools.peers import FAILED, ours, theirs
from benchmarks.table import Line, Report

SIZE = 6
LONGEST_S = 40.0
Ask = Callable[[], Awaitable[None]]


async def run(server: PostgresServer, pace: Pace, report: Report) -> None:
    """Median over the rounds, and how many calls failed until then."""
    role = server.create_role("LOGIN")
    lines = []
    async with ours(server, role, SIZE) as pool:
        lines.append(await _line("ours", server, pool.ask_surviving, pace))
    async with theirs(server, role, SIZE) as other:
        lines.append(await _line("psycopg_pool", server, other.ask, pace))
    async with theirs(server, role, SIZE, check=AsyncConnectionPool.check_connection) as other:
        lines.append(await _line("psycopg_pool, check on checkout", server, other.ask, pace))
    report.lines(f"pools, a restart under {SIZE} idle sessions", lines, "s to success")


async def _line(name: str, server: PostgresServer, ask: Ask, pace: Pace) -> Line:
    took, failed = [], 0
    for _ in range(1 if pace.quick else pace.rounds):
        await asyncio.gather(*(ask() for _ in range(SIZE)))
        await asyncio.to_thread(server.stop)
        await asyncio.to_thread(server.start)
        began = time.monotonic()
        while time.monotonic() - began < LONGEST_S:
            try:
                await ask()
                break
            except FAILED:
                failed += 1
        took.append(time.monotonic() - began)
    return Line(name, f"{median(took):.3f}", cpu=f"{failed} calls failed")
