"""How many traces a second our callers may force on us by their sampled flag."""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

REMEMBERED: Final = 4096
"""Admitted traces whose further calls are admitted as well."""


class ForcedSampling:
    """A token bucket, one token a trace, full at first; it holds the tokens of one second, and at least one.

    A trace that was admitted stays admitted: its second call must not be missing from what the first one shows.
    """

    def __init__(self, traces_per_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        """`traces_per_s` of 0: no limit."""
        self._rate = traces_per_s
        self._most = max(1.0, traces_per_s)
        self._tokens = self._most
        self._clock = clock
        self._filled_at = clock()
        self._admitted: OrderedDict[int, None] = OrderedDict()

    def admits(self, trace_id: int) -> bool:
        """Whether a caller's decision to record this trace is followed."""
        if not self._rate or trace_id in self._admitted:
            return True
        now = self._clock()
        self._tokens = min(self._most, self._tokens + (now - self._filled_at) * self._rate)
        self._filled_at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        self._admitted[trace_id] = None
        if len(self._admitted) > REMEMBERED:
            self._admitted.popitem(last=False)
        return True
