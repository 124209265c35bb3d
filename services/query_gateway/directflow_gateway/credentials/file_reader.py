"""Reads of files that may hang: a network file system whose server is away answers nothing, not even an error."""

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final
from weakref import WeakValueDictionary

from directflow_gateway.credentials.content import LARGEST, ContentRefused, Login, parse
from directflow_gateway.credentials.unavailable import CredentialsUnavailable
from directflow_gateway.threads import NoThread, Threads

MOST: Final = 64
"""Reads at the same time. One that hangs keeps its thread, whoever still waits for it."""
MOST_OF_ONE: Final = 4
"""Of one owner's: where its files hang, those of others are still read."""


class FileReader:
    """Reads in threads of its own, one at a time for a file."""

    def __init__(self, most: int = MOST, most_of_one: int = MOST_OF_ONE) -> None:
        self._threads = Threads(most, "directflow-file")
        self._most_of_one = most_of_one
        self._turns: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        """By owner; kept by the reads that hold them or wait for them."""
        self._running: dict[Path, asyncio.Task[Login]] = {}

    async def login(self, path: Path, owner: str = "") -> Login:
        """What lies there now. Whoever stops waiting is free at once, and nobody else begins before the read that he
        has left has ended. Raises CREDENTIALS_UNAVAILABLE."""
        while (earlier := self._running.get(path)) is not None:  # what that one says may be too old
            await asyncio.wait([earlier])
        task = self._running[path] = asyncio.create_task(self._read(partial(read_file, path), owner))
        task.add_done_callback(partial(self._ended, path))
        return await asyncio.shield(task)

    async def _read(self, work: Callable[[], Login], owner: str) -> Login:
        turn = self._turns.setdefault(owner, asyncio.Semaphore(self._most_of_one))
        try:
            async with turn:
                return await self._threads.run(work)
        except NoThread:
            raise CredentialsUnavailable("TIMEOUT") from None

    def _ended(self, path: Path, task: "asyncio.Task[Login]") -> None:
        del self._running[path]
        if not task.cancelled():
            task.exception()  # nobody may have waited for it


def read_file(path: Path) -> Login:
    """Blocking. Raises CREDENTIALS_UNAVAILABLE."""
    try:
        with path.open("rb") as file:
            return parse(file.read(LARGEST + 1))
    except OSError:
        raise CredentialsUnavailable("FILE_UNREADABLE") from None  # the OSError holds the path
    except ContentRefused as refused:
        raise CredentialsUnavailable("FILE_CONTENT", str(refused)) from None
