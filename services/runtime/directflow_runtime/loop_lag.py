"""How long the event loop has been late, all in all: what is waited for meanwhile seems slow, and is not.

A heartbeat sums by how much each of its appointments was missed. The difference over a span says how much of that span
the process was too busy to come round, whatever the span was waiting for.
"""

import asyncio
import time
from collections import deque
from typing import Final

EVERY_S: Final = 0.05
"""Measured on two busy cores: 0.2 % of one, nearly all of it for waking a process that has nothing to do. Not more
often while the loop is late: one that serves 1,000 calls a second is never quite on time, and a timer in each of its
turns took a tenth of its speed."""
GRACE_S: Final = 0.005
"""Turns that serve calls take some milliseconds, and uvloop's timers count whole ones: what is less is no lag."""
REMEMBERED: Final = 1024
"""Missed appointments, for spans that are begun afterwards."""
NS: Final = 1_000_000_000
DUE_NS: Final = int((EVERY_S + GRACE_S) * NS)
NEVER: Final = 2**63


class LoopLag:
    """One for the process. Until it is started it tells of none.

    On the clock of spans, nanoseconds since 1970, which they have read already. Not by the loop's own time, which
    stands still while a turn lasts.
    """

    def __init__(self) -> None:
        self._late_ns = 0
        self._due_ns = NEVER
        self._missed: deque[tuple[int, int]] = deque(maxlen=REMEMBERED)
        """When a heartbeat was due, and when it came; the latest last."""
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begins, on the running loop. Whoever starts it owes a `stop`."""
        self._next()

    def stop(self) -> None:
        """No more heartbeats; the total stays what it is."""
        self._late_ns, self._due_ns = self.total_ns(time.time_ns()), NEVER
        if self._timer is not None:
            self._timer.cancel()

    def total_ns(self, now: int) -> int:
        """Since the start until `now`, what the turn that lasts too long has taken so far included."""
        return self._late_ns if now <= self._due_ns else self._late_ns + now - self._due_ns

    def since_ns(self, began: int, now: int) -> int:
        """Between the two moments, as far as it is remembered."""
        late = max(0, now - max(self._due_ns, began))
        for due, came in reversed(self._missed):
            if came <= began:
                break
            late += max(0, min(came, now) - max(due, began))
        return late

    def _beat(self) -> None:
        now, due = time.time_ns(), self._due_ns
        if now > due:
            self._late_ns += now - due
            self._missed.append((due, now))
        self._next()

    def _next(self) -> None:
        self._due_ns = time.time_ns() + DUE_NS
        self._timer = asyncio.get_running_loop().call_later(EVERY_S, self._beat)
