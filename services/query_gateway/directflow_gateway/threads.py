"""Threads for calls that block, and may never return: to Vault, and to files on a network file system."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from typing import TypeVar

T = TypeVar("T")


class NoThread(Exception):
    """The machine has none left."""


class Threads:
    """Daemon threads, at most `most`; who comes when all are busy waits for one.

    Not the event loop's executor: statements are compiled in its few threads as well, what never answers would take
    them all, and the process cannot end before each of them has."""

    def __init__(self, most: int, name: str) -> None:
        self._free = asyncio.Semaphore(most)
        self._name = name

    async def run(self, work: Callable[[], T]) -> T:
        """Runs `work` in a new thread. Whoever stops waiting is free at once; the thread counts until it has ended.

        Raises NoThread, and what `work` raises."""
        await self._free.acquire()
        loop = asyncio.get_running_loop()
        outcome: Future[T] = Future()

        def run() -> None:
            try:
                result = work()
            except BaseException as error:
                with contextlib.suppress(InvalidStateError):
                    outcome.set_exception(error)
            else:
                with contextlib.suppress(InvalidStateError):  # nobody waits any more
                    outcome.set_result(result)
            finally:
                with contextlib.suppress(RuntimeError):  # the loop has ended before us
                    loop.call_soon_threadsafe(self._free.release)

        try:
            threading.Thread(target=run, name=self._name, daemon=True).start()
        except RuntimeError:
            self._free.release()
            raise NoThread from None
        return await asyncio.wrap_future(outcome)
