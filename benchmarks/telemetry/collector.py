"""The collector of the benchmark, as a process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from benchmarks.programs import program


@dataclass(frozen=True, slots=True)
class Sink:
    """Where it is."""

    address: str
    pid: int


@asynccontextmanager
async def collector() -> AsyncIterator[Sink]:
    """The process, for the length of the block."""
    async with program("benchmarks.telemetry.sink") as (pid, port):
        yield Sink(f"127.0.0.1:{port}", pid)
