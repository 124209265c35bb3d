"""How far the store has come: one look at its counter five times a second, for everybody in the process who waits.

Not LISTEN and NOTIFY: a notification is lost with its session, so that somebody has to look anyway.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

from directflow_runtime.errors import DirectFlowError, StatusCode
from directflow_runtime.logging import get_logger

from directflow_gateway.definitions.failures import compacted
from directflow_gateway.directflow_database.failures import unavailable

POLL_S: Final = 0.2
LOST_AFTER_S: Final = 1.0
"""A look that fails once is a session that ended, or a moment without a free one; for longer, watches end."""


class RevisionFeed:
    """One for the process. `start` it, and `aclose` it before the database."""

    def __init__(self, read: Callable[[], Awaitable[int]], lost: Callable[[], None] = lambda: None) -> None:
        """`read` asks the store; what it raises is a DirectFlowError. `lost` is called while looks keep failing."""
        self._read = read
        self._lost = lost
        self._log = get_logger(__name__)
        self.revision = 0
        """Everything up to it is committed."""
        self.generation = 0
        """Changes when the store has gone back, which is a backup that was restored."""
        self._failure: DirectFlowError | None = None
        self._failing_since: float | None = None
        self._changed = asyncio.Event()
        self._running: asyncio.Task[int] | None = None
        self._pending: asyncio.Task[int] | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins to look."""
        self._task = asyncio.get_running_loop().create_task(self._forever())

    async def aclose(self) -> None:
        """Stops; whoever waits is told that the store is away."""
        tasks = [task for task in (self._task, self._running, self._pending) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._failure = unavailable("CLOSED")
        self._wake()

    def learn(self, revision: int) -> None:
        """Something was committed here: nobody needs to look for it."""
        if revision > self.revision:
            self.revision = revision
            self._wake()

    async def latest(self) -> int:
        """The revision as the store has it at some time after the call. Raises what `read` raises.

        Whoever asks while somebody looks shares the next look: never more than one runs, and one waits.
        """
        if self._pending is None:
            self._pending = asyncio.get_running_loop().create_task(self._look_after(self._running))
            self._pending.add_done_callback(_retrieved)
        return await asyncio.shield(self._pending)

    async def beyond(self, revision: int, generation: int, timeout_s: float) -> bool:
        """True once there is more than `revision`, False after `timeout_s`.

        Raises STORE_UNAVAILABLE while the store is away, COMPACTED when its generation is another.
        """
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    self._check(generation)
                    if self.revision > revision:
                        return True
                    await self._changed.wait()
        except TimeoutError:
            return False

    def _check(self, generation: int) -> None:
        if self._failure is not None:
            raise unavailable(self._failure.metadata.get("cause", self._failure.reason))
        if generation != self.generation:
            raise compacted()

    async def _look_after(self, running: asyncio.Task[int] | None) -> int:
        if running is not None:
            await asyncio.wait([running])
        self._running, self._pending = self._pending, None
        return await self._look()

    async def _look(self) -> int:
        known, generation = self.revision, self.generation
        revision = await self._read()
        self._failure = self._failing_since = None
        if revision < known and generation == self.generation:
            self._log.error("the store has gone back to an earlier revision", revision=revision, known=known)
            self.revision, self.generation = revision, generation + 1
            self._wake()
        else:
            self.learn(revision)
        return revision

    async def _forever(self) -> None:
        while True:
            try:
                await self.latest()
            except DirectFlowError as error:
                self._failed(error)
            except Exception as error:  # the task must not end: every watch lives by it
                if self._failing_since is None:  # once, not five times a second
                    self._log.error("the store's revision cannot be read", exc_info=error)
                self._failed(DirectFlowError(StatusCode.INTERNAL, "INTERNAL", "the store's revision cannot be read"))
            await asyncio.sleep(POLL_S)

    def _failed(self, error: DirectFlowError) -> None:
        now = time.monotonic()
        self._failing_since = self._failing_since or now
        if now - self._failing_since >= LOST_AFTER_S:
            self._lost()
            if self._failure is None:
                self._failure = error
                self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


def _retrieved(task: asyncio.Task[int]) -> None:
    """asyncio complains of an exception that nobody was left to hear of."""
    if not task.cancelled():
        task.exception()
