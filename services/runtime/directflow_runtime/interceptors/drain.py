"""What still runs when the server is told to stop.

`grpc.aio.Server.stop` returns when the calls are cancelled, not when their handlers have cleaned up: whoever closes a
pool right after it closes it under a handler's feet. And a watch would hold up every drain for its whole grace.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from directflow_runtime.errors import DirectFlowError, StatusCode
from directflow_runtime.interceptors.method import Handler, Method

RECONNECT_AFTER_S = 0.1


class Drain:
    """Counts running calls, and ends watches when the drain begins. It is the outermost layer."""

    def __init__(self) -> None:
        self._running = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._watches: set[asyncio.Timeout] = set()
        self._draining = False
        self._is_cut = False

    @property
    def running(self) -> int:
        """Calls whose handlers have not returned."""
        return self._running

    @property
    def only_watches(self) -> bool:
        """True when no call is running but watches: nothing is worth a long grace."""
        return self._running == len(self._watches)

    @property
    def is_cut(self) -> bool:
        """True when the grace is over: what is cancelled from now on is our doing, and not its client's."""
        return self._is_cut

    def wrap(self, method: Method, inner: Handler) -> Handler:
        """Counts the call."""

        async def counted(request: Any, context: Any) -> Any:
            self._running += 1
            self._idle.clear()
            try:
                return await inner(request, context)
            finally:
                self._running -= 1
                if self._running == 0:
                    self._idle.set()

        return counted

    @contextmanager
    def watching(self, scope: asyncio.Timeout) -> Iterator[None]:
        """A watch runs in this block, within `scope`, which expires when the drain begins."""
        if self._draining:
            raise draining()
        self._watches.add(scope)
        try:
            yield
        finally:
            self._watches.discard(scope)

    def begin(self) -> None:
        """Ends all watches, with UNAVAILABLE: their clients go on at another replica."""
        self._draining = True
        for scope in self._watches:
            if not scope.expired():
                scope.reschedule(0)  # the past

    def cut(self) -> None:
        """The grace is over: what still runs is cancelled."""
        self._is_cut = True

    async def finished(self, timeout_s: float) -> bool:
        """True when every handler has returned; False when some have not after `timeout_s`."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._idle.wait()
        except TimeoutError:
            return False
        return True


def draining() -> DirectFlowError:
    """What a watch ends with when its server stops."""
    return DirectFlowError(
        StatusCode.UNAVAILABLE,
        "DRAINING",
        "this replica is shutting down; another one answers",
        retry_after=RECONNECT_AFTER_S,
    )
