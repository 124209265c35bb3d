"""How many traces a second our callers may force on us by their sampled flag."""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

REMEMBERED: Final = 4096
"""Admitted traces whose further calls are admitted as well."""
CALLS_A_TRACE: Final = 1000
"""Calls of one trace that its token pays for."""


class ForcedSampling:
    """A token bucket, one token a trace, full at first; it holds the tokens of one second, and at least one.

    A trace that was admitted stays admitted: its second call must not be missing from what the first one shows. Beyond
    CALLS_A_TRACE each of its calls costs a token: one header that is sent for ever would otherwise be no limit at all.
    """

    def __init__(self, traces_per_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        """`traces_per_s` of 0: no limit."""
        self._rate = traces_per_s
        self._most = max(1.0, traces_per_s)
        self._tokens = self._most
        self._clock = clock
        self._filled_at = clock()
        self._admitted: OrderedDict[int, int] = OrderedDict()
        """By trace, how many further calls are paid for."""

    def admits(self, trace_id: int) -> bool:
        """Whether a caller's decision to record this trace is followed, for one more call of it."""
        if not self._rate:
            return True
        paid_for = self._admitted.get(trace_id)
        if paid_for:
            self._admitted[trace_id] = paid_for - 1
            return True
        if not self._has_token():
            return False
        if paid_for is None:
            self._remember(trace_id)
        return True

    def _has_token(self) -> bool:
        now = self._clock()
        self._tokens = min(self._most, self._tokens + (now - self._filled_at) * self._rate)
        self._filled_at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def _remember(self, trace_id: int) -> None:
        self._admitted[trace_id] = CALLS_A_TRACE - 1
        if len(self._admitted) > REMEMBERED:
            self._admitted.popitem(last=False)
