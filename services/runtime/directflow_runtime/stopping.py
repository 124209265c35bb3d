"""The wish to stop: a signal, or the end of the process that started us. A second wish means at once."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

from directflow_runtime.parent import gone, signal_on_parent_death

_Result = TypeVar("_Result")


class Stop:
    """Is set once and never unset."""

    def __init__(self) -> None:
        self.cause = ""
        """What asked first: "SIGTERM", "SIGINT", "parent is gone"."""
        self.wanted = asyncio.Event()
        self.at_once = asyncio.Event()

    def ask(self, cause: str) -> None:
        """Asks to stop, or to hurry up."""
        if self.wanted.is_set():
            self.at_once.set()
        self.cause = self.cause or cause
        self.wanted.set()

    @asynccontextmanager
    async def listening(self, parent_pid: int) -> AsyncIterator[None]:
        """Hears SIGTERM, SIGINT and, unless `parent_pid` is 0, the end of that process, within the block."""
        loop = asyncio.get_running_loop()
        numbers = (signal.SIGTERM, signal.SIGINT)
        for number in numbers:
            loop.add_signal_handler(number, self.ask, number.name)
        watcher = asyncio.create_task(self._watch(parent_pid)) if parent_pid else None
        try:
            yield
        finally:
            for number in numbers:
                loop.remove_signal_handler(number)
            if watcher is not None:
                watcher.cancel()

    async def pause(self, seconds: float) -> None:
        """Sleeps for `seconds`, but not when everything should end at once."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.at_once.wait()

    async def unless(self, event: asyncio.Event, work: Coroutine[Any, Any, _Result]) -> _Result | None:
        """The result of `work`; None, with `work` cancelled, when `event` comes first."""
        working, waiting = asyncio.create_task(work), asyncio.create_task(event.wait())
        try:
            await asyncio.wait((working, waiting), return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                return await working
            working.cancel()
            with suppress(asyncio.CancelledError):
                await working
            return None
        finally:
            waiting.cancel()

    async def _watch(self, pid: int) -> None:
        if os.getppid() == pid:
            signal_on_parent_death()
        await gone(pid)
        self.ask("parent is gone")
