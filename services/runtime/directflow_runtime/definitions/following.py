"""Keeps a cache up to date: one watch, begun again whenever it ends, from where it had come to."""

import asyncio
import random
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final, Protocol

from structlog.typing import FilteringBoundLogger

from directflow_runtime.definitions.document import Change
from directflow_runtime.errors import DirectFlowError

FIRST_PAUSE_S: Final = 0.05
LONGEST_PAUSE_S: Final = 1.0
"""With its jitter below what a change may take to be seen."""
STEADY_S: Final = 5.0
"""A watch that lived for so long, and told something, was a success. Where a store answers the first question and fails
at the second, watches would be begun twenty times a second, with a line in the log each time."""
NO_STORE_PAUSE_S: Final = 30.0
COMPACTED: Final = "COMPACTED"
NOT_CONFIGURED: Final = "STORE_NOT_CONFIGURED"


class Follower(Protocol):
    """What is kept up to date: a `DefinitionCache`, or something else that is made of what a watch tells."""

    @property
    def revision(self) -> int:
        """Everything up to it is known; where a watch goes on."""

    def accept(self, change: Change) -> None:
        """Takes one message of a watch."""

    def restart(self) -> None:
        """The next watch begins with a snapshot; until its end, what is known is served."""

    def there_is_no_store(self) -> None:
        """The gateway has no store."""


class Watched(Protocol):
    """The part of a `DocumentStore` that is needed here."""

    def watch(self, after_revision: int) -> AsyncGenerator[Change]:
        """See `DocumentStore.watch`."""


class Following:
    """A task that follows the store for as long as the process lives."""

    def __init__(self, cache: Follower, store: Watched, log: FilteringBoundLogger, silence_s: float) -> None:
        """A watch that says nothing for `silence_s` counts as broken: choose several heartbeats."""
        self._cache = cache
        self._store = store
        self._log = log
        self._silence_s = silence_s
        self._task: asyncio.Task[None] | None = None
        self._pause_s = FIRST_PAUSE_S
        self._told = ""
        self._heard_at = time.monotonic()

    def silent_for_s(self) -> float:
        """Seconds since the store said anything, if only that it is there; or since we began to listen."""
        return time.monotonic() - self._heard_at

    def start(self) -> None:
        """Begins, and returns at once; `DefinitionCache.loaded` tells when the first snapshot is complete."""
        self._task = asyncio.get_running_loop().create_task(self._forever())

    async def aclose(self) -> None:
        """Ends the watch."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _forever(self) -> None:
        while True:
            try:
                await self._follow()
                self._note("the watch ended")
            except DirectFlowError as error:
                self._heed(error)
            except TimeoutError:
                self._note("the watch fell silent")
            except Exception as error:
                # A defect of either side must not end the task that everybody relies on.
                self._log.error("definitions cannot be followed", exc_info=error)
            await asyncio.sleep(self._pause_s * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, no secret
            self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)

    async def _follow(self) -> None:
        if self._cache.revision == 0:
            # A snapshot that broke off has told what may be deleted since: the next one does not speak of it.
            self._cache.restart()
        began, heard = time.monotonic(), False
        try:
            async with aclosing(self._store.watch(self._cache.revision)) as changes:
                while (change := await self._next(changes)) is not None:
                    self._cache.accept(change)
                    heard, self._heard_at = True, time.monotonic()
        finally:
            if heard and time.monotonic() - began >= STEADY_S:
                self._pause_s, self._told = FIRST_PAUSE_S, ""

    async def _next(self, changes: AsyncGenerator[Change]) -> Change | None:
        async with asyncio.timeout(self._silence_s):
            return await anext(changes, None)

    def _heed(self, error: DirectFlowError) -> None:
        reasons = {error.reason, error.metadata.get("gateway_reason", "")}
        if COMPACTED in reasons:
            self._log.warning("the store does not know our revision", revision=self._cache.revision)
            self._cache.restart()
        elif NOT_CONFIGURED in reasons:
            self._cache.there_is_no_store()
            self._pause_s = NO_STORE_PAUSE_S
        else:
            self._note(error.reason)

    def _note(self, cause: str) -> None:
        if cause != self._told:  # once, not once a second for as long as it lasts
            self._log.warning("definitions are served from memory", cause=cause, revision=self._cache.revision)
            self._told = cause
