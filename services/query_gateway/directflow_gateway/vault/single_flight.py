"""The same work asked for by several at the same time is done once."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, Generic, TypeVar

from directflow_gateway.vault.failures import FailureKind, VaultFailure

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """Shares work by key. Whoever leaves early ends it for nobody else."""

    def __init__(self) -> None:
        self._running: dict[Hashable, asyncio.Task[T]] = {}
        self._closed = False

    async def run(self, key: Hashable, work: Callable[[], Awaitable[T]]) -> T:
        """The outcome of `work`, which has to bound itself. Raises VaultFailure once closed."""
        if self._closed:
            raise closed()
        task = self._running.get(key)
        if task is None:
            task = self._running[key] = asyncio.create_task(_await(work))
            task.add_done_callback(lambda _: self._running.pop(key, None))
        await asyncio.wait([task])
        if task.cancelled():
            raise closed()
        return task.result()

    async def aclose(self) -> None:
        """Ends what runs; its callers get VaultFailure."""
        self._closed = True
        running: list[asyncio.Task[Any]] = list(self._running.values())
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)


def closed() -> VaultFailure:
    """What is asked for after the end."""
    return VaultFailure(FailureKind.UNREACHABLE, "closed")


async def _await(work: Callable[[], Awaitable[T]]) -> T:
    return await work()
