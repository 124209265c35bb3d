"""A lone caller waits for nobody: the median latency of single calls with batching on and off."""

import random
import statistics
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from directflow_cli.dev.processes import ServiceFailed

from benchmarks.clocks import clocks
from benchmarks.conditions.calls import evaluate_one, evaluation_stub
from benchmarks.conditions.tables import PREMIUM_EVERY, condition_settings
from benchmarks.measuring import Job, Measured, Pace, Target, describe, measure
from benchmarks.stand import Stand, pid_of, second_conditions
from benchmarks.table import UNKNOWN, Line, Report

OFF, ON = "batching off", "batching on"
SAME = Target(0.97, OFF, "the same as off (3 % noise)")
TITLE = "A lone caller, calls a second at the median latency"


async def run(at: Stand, users: int, pace: Pace, report: Report) -> None:
    """Measures and prints. The rounds are many and short: the figures are a few per cent apart at most."""
    short = Pace(rounds=10 * pace.rounds, seconds=pace.seconds / 5)
    try:
        measured = await compare(at, users, short)
    except ServiceFailed as error:  # a version that does not know the setting
        report.lines(TITLE, [Line(ON, target=str(SAME), verdict=UNKNOWN, failure=describe(error))])
    else:
        report.section(f"{TITLE}, {short.rounds} alternating rounds", measured)


async def compare(at: Stand, users: int, pace: Pace) -> list[Measured]:
    """Two conditions processes before the same gateway, with either setting."""
    settings = condition_settings()
    async with (
        second_conditions(at, settings + "[evaluation]\ncoalesce = false\n") as off,
        second_conditions(at, settings + "[evaluation]\ncoalesce = true\n") as on,
        evaluation_stub(off.address) as off_stub,
        evaluation_stub(on.address) as on_stub,
    ):
        watched = clocks(at.postgres.pid, gateway=pid_of(at.gateway), off=pid_of(off), on=pid_of(on))
        jobs = [
            Job(OFF, calls_of(off_stub, users), step=50),
            Job(ON, calls_of(on_stub, users), step=50, target=SAME),
        ]
        return await measure(jobs, watched, pace)


def calls_of(stub: Any, users: int) -> Callable[[int], Awaitable[float]]:
    """One call after the other; as many seconds as they would take if each had the median latency."""
    random_ids = random.Random(5)

    async def call(count: int) -> float:
        latencies = []
        for _ in range(count):
            user = random_ids.randint(1, users)
            ask = partial(evaluate_one, stub, "premium", user, user % PREMIUM_EVERY == 0)
            began = time.perf_counter()
            await ask()
            latencies.append(time.perf_counter() - began)
        return count * statistics.median(latencies)

    return call
