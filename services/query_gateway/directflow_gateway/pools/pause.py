"""A time in which something is not tried."""

import asyncio
import contextvars
from collections.abc import Callable


class Pause:
    """Of fixed length; at its end somebody is told."""

    def __init__(self, seconds: float, then: Callable[[], None]) -> None:
        self._seconds = seconds
        self._then = then
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_on(self) -> bool:
        """From `begin` on, until it is over."""
        return self._timer is not None

    def begin(self) -> None:
        """From now on, also where it has begun before."""
        self.end()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._seconds, self._over, context=contextvars.Context())

    def end(self) -> None:
        """Now; nobody is told."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _over(self) -> None:
        self._timer = None
        self._then()
