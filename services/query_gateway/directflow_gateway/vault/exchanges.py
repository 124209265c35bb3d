"""One operation on Vault: tries and pauses between them, bounded as a whole."""

import asyncio
import math
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from directflow_runtime.secrets import Secret

from directflow_gateway.threads import NoThread
from directflow_gateway.vault.failures import FailureKind
from directflow_gateway.vault.line import Line
from directflow_gateway.vault.periods import Periods
from directflow_gateway.vault.reply import Fault, Reply
from directflow_gateway.vault.request import Request
from directflow_gateway.vault.threads import Lanes

if TYPE_CHECKING:
    from directflow_gateway.vault.wire import VaultWire

CONNECT_SHARE = 0.4
"""Of the time of an operation, for one address: behind a dead one there may be another, and a second try."""
LONG_SHARE = 0.5
"""Of the time of an operation: what held a thread for as long, and got no answer, is slow."""


class Exchanges:
    """Sends requests, again where that can help."""

    def __init__(self, wire: "VaultWire", lanes: Lanes, timeout_s: float, periods: Periods) -> None:
        self._wire = wire
        self._lanes = lanes
        self._timeout_s = timeout_s
        self._periods = periods

    async def run(self, request: Request, ends_at: float, tries: int | None = None) -> Reply | Fault:
        """The reply, or what the last try came to. `ends_at` on the clock of `time.monotonic()`, pauses included."""
        most = tries or self._periods.tries
        for number in range(1, most + 1):
            outcome = await self._once(request, ends_at)
            if isinstance(outcome, Reply) or not outcome.retried or number == most:
                break
            pause = max(outcome.retry_after_s, self._periods.pause(number))
            if time.monotonic() + pause >= ends_at:
                break
            await asyncio.sleep(pause)
        return outcome

    async def _once(self, request: Request, ends_at: float) -> Reply | Fault:
        line, key = Line(ends_at, self._timeout_s * CONNECT_SHARE), request.lane()
        began, answered = math.inf, False

        def exchange() -> Reply | Fault:
            nonlocal began
            began = time.monotonic()
            return self._wire.exchange(request, line)

        try:
            async with asyncio.timeout(max(0.0, ends_at - time.monotonic())):
                outcome = await self._lanes.of(key).run(exchange)
            answered = isinstance(outcome, Reply) or outcome.status > 0
            return outcome
        except TimeoutError:
            return Fault(FailureKind.UNREACHABLE, "timeout")
        except NoThread:
            return Fault(FailureKind.UNREACHABLE, "no thread")
        finally:
            line.cut()  # whoever stops waiting takes the thread's socket away: it ends now
            held_long = time.monotonic() - began >= self._timeout_s * LONG_SHARE
            if answered or held_long:
                self._lanes.learn(key, slow=not answered)


def with_token(request: Request, token: Secret) -> Request:
    """The request in the name of a token."""
    return replace(request, token=token)
