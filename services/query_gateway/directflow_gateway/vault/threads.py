"""Threads for blocking calls to Vault: few, and never the event loop's own."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from typing import TypeVar

T = TypeVar("T")

MOST = 32
"""At the same time. A Vault that answers takes milliseconds; one that does not must not collect threads; and one that
takes 4 s for each answer still serves a hundred connections that are read every 15 s."""
MOST_FOR_SLOW = 8
MOST_FOR_LOGIN = 2
"""Of its own: the token that everything hangs on must not wait behind reads."""
SLOW_KEPT = 10_000


class Lanes:
    """Threads for everybody, and a few for what went without an answer last time: Vault hangs where the database behind
    a role does, and the databases of one workspace must not take the threads of all others."""

    def __init__(self, most: int = MOST, most_for_slow: int = MOST_FOR_SLOW) -> None:
        self._threads, self._for_slow = Threads(most), Threads(most_for_slow)
        self._slow: dict[int, None] = {}

    def of(self, key: int) -> "Threads":
        """Those that the request with this key has to take."""
        return self._for_slow if key in self._slow else self._threads

    def learn(self, key: int, *, slow: bool) -> None:
        """How it went."""
        self._slow.pop(key, None)
        if slow:
            self._slow[key] = None
        if len(self._slow) > SLOW_KEPT:
            del self._slow[next(iter(self._slow))]


class NoThread(Exception):
    """The machine has none left."""


class Threads:
    """Daemon threads, at most `most`; who comes when all are busy waits for one.

    Not the event loop's executor: its few threads are shared with name lookups and files, and a black-holed Vault
    would take them all."""

    def __init__(self, most: int = MOST, name: str = "directflow-vault") -> None:
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
