"""What it costs to be seen: every call traced, metrics, and neither, on one PostgreSQL in the same rounds."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace

from benchmarks.clocks import clocks
from benchmarks.conditions.tables import SCHEMA, condition_settings, data_source_settings
from benchmarks.measuring import Measured, Pace, measure
from benchmarks.stand import Stack, Stand, second_stack, stand
from benchmarks.table import Report
from benchmarks.telemetry import work
from benchmarks.telemetry.collector import collector

USERS = 1_000_000
QUICK_USERS = 100_000
PARTS = {
    "calls": ("Single calls, 64 in flight", work.many),
    "lone-calls": ("Single calls of a lone caller, at the median latency", work.lone),
    "streams": ("An audience of all users, both hops", work.streams),
}


async def run(pace: Pace, report: Report, parts: Sequence[str] = ()) -> None:
    """Measures and prints the parts named; all where none is."""
    users = QUICK_USERS if pace.quick else USERS
    async with stand(users, schema=SCHEMA, segments=data_source_settings()) as at, AsyncExitStack() as stack:
        sink = await stack.enter_async_context(collector())
        stacks = {
            name: await stack.enter_async_context(
                second_stack(at, reporting, data_source_settings(), condition_settings())
            )
            for name, reporting in work.variants(sink.address).items()
        }
        for title, jobs in (PARTS[part] for part in parts or PARTS):
            measured = await compare(at, stacks, sink.pid, jobs, users, pace)
            report.section(f"{title}, {pace.rounds} alternating rounds", measured)


async def compare(
    at: Stand, stacks: dict[str, Stack], sink: int, jobs: work.Jobs, users: int, pace: Pace
) -> list[Measured]:
    """One kind of call on all of them."""
    async with AsyncExitStack() as stack:
        made = [
            replace(
                await stack.enter_async_context(jobs(name, one, users)),
                clocks=clocks(at.postgres.pid, **one.pids, collector=sink),
            )
            for name, one in stacks.items()
        ]
        return await measure(made, {}, pace)
