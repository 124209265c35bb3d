"""What a process says of its health while something happens to it, and waiting for what is to happen."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from .site import Site

SERVING = health_pb2.HealthCheckResponse.SERVING
LOOK_S = 0.1


@asynccontextmanager
async def always_ready(at: Site, name: str) -> AsyncIterator[None]:
    """The process says SERVING from the beginning of the block to its end, and never anything else."""
    seen: list[int] = []
    async with grpc.aio.insecure_channel(f"127.0.0.1:{at.announced(name)['health_port']}") as channel:
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
        seen.append((await watch.read()).status)

        async def follow() -> None:
            async for answer in watch:
                seen.append(answer.status)

        following = asyncio.create_task(follow())
        try:
            yield
        finally:
            watch.cancel()
            await asyncio.gather(following, return_exceptions=True)
    assert seen == [SERVING]


async def seconds_until(true: Callable[[], Awaitable[Any]], within_s: float) -> float:
    """How long it took until something held."""
    began = time.monotonic()
    while not await true():
        assert time.monotonic() - began < within_s, f"not within {within_s} s"
        await asyncio.sleep(LOOK_S)
    return time.monotonic() - began
