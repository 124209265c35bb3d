"""The gateway's own clock over one statement. It always wins over PostgreSQL's.

PostgreSQL's statement_timeout runs on while a slow reader holds the rows up, and does not interrupt everything
(`format('%999999999s', 'x')`); its transaction_timeout is new in 17. So there are three limits here: the call's
deadline, the age of the stream, and the time that the server has kept us waiting.
"""

import math
import time

from directflow_runtime.errors import DirectFlowError, StatusCode


class Clock:
    """Three limits, all in seconds of `time.monotonic()`; `math.inf` where there is none."""

    def __init__(self, *, deadline: float = math.inf, age_s: float = math.inf, work_s: float = math.inf) -> None:
        self.deadline = deadline
        self._age_s = age_s
        self._work_s = work_s
        self._started = time.monotonic()
        self._worked = 0.0

    @property
    def ends_at(self) -> float:
        """When the call or the stream is over, however fast the server is."""
        return min(self.deadline, self._started + self._age_s)

    def waited(self, seconds: float) -> None:
        """Adds time that was spent waiting for the server."""
        self._worked += seconds

    def left(self) -> float:
        """Seconds until the first limit, if the server keeps us waiting from now on. Never negative."""
        return max(0.0, min(self._remaining()))

    def check(self) -> None:
        """Raises DEADLINE_EXCEEDED with the reason of the limit that has passed."""
        if self.left() <= 0:
            raise self.first()

    def first(self) -> DirectFlowError:
        """Of the limit that passes first. For whoever was woken by a timer of the loop: uvloop's count whole
        milliseconds and may come one before their time, when no limit has passed yet."""
        deadline, age, work = (max(0.0, seconds) for seconds in self._remaining())
        if deadline <= min(age, work):
            return DirectFlowError(StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED", "the call's deadline has passed")
        if age <= work:
            return _too_long("STREAM_TOO_OLD", "the stream reached its maximum age", self._age_s)
        return _too_long("STATEMENT_TIMEOUT", "PostgreSQL worked longer than the limit allows", self._work_s)

    def _remaining(self) -> tuple[float, float, float]:
        """Of the call, of the stream and of PostgreSQL's work: seconds, negative once they have passed."""
        now = time.monotonic()
        return self.deadline - now, self._started + self._age_s - now, self._work_s - self._worked


def _too_long(reason: str, message: str, limit: float) -> DirectFlowError:
    metadata = {"limit_seconds": f"{limit:g}"}
    return DirectFlowError(StatusCode.DEADLINE_EXCEEDED, reason, message, metadata=metadata)
