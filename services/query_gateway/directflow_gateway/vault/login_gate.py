"""Keeps logins apart that fail one after the other."""

import asyncio
import time

from directflow_gateway.vault.failures import FailureKind
from directflow_gateway.vault.periods import Periods, spaced
from directflow_gateway.vault.reply import Fault

FIRST_AWAY_S = 0.5
FIRST_REFUSED_S = 1.0


class LoginGate:
    """Closed for a while after a login failed."""

    def __init__(self, periods: Periods) -> None:
        self._periods = periods
        self._failures = 0
        self._refusal: Fault | None = None
        self.opens_at = 0.0
        """On the clock of `time.monotonic()`."""

    async def passed(self) -> Fault | None:
        """None: go on. While Vault is away the next try is waited for; after a refusal there is nothing to wait for,
        and the refusal is returned."""
        left = self.opens_at - time.monotonic()
        if left > 0 and self._refusal is not None:
            return self._refusal
        if left > 0:
            await asyncio.sleep(left)
        return None

    def failed(self, fault: Fault) -> Fault:
        """A login failed. Returns what those are told who need it: a login that is refused, or whose mount is not
        found, says nothing about their path."""
        self._failures += 1
        refused = not fault.failure().is_outage
        self._refusal = Fault(FailureKind.DENIED, "login refused", False, status=fault.status) if refused else None
        first_s, longest_s = (
            (FIRST_REFUSED_S, self._periods.refused_pause_s) if refused else (FIRST_AWAY_S, self._periods.away_pause_s)
        )
        self.opens_at = time.monotonic() + spaced(self._failures, min(first_s, longest_s), longest_s)
        return self._refusal or fault

    def succeeded(self) -> None:
        self._failures, self._refusal, self.opens_at = 0, None, 0.0
