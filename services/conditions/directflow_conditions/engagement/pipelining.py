"""Several pieces of work under way at once, their results in the order of the input, and never more than a few."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


async def in_order(
    items: AsyncIterator[Item], work: Callable[[Item], Awaitable[Result]], most: int
) -> AsyncGenerator[Result]:
    """The results of `work` over `items`, in order; use it under `aclosing`.

    At most `most` items are read and not yet answered: an item's place is free when its result has been taken, so that
    a slow reader slows the sender down. A result goes out as soon as those before it have, whether or not another item
    has come: a sender may wait for it. What fails is raised behind the results before it, and the rest is cancelled.
    """
    pipeline = _Pipeline(items, work, asyncio.Semaphore(most))
    reading = asyncio.create_task(pipeline.read())
    try:
        while (begun := await pipeline.begun.get()) is not None:
            yield await begun
            pipeline.places.release()
        await reading  # raises what ended the reading
    finally:
        await _cancelled(reading, *pipeline.running)


class _Pipeline(Generic[Item, Result]):
    def __init__(
        self, items: AsyncIterator[Item], work: Callable[[Item], Awaitable[Result]], places: asyncio.Semaphore
    ) -> None:
        self._items = items
        self._work = work
        self.places = places
        self.begun: asyncio.Queue[asyncio.Task[Result] | None] = asyncio.Queue()
        """In order; None is the end. No longer than there are places, and the end."""
        self.running: set[asyncio.Task[Result]] = set()

    async def read(self) -> None:
        """Begins work on each item that has a place."""
        try:
            while True:
                await self.places.acquire()
                self._begin(await anext(self._items))
        except StopAsyncIteration:
            return
        finally:
            self.begun.put_nowait(None)

    def _begin(self, item: Item) -> None:
        task = asyncio.ensure_future(self._work(item))
        self.running.add(task)
        task.add_done_callback(self._ended)
        self.begun.put_nowait(task)

    def _ended(self, task: asyncio.Task[Result]) -> None:
        self.running.discard(task)
        if not task.cancelled():
            task.exception()  # looked at: one behind a failure is awaited by nobody, and asyncio would complain


async def _cancelled(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
