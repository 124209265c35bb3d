"""Keeps DirectFlow's own database ready in the background: prepares it once it can be reached, tends it ever after.

The gateway starts without it; it is ready once it has heard of every definition, and from then on it serves customers'
queries while this database is away: readiness never follows a dependency.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable

from directflow_runtime.calls import current_call
from directflow_runtime.errors import DirectFlowError
from directflow_runtime.logging import exception_types, stack
from structlog.typing import FilteringBoundLogger

from directflow_gateway.directflow_database.database import DirectFlowDatabase
from directflow_gateway.directflow_database.failures import unavailable
from directflow_gateway.directflow_database.migrate import MigrationChanged

Work = Callable[[], Awaitable[None]]

RETRY_S = 1.0
"""While it is not prepared."""
TEND_RETRY_S = 60.0
TEND_S = 3600.0
TEND_JITTER = 0.2
"""Not all replicas at once."""
FIRST_ATTEMPT_S = 5.0
"""How long a call that comes right after the start waits for the first attempt."""


class Upkeep:
    """Of one process. `start` it, and `aclose` it before the database."""

    def __init__(self, database: DirectFlowDatabase, prepare: Work, tend: Work, log: FilteringBoundLogger) -> None:
        """`prepare` makes everything ready, and may run again at any time; `tend` is done once an hour."""
        self._database = database
        self._prepare = prepare
        self._tend = tend
        self._log = log
        self._prepared = False
        self._attempted = asyncio.Event()
        self._wake = asyncio.Event()
        self._failure = ""
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins in the background."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def aclose(self) -> None:
        """Stops at once; what was begun is rolled back."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def ready(self) -> None:
        """Returns when the database is prepared. Raises STORE_UNAVAILABLE while it is not; only the first attempt is
        waited for."""
        if self._database.unprepared and self._prepared:
            self._prepared = False
            self._wake.set()
            raise unavailable("NOT_PREPARED")
        if self._prepared:
            return
        try:
            async with asyncio.timeout(min(FIRST_ATTEMPT_S, current_call().remaining())):
                await self._attempted.wait()
        except TimeoutError:
            raise unavailable("NOT_PREPARED") from None
        if not self._prepared:
            raise unavailable(self._failure or "NOT_PREPARED")

    async def _run(self) -> None:
        while True:
            pause = await self._round()
            await asyncio.sleep(RETRY_S)  # whoever wakes this: at most one round a second
            try:
                async with asyncio.timeout(pause):
                    await self._wake.wait()
            except TimeoutError:
                continue
            finally:
                self._wake.clear()

    async def _round(self) -> float:
        """Does what is due; seconds until the next round."""
        try:
            if not self._prepared:
                await self._prepare()
                self._prepared, self._database.unprepared = True, False
                self._attempted.set()
            await self._tend()
            self._told("")
        except MigrationChanged as changed:
            self._log.error("a migration of the database is not the one of this version", migration=str(changed))
            return self._failed("MIGRATION_CHANGED")
        except DirectFlowError as error:
            return self._failed(error.metadata.get("cause", error.reason))
        except Exception as error:  # the task must not end: nothing but a restart would mend the store then
            types, frames = exception_types(error), stack(error.__traceback__)
            self._log.error("unexpected exception", exception_type=types, stack=frames)
            return self._failed("INTERNAL")
        return TEND_S * (1 + TEND_JITTER * random.random())  # noqa: S311

    def _failed(self, cause: str) -> float:
        self._told(cause)
        self._attempted.set()
        return (TEND_RETRY_S if self._prepared else RETRY_S) * (1 + TEND_JITTER * random.random())  # noqa: S311

    def _told(self, cause: str) -> None:
        """A line when something changes, not one a second."""
        if cause and cause != self._failure:
            self._log.warning("DirectFlow's own database cannot be prepared or tended", cause=cause)
        elif not cause and self._failure:
            self._log.info("DirectFlow's own database is prepared and tended again")
        self._failure = cause
