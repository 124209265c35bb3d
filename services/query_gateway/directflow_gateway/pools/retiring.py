"""Keeps the pools to those of connections that are as they are now."""

import asyncio
from collections.abc import Callable
from typing import Final

from structlog.typing import FilteringBoundLogger

from directflow_gateway.connections import Connection
from directflow_gateway.pools.pools import Pools

PERIOD_S: Final = 0.5
"""With what the store takes to tell, a changed connection's old sessions are gone within a second."""


class Retiring:
    """A task that looks again and again. Not told by whoever saves: a call that had looked the connection up before
    could bring the pool of a deleted one back afterwards, and then nobody would ever be told."""

    def __init__(self, pools: Pools, is_current: Callable[[Connection], bool], log: FilteringBoundLogger) -> None:
        self._pools = pools
        self._is_current = is_current
        self._log = log
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins, and returns at once."""
        self._task = asyncio.get_running_loop().create_task(self._forever())

    async def aclose(self) -> None:
        """Ends the task."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _forever(self) -> None:
        while True:
            await asyncio.sleep(PERIOD_S)
            try:
                self._pools.retire(self._is_current)
            except Exception as error:  # a defect must not end the task
                self._log.error("pools cannot be retired", exc_info=error)
