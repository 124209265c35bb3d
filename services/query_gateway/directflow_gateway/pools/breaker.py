"""Keeps a database that is down, or that refuses us, from being asked again and again."""

import time
from collections.abc import Callable
from weakref import WeakValueDictionary

from directflow_runtime.errors import DirectFlowError

from directflow_gateway.pools.budget import Address
from directflow_gateway.pools.failures import again

FAILURES = 5
"""Failures to connect in a row until the breaker opens."""
PROBE_S = 1.0
"""With an open breaker one attempt is let through in this time; one success closes it."""
REFUSED_S = 30.0
LONGEST_REFUSED_S = 300.0


class Breaker:
    """Of one database server, or of one login to it. Raises the last failure until it is time to try again."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failure: DirectFlowError | None = None
        self._failures = 0
        self._refusals = 0
        self._retry_at = 0.0

    @property
    def failure(self) -> DirectFlowError | None:
        """Why it is open, also while an attempt is under way; None while it is closed."""
        return self._failure

    def check(self) -> None:
        """Raises the last failure while the breaker is open; otherwise this caller may try, and only this one."""
        if self._failure is None:
            return
        now = self._clock()
        if now < self._retry_at:
            raise again(self._failure)
        self._retry_at = now + PROBE_S

    def failed(self, failure: DirectFlowError) -> None:
        """The database did not answer."""
        self._failures += 1
        if self._failures >= FAILURES:
            # From the beginning of the attempt on: a server that swallows everything takes seconds for each.
            self._open(failure, max(self._retry_at, self._clock()) if self._failure else self._clock() + PROBE_S)

    def refused(self, failure: DirectFlowError) -> None:
        """The database answered, and will say the same next time: a refused login may lock the account."""
        self._open(failure, self._clock() + min(LONGEST_REFUSED_S, REFUSED_S * 2**self._refusals))
        self._refusals += 1

    def closed(self) -> None:
        """It works, or something has changed that makes it worth while to try."""
        self._failure, self._failures, self._refusals = None, 0, 0

    @property
    def refusing(self) -> bool:
        """True after a refusal, until something changes."""
        return self._refusals > 0

    def _open(self, failure: DirectFlowError, retry_at: float) -> None:
        self._failure, self._retry_at = failure, retry_at


class Breakers:
    """Of the servers that this process has pools on. One for the process."""

    def __init__(self) -> None:
        self._by_address: WeakValueDictionary[Address, Breaker] = WeakValueDictionary()

    def of(self, address: Address) -> Breaker:
        """The server's breaker, one for all connections that lead there; it lives for as long as somebody keeps it."""
        breaker = self._by_address.get(address)
        if breaker is None:
            self._by_address[address] = breaker = Breaker()
        return breaker
