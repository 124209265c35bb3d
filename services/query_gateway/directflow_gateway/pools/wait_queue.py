"""Those who wait for a session of one pool."""

import asyncio
import contextvars
import time
from collections import deque
from collections.abc import Callable

from directflow_runtime.errors import DirectFlowError
from opentelemetry.trace import Span

from directflow_gateway.execution.connection import GatewayConnection
from directflow_gateway.pools.failures import again


class Wanted(asyncio.Future[GatewayConnection]):
    """A session for somebody who waits."""

    def __init__(self, span: Span, patience_s: float) -> None:
        super().__init__(loop=asyncio.get_running_loop())
        self.span = span
        """Of the wait."""
        self.patient_until = time.monotonic() + patience_s
        """How long it waits for somebody else's session."""
        self._timer: asyncio.TimerHandle | None = None

    def look_at(self, seconds: float, look: "Callable[[Wanted], None]") -> None:
        """Calls `look` after this time, and nothing else that was to be called before."""
        self.forget()
        self._timer = self.get_loop().call_later(seconds, look, self, context=contextvars.Context())

    def forget(self) -> None:
        """Nothing is called any more."""
        if self._timer is not None:
            self._timer.cancel()


class WaitQueue:
    """First come, first served. Who was told, or left, is skipped."""

    def __init__(self) -> None:
        self._waiting: deque[Wanted] = deque()
        self._impatient: set[Wanted] = set()
        """Those that have waited as long as they may for somebody else's session."""

    def __bool__(self) -> bool:
        return any(not wanted.done() for wanted in self._waiting)

    def __len__(self) -> int:
        return sum(not wanted.done() for wanted in self._waiting)

    def join(self, wanted: Wanted) -> None:
        """At the end."""
        self._waiting.append(wanted)

    def leave(self, wanted: Wanted) -> None:
        """It was told, or its caller has left."""
        wanted.forget()
        self._impatient.discard(wanted)
        while self._waiting and self._waiting[0].done():
            self._waiting.popleft()

    def next(self) -> Wanted | None:
        """The first, taken out; None when nobody waits."""
        while self._waiting:
            wanted = self._waiting.popleft()
            if not wanted.done():
                return wanted
        return None

    def first_span(self) -> Span | None:
        """Of the first one's wait."""
        return next((wanted.span for wanted in self._waiting if not wanted.done()), None)

    def fail_all(self, error: Exception) -> None:
        """Everybody is told."""
        while (wanted := self.next()) is not None:
            wanted.set_exception(again(error) if isinstance(error, DirectFlowError) else error)

    def lose_patience(self, wanted: Wanted) -> None:
        """It is refused by the next `refuse_impatient`."""
        if not wanted.done():
            self._impatient.add(wanted)

    def refuse_impatient(self, error: DirectFlowError) -> None:
        """They are told."""
        for wanted in self._impatient:
            if not wanted.done():
                wanted.set_exception(again(error))
