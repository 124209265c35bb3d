"""What the health service of each process said while something happened to it."""

import asyncio

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from .system import System
from .waiting import POLL_S


class Readiness:
    """Every state that the health of some processes has been in while it was followed."""

    def __init__(self, at: System, names: tuple[str, ...]) -> None:
        self._at = at
        self._names = names
        self.seen: dict[str, list[int]] = {name: [] for name in names}
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> "Readiness":
        self._tasks = [asyncio.create_task(self._follow(name)) for name in self._names]
        while not all(self.seen.values()):  # noqa: ASYNC110  one look a process
            await asyncio.sleep(POLL_S)
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _follow(self, name: str) -> None:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{self._at.announced(name)['health_port']}") as channel:
            watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
            try:
                async for answer in watch:
                    self.seen[name].append(answer.status)
            except grpc.aio.AioRpcError:
                self.seen[name].append(-1)  # the process is gone

    def never_fell(self) -> bool:
        return all(seen == [health_pb2.HealthCheckResponse.SERVING] for seen in self.seen.values())
