"""Jobs beside each other in one run: alternating rounds, medians, ratios of the same round, CPU of every process.

A job says how it does `n` units of work. It is warmed up, so that plans, caches and the gateway's own guard have
settled, and then given as many units a round as take about the wished seconds: the same benchmark serves an
implementation that does 5,000 a second and one that does 200,000.
"""

import re
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import grpc
from directflow_cli.dev.processes import ServiceFailed

from benchmarks.clocks import Clocks, machine_seconds

WARM_RUNS = 3


class LeftOut(Exception):
    """This job cannot be measured here; the message says why. The rest goes on."""


class WrongResult(Exception):
    """A job answered something else than it must: its speed means nothing."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How long everything may take."""

    rounds: int = 3
    seconds: float = 1.5
    """Of one job in one round, about."""
    quick: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """What a job must reach."""

    least: float
    """Units a second as a multiple of `of`'s; without `of`, units a second."""
    of: str = ""
    words: str = ""

    def __str__(self) -> str:
        return self.words or (f"{self.least:g} x {self.of}" if self.of else f"{self.least:,.0f} a second")


@dataclass(frozen=True, slots=True)
class Job:
    """One way to do the work."""

    name: str
    work: Callable[[int], Awaitable[float | None]]
    """Does that many units; returns the seconds they took where the wall clock would tell something else."""
    step: int = 1
    """Units come in multiples of this: the size of a batch."""
    most: int = 0
    """Most units a round; 0: as many as fit."""
    target: Target | None = None
    prepare: Callable[[int], None] | None = None
    """Makes that many units ready, outside of every clock."""
    clocks: Clocks | None = None
    """Of the processes that this job alone has to do with; None: those of all jobs."""


@dataclass(slots=True)
class Measured:
    """What came out for one job."""

    job: Job
    rates: list[float] = field(default_factory=list)
    """Units a second, a round each."""
    cpu_us: dict[str, list[float]] = field(default_factory=dict)
    """CPU microseconds a unit by process, a round each."""
    foreign: list[float] = field(default_factory=list)
    """CPU that processes which take no part used meanwhile, in cores, a round each."""
    units: int = 0
    failure: str = ""
    """Why there is no figure, or no more."""

    @property
    def rate(self) -> float:
        """Units a second."""
        return statistics.median(self.rates)

    def ratio(self, other: "Measured") -> float:
        """Median of the ratios round by round: the machine's drift is the same for both."""
        return statistics.median(mine / yours for mine, yours in zip(self.rates, other.rates, strict=True))


async def measure(jobs: Sequence[Job], clocks: Clocks, pace: Pace) -> list[Measured]:
    """All jobs, warmed up, then round by round, each round with another one first. A job that fails is reported."""
    measured = [Measured(job) for job in jobs]
    for one in measured:
        await _guarded(one, lambda one=one: _warm_up(one, pace))
    for turn in range(pace.rounds):
        first = turn % len(measured)  # each is first now and then: what came before it is not always the same
        for one in [*measured[first:], *measured[:first]]:
            if not one.failure:
                await _guarded(one, lambda one=one: _round(one, one.job.clocks or clocks))
    return measured


async def _warm_up(one: Measured, pace: Pace) -> None:
    began, took, runs = time.perf_counter(), 0.0, 0
    while runs < WARM_RUNS and (runs == 0 or time.perf_counter() - began < 2 * pace.seconds):
        _prepare(one.job, one.job.step)
        took = await _timed(one.job, one.job.step)
        runs += 1
    one.units = _units(one.job, pace.seconds / took)


def _units(job: Job, steps: float) -> int:
    wished = max(1, round(steps)) * job.step
    return min(wished, max(job.most, job.step)) if job.most else wished


async def _round(one: Measured, clocks: Clocks) -> None:
    _prepare(one.job, one.units)
    before, machine, began = _read(clocks), machine_seconds(), time.perf_counter()
    seconds = await _timed(one.job, one.units)
    wall, spent = time.perf_counter() - began, machine_seconds() - machine
    for name, now in _read(clocks).items():
        spent -= now - before[name]
        one.cpu_us.setdefault(name, []).append((now - before[name]) / one.units * 1e6)
    one.foreign.append(max(0.0, spent) / wall)
    one.rates.append(one.units / seconds)


def _read(clocks: Clocks) -> dict[str, float]:
    return {name: clock() for name, clock in clocks.items()}


def _prepare(job: Job, units: int) -> None:
    if job.prepare:
        job.prepare(units)


async def _timed(job: Job, units: int) -> float:
    began = time.perf_counter()
    told = await job.work(units)
    return told or time.perf_counter() - began


async def _guarded(one: Measured, step: Callable[[], Awaitable[None]]) -> None:
    """What one job cannot do must not cost the others their figures."""
    try:
        await step()
    except* (LeftOut, WrongResult, grpc.aio.AioRpcError, ServiceFailed) as several:
        one.failure = describe(_first(several))
        one.rates.clear()


def describe(error: BaseException) -> str:
    """One line for the table."""
    match error:
        case grpc.aio.AioRpcError():
            return f"{error.code().name}: {error.details()}"[:160]
        case LeftOut():
            return f"left out: {error}"
        case ServiceFailed() if unknown := re.search(r"unknown setting [\w.]+", str(error)):
            return unknown.group()
        case _:
            return f"{type(error).__name__}: {str(error).strip()[-160:]}"


def _first(several: BaseException) -> BaseException:
    while isinstance(several, BaseExceptionGroup):
        several = several.exceptions[0]
    return several
