"""The gateway's one login to Vault."""

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress

from directflow_runtime.metrics import OFF, Labels, Metrics
from directflow_runtime.metrics.names import VAULT_LOGIN_EXPIRES, VAULT_OPERATIONS
from opentelemetry.trace import Tracer
from structlog.typing import FilteringBoundLogger

from directflow_gateway.threads import Threads
from directflow_gateway.vault.answer import Answer
from directflow_gateway.vault.exchanges import Exchanges, with_token
from directflow_gateway.vault.failures import FailureKind
from directflow_gateway.vault.login import Login
from directflow_gateway.vault.paths import is_vault_path
from directflow_gateway.vault.periods import Periods
from directflow_gateway.vault.reply import Fault, Reply
from directflow_gateway.vault.reporting import Reporter
from directflow_gateway.vault.request import Request
from directflow_gateway.vault.settings import VaultSettings
from directflow_gateway.vault.single_flight import SingleFlight
from directflow_gateway.vault.span import vault_span
from directflow_gateway.vault.threads import MOST_FOR_LOGIN, NAME, Lanes
from directflow_gateway.vault.token_keeper import TIMEOUT, TokenKeeper


class VaultSession:
    """Of one process. `start` it (reads log in by themselves where it is not), and `aclose` it in the end.

    For the event loop's own thread; blocking work is done elsewhere."""

    def __init__(
        self,
        settings: VaultSettings,
        tracer: Tracer,
        log: FilteringBoundLogger,
        periods: Periods | None = None,
        metrics: Metrics = OFF,
    ) -> None:
        """Does nothing yet: no file is read, no address looked up. `periods`: for tests."""
        # Here: hvac takes a tenth of the start of a gateway, and most of those in tests have no Vault.
        from directflow_gateway.vault.wire import VaultWire

        periods = periods or Periods()
        self._timeout_s = settings.request_timeout_s
        self._tracer = tracer
        self._operations = metrics.counter(VAULT_OPERATIONS)
        metrics.gauge(VAULT_LOGIN_EXPIRES, self._expires_in)
        self._reporter = Reporter(log, periods.quiet_s)
        wire = VaultWire(settings)
        self._exchanges = Exchanges(wire, Lanes(), self._timeout_s, periods)
        logins = Exchanges(wire, Lanes(MOST_FOR_LOGIN, MOST_FOR_LOGIN), self._timeout_s, periods)
        self._keeper = TokenKeeper(
            Login(settings.login, logins, Threads(MOST_FOR_LOGIN, NAME)),
            settings.login.method.value,
            logins,
            self._timeout_s,
            periods,
            tracer,
            log,
            self._reporter,
            self._operations,
        )
        self._flights: SingleFlight[Answer | Fault] = SingleFlight()

    def start(self) -> None:
        """Begins to log in, and to keep the login alive, in the background."""
        self._keeper.start()

    @property
    def epoch(self) -> int:
        """0 before the first login, and one more with each new token: leases of an older one die with it."""
        return self._keeper.present.epoch if self._keeper.present else 0

    def ends_at(self) -> float | None:
        """When the present token dies as far as is known, on the clock of `time.monotonic()`; None: never, or there is
        none yet."""
        return self._keeper.present.expires_at if self._keeper.present else None

    async def read(self, path: str) -> Answer:
        """GET /v1/`path`, at most `request_timeout_s` with all retries. Reads of one path at the same time are one.

        Raises VaultFailure, and ValueError for what is no path of Vault."""
        return await self._shared(path, "read", Request("GET", path))

    async def write(self, path: str, body: Mapping[str, object]) -> Answer:
        """POST /v1/`path` with a JSON body, at most `request_timeout_s` with all retries. Raises as `read` does."""
        return await self._shared(object(), "write", Request("POST", path, body=body))

    async def aclose(self) -> None:
        """Ends what runs, and revokes the token if it came from a login: its leases end with it. At most 1 s."""
        await self._flights.aclose()
        await self._keeper.aclose()

    def _expires_in(self) -> dict[Labels, float]:
        ends_at = self.ends_at()
        return {} if ends_at is None else {(): ends_at - time.monotonic()}

    async def _shared(self, key: object, operation: str, request: Request) -> Answer:
        if not is_vault_path(request.path):
            raise ValueError("not a path of Vault")
        outcome = await self._flights.run(key, lambda: self._operate(operation, request))
        if isinstance(outcome, Fault):
            raise outcome.failure()
        return outcome

    async def _operate(self, operation: str, request: Request) -> Answer | Fault:
        outcome: Reply | Fault = TIMEOUT
        epoch = 0
        with vault_span(self._tracer, operation, self._operations) as span:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._timeout_s):
                    outcome, epoch = await self._tried(request, time.monotonic() + self._timeout_s)
            span.ended(outcome)
        if isinstance(outcome, Reply):
            self._reporter.worked(operation)
            return Answer(outcome.data or {}, outcome.lease_id, outcome.lease_duration_s, outcome.renewable, epoch)
        if outcome.failure().is_outage:
            self._reporter.failed(operation, outcome)
        return outcome

    async def _tried(self, request: Request, ends_at: float) -> tuple[Reply | Fault, int]:
        """The outcome, and the epoch of the token that it came by."""
        token = await self._keeper.token()
        if isinstance(token, Fault):
            return token, 0
        outcome = await self._exchanges.run(with_token(request, token.secret), ends_at)
        if isinstance(outcome, Fault) and outcome.kind is FailureKind.DENIED:
            other = await self._keeper.after_denial(token)
            if isinstance(other, Fault):
                outcome = other
            elif other is not None:
                token, outcome = other, await self._exchanges.run(with_token(request, other.secret), ends_at)
            if isinstance(outcome, Reply):
                self._keeper.adopt(token)
        if isinstance(outcome, Reply) and outcome.data is None and request.method == "GET":
            outcome = Fault(FailureKind.MALFORMED, "no data", status=outcome.status)
        return outcome, token.epoch
