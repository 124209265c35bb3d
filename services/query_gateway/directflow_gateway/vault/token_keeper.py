"""Holds the one token of the process, renews it, and replaces it before it dies."""

import asyncio
import random
import time

from directflow_runtime.logging import exception_types, stack
from directflow_runtime.metrics import Counter
from opentelemetry.trace import Tracer
from structlog.typing import FilteringBoundLogger

from directflow_gateway.vault.exchanges import Exchanges
from directflow_gateway.vault.failures import FailureKind
from directflow_gateway.vault.login import Login, look_up, renew, revoke
from directflow_gateway.vault.login_gate import LoginGate
from directflow_gateway.vault.periods import Periods, spaced
from directflow_gateway.vault.reply import Fault, Reply
from directflow_gateway.vault.reporting import Reporter
from directflow_gateway.vault.request import Request
from directflow_gateway.vault.single_flight import SingleFlight
from directflow_gateway.vault.span import vault_span
from directflow_gateway.vault.token import Grant, Token, first_token, grant_of_auth, renewed_token

FIRST_RENEW_PAUSE_S = 1.0
TIMEOUT = Fault(FailureKind.UNREACHABLE, "timeout")


class TokenKeeper:
    """Of one session. An old token is never revoked when a new one comes: leases made with it are still in use."""

    def __init__(
        self,
        login: Login,
        method: str,
        exchanges: Exchanges,
        timeout_s: float,
        periods: Periods,
        tracer: Tracer,
        log: FilteringBoundLogger,
        reporter: Reporter,
        operations: Counter,
    ) -> None:
        self._login = login
        self._method = method
        self._exchanges = exchanges
        self._timeout_s = timeout_s
        self._periods = periods
        self._tracer = tracer
        self._log = log
        self._reporter = reporter
        self._operations = operations
        self._gate = LoginGate(periods)
        self._flights: SingleFlight[Token | Fault | None] = SingleFlight()
        self._changed = asyncio.Event()
        self._renewals_failed = 0
        self._renew_again_at = 0.0
        self._denied_at: dict[bool, float] = {}
        self._task: asyncio.Task[None] | None = None
        self.present: Token | None = None

    def start(self) -> None:
        """Begins in the background."""
        self._task = asyncio.get_running_loop().create_task(self._keep())

    async def aclose(self) -> None:
        """Ends what runs, and revokes the token where it came from a login of ours. Bounded by `close_s`."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        await self._flights.aclose()
        token, self.present = self.present, None
        if token is not None and token.revocable and not token.is_dead():
            await self._exchange("revoke", revoke(token.secret), self._periods.close_s, tries=1)

    async def token(self) -> Token | Fault:
        """The present token; a login where there is none that lives."""
        token = self.present
        return await self.log_in() if token is None or token.is_dead() else token

    async def log_in(self) -> Token | Fault:
        """A new login, the same for all who ask at the same time; the present token stays where it fails."""
        outcome = await self._flights.run("login", self._log_in)
        assert outcome is not None
        return outcome

    async def after_denial(self, denied: Token) -> Token | Fault | None:
        """Another token to try with what Vault denied to `denied`; None: there is none, and the denial stands; a Fault
        in its place where Vault cannot be asked or does not let us in. Whoever succeeds with it tells so by `adopt`."""
        return await self._flights.run("denial", lambda: self._after_denial(denied))

    def adopt(self, token: Token) -> None:
        """Makes it the present one, unless it is, or a later one came in between."""
        if self.present is None or self.present.epoch < token.epoch:
            self._hold(token)
            self._reporter.logged_in(token, self._method)

    async def _log_in(self) -> Token | Fault:
        outcome = await self._grant()
        if isinstance(outcome, Fault):
            return outcome
        token = self._made(outcome)
        self._hold(token)
        self._reporter.logged_in(token, self._method)
        return token

    async def _grant(self) -> Grant | Fault:
        refusal = await self._gate.passed()
        if refusal is not None:
            return refusal
        with vault_span(self._tracer, "login", self._operations) as span:
            try:
                async with asyncio.timeout(self._timeout_s):
                    outcome = await self._login(time.monotonic() + self._timeout_s)
            except TimeoutError:
                outcome = TIMEOUT
            span.ended(outcome)
        if isinstance(outcome, Fault):
            self._reporter.failed("login", outcome)
            return self._gate.failed(outcome)
        self._gate.succeeded()
        return outcome

    def _made(self, grant: Grant) -> Token:
        present = self.present
        epoch = present.epoch if present is not None else 0
        same = present is not None and present.secret == grant.secret  # a token file that has not changed
        return first_token(grant, epoch if same else epoch + 1, self._periods)

    def _hold(self, token: Token) -> None:
        self.present, self._renewals_failed, self._renew_again_at = token, 0, 0.0
        self._changed.set()

    async def _after_denial(self, denied: Token) -> Token | Fault | None:
        if self.present is not None and self.present.epoch != denied.epoch:
            return self.present
        # 403 is Vault's answer to a dead token and to a policy that does not allow this. The token itself tells which:
        # one connection whose path is not allowed must not cost all others their leases.
        asked = await self._exchange("look up", look_up(denied.secret), self._timeout_s)
        dead = isinstance(asked, Fault) and asked.kind is FailureKind.DENIED
        if isinstance(asked, Fault) and not dead:
            return asked
        if not self._may_log_in_after_denial(dead):
            return None
        if dead:
            self._reporter.dead_token(denied.epoch)
            return await self.log_in()
        grant = await self._grant()
        token = None if isinstance(grant, Fault) else self._made(grant)
        # Not held yet: where it may no more than the old one, nobody's leases have to be made anew.
        return token if token is not None and token.epoch != denied.epoch else None

    def _may_log_in_after_denial(self, dead: bool) -> bool:
        now, spacing = time.monotonic(), self._periods.dead_s if dead else self._periods.policy_s
        last = self._denied_at.get(dead)
        if last is not None and now - last < spacing:
            return False
        self._denied_at[dead] = now
        return True

    async def _keep(self) -> None:
        await asyncio.sleep(self._periods.start_jitter_s * random.random())  # noqa: S311
        while True:
            self._changed.clear()
            pause = await self._round()
            await asyncio.sleep(self._periods.round_s)
            try:
                async with asyncio.timeout(pause):
                    await self._changed.wait()
            except TimeoutError:
                continue

    async def _round(self) -> float | None:
        """Does what is due; seconds until the next thing is, None: until something changes."""
        try:
            await self._do_what_is_due()
        except Exception as error:  # the task must not end: the token would die unnoticed
            types, frames = exception_types(error), stack(error.__traceback__)
            self._log.error("unexpected exception", exception_type=types, stack=frames)
            return self._periods.renew_pause_s
        due_at = self._due_at()
        return None if due_at is None else max(0.0, due_at - time.monotonic())

    async def _do_what_is_due(self) -> None:
        token = self.present
        if token is None or token.is_dead() or token.wants_replacement():
            await self.log_in()
        elif token.wants_renewal() and time.monotonic() >= self._renew_again_at:
            await self._renew(token)

    def _due_at(self) -> float | None:
        token = self.present
        if token is None or token.is_dead() or token.wants_replacement():
            return self._gate.opens_at
        if token.wants_renewal() and token.replace_at is not None:
            return min(self._renew_again_at, token.replace_at)
        return token.due_at()

    async def _renew(self, token: Token) -> None:
        since = time.monotonic()
        outcome = await self._exchange("renew", renew(token.secret), self._timeout_s)
        grant = grant_of_auth(outcome.auth, since, False) if isinstance(outcome, Reply) else None
        if self.present is not token:
            return  # replaced in the meantime
        if grant is not None:
            self._renewed(renewed_token(token, grant, self._periods))
        else:
            fault = outcome if isinstance(outcome, Fault) else Fault(FailureKind.MALFORMED, "no token")
            self._reporter.failed("renewal", fault)
            self._renewals_failed += 1
            pause = spaced(self._renewals_failed, FIRST_RENEW_PAUSE_S, self._periods.renew_pause_s)
            self._renew_again_at = time.monotonic() + pause
            if not fault.failure().is_outage:
                await self.log_in()  # it is dead, or must not be renewed: Vault said so

    def _renewed(self, token: Token) -> None:
        self._reporter.worked("renewal")
        self._hold(token)
        if token.wants_replacement():
            self._reporter.came_back_short(token)

    async def _exchange(
        self, operation: str, request: Request, within_s: float, tries: int | None = None
    ) -> Reply | Fault:
        with vault_span(self._tracer, operation, self._operations) as span:
            outcome = await self._exchanges.run(request, time.monotonic() + within_s, tries)
            span.ended(outcome)
        return outcome
