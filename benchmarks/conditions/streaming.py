"""A million profiles through StreamEvaluations: the rate, and whether memory stays flat."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import grpc
from directflow.conditions.v1 import evaluation_service_pb2 as pb

from benchmarks.clocks import rss_mib
from benchmarks.conditions.calls import LARGEST_BATCH, evaluation_stub
from benchmarks.conditions.tables import PREMIUM_EVERY, condition_name
from benchmarks.measuring import Pace, WrongResult, describe
from benchmarks.stand import Stand, pid_of
from benchmarks.table import MET, MISSED, UNKNOWN, Line, Report

WARM_PROFILES = 100_000
SAMPLE_S = 0.1
FLAT_MIB = 16.0
DEADLINE_S = 900.0
TARGET = f"memory flat (within {FLAT_MIB:.0f} MiB)"


@dataclass(slots=True)
class Memory:
    """Resident memory of processes: the most that each held after the first profiles, over what it held then."""

    pids: dict[str, int]
    base: dict[str, float] = field(default_factory=dict)
    peaks: dict[str, float] = field(default_factory=dict)

    def sample(self) -> None:
        """One look."""
        for name, pid in self.pids.items():
            now = rss_mib(pid)
            self.base.setdefault(name, now)
            self.peaks[name] = max(self.peaks.get(name, now), now)

    @property
    def grown(self) -> dict[str, float]:
        """MiB over the base."""
        return {name: self.peaks[name] - self.base[name] for name in self.base}


async def run(at: Stand, users: int, pace: Pace, report: Report) -> None:
    """Streams and prints."""
    profiles = 300_000 if pace.quick else 1_000_000
    memory = Memory({"gateway": pid_of(at.gateway), "conditions": pid_of(at.conditions)})
    name = f"{profiles:,} profiles, 10,000 a message"
    try:
        async with evaluation_stub(at.conditions.address) as stub:
            seconds = await stream(stub, users, profiles, memory)
    except (grpc.aio.AioRpcError, WrongResult) as error:
        line = Line(name, target=TARGET, verdict=UNKNOWN, failure=describe(error))
    else:
        line = _line(name, profiles / seconds, memory.grown)
    report.lines("StreamEvaluations, the premium condition", [line])


async def stream(stub: Any, users: int, profiles: int, memory: Memory) -> float:
    """Seconds that it took. WrongResult where a profile is missing or wrongly decided."""
    expected, done = [0], [0]
    began = time.perf_counter()
    call = stub.StreamEvaluations(requests(users, profiles, expected), timeout=DEADLINE_S)
    watching = asyncio.create_task(watch(memory, done))
    try:
        summary = None
        async for message in call:
            done[0] += len(message.evaluations.decided)
            if message.HasField("summary"):
                summary = message.summary
    finally:
        watching.cancel()
    if summary is None or (done[0], summary.profile_count, summary.true_count) != (profiles, profiles, expected[0]):
        raise WrongResult(f"{done[0]} results; {summary}")
    return time.perf_counter() - began


async def requests(users: int, profiles: int, expected: list[int]) -> AsyncIterator[pb.StreamEvaluationsRequest]:
    """The start, then random users; `expected` counts those who are premium."""
    yield pb.StreamEvaluationsRequest(start=pb.EvaluationStart(condition=condition_name("premium")))
    random_ids = random.Random(6)
    for _ in range(profiles // LARGEST_BATCH):
        ids = [random_ids.randint(1, users) for _ in range(LARGEST_BATCH)]
        expected[0] += sum(each % PREMIUM_EVERY == 0 for each in ids)
        yield pb.StreamEvaluationsRequest(profiles=pb.ProfileColumns(profile_ids=[str(each) for each in ids]))


async def watch(memory: Memory, done: list[int]) -> None:
    """Samples until it is cancelled, once the first profiles are through."""
    while True:
        if done[0] >= WARM_PROFILES:
            memory.sample()
        await asyncio.sleep(SAMPLE_S)


def _line(name: str, rate: float, grown: dict[str, float]) -> Line:
    told = ", ".join(f"{process} {mib:+.1f} MiB" for process, mib in grown.items())
    flat = bool(grown) and max(grown.values()) <= FLAT_MIB
    return Line(name, f"{rate:,.0f}", target=TARGET, verdict=MET if flat else MISSED, cpu=f"RSS {told}")
