"""The right to have one session on a server, until the server's side of that session has ended."""

import asyncio
from collections.abc import Callable

from directflow_gateway.execution.watchdog import Watch

FAREWELL_S = 1.0
"""Longest wait for a server to end a session that has taken its leave; as a rule it takes milliseconds."""


class Permit:
    """Held from before the login. Whoever closes the session says so once; what is said later counts for nothing."""

    def __init__(self, parting: Callable[[int], None], ended: Callable[["Permit"], None]) -> None:
        """`parting` is told +1 when the session begins to end, and -1 when it has; then `ended` is called."""
        self._tell_parting = parting
        self._tell_ended = ended
        self._timer: asyncio.TimerHandle | None = None
        self._watch: Watch | None = None
        self._is_over = False
        self._is_kept = False

    def keep(self) -> None:
        """A login goes on that nobody waits for any more: from now on only `end` gives the permit back."""
        self._is_kept = True

    def release(self, within_s: float = 0.0) -> None:
        """The session is closed, or there never was one; the server's side of it goes within this time, unseen."""
        if self._is_over or self._is_kept or self._timer is not None:
            return
        if within_s <= 0:
            self.end()
            return
        self._part(within_s)

    def part(self, watch: Watch) -> None:
        """The session has said farewell. `watch` is closed when the server has closed the connection: before that it
        would be one more session for whoever counts them there, and for max_connections."""
        if self._is_over or self._timer is not None:
            watch.close()
            return
        self._watch = watch
        asyncio.get_running_loop().add_reader(watch.fileno, self._look)
        self._part(FAREWELL_S)

    def end(self) -> None:
        """Gives the permit back now."""
        if self._is_over:
            return
        self._is_over = True
        if self._watch is not None:
            asyncio.get_running_loop().remove_reader(self._watch.fileno)
            self._watch.close()
        if self._timer is not None:
            self._timer.cancel()
            self._tell_parting(-1)
        self._tell_ended(self)

    def _part(self, within_s: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(within_s, self.end)
        self._tell_parting(1)

    def _look(self) -> None:
        if self._watch is not None and self._watch.has_ended():
            self.end()
