"""The gateway's one login to Vault."""

from collections.abc import Mapping

from opentelemetry.trace import Tracer
from structlog.typing import FilteringBoundLogger

from directflow_gateway.vault.answer import Answer
from directflow_gateway.vault.settings import VaultSettings


class VaultSession:
    """Of one process. `start` it (reads log in by themselves where it is not), and `aclose` it in the end.

    For the event loop's own thread; blocking work is done elsewhere."""

    def __init__(self, settings: VaultSettings, tracer: Tracer, log: FilteringBoundLogger) -> None:
        """Does nothing yet: no file is read, no address looked up."""

    def start(self) -> None:
        """Begins to log in, and to keep the login alive, in the background."""

    @property
    def epoch(self) -> int:
        """0 before the first login, and one more with each new token: leases of an older one die with it."""
        return 0

    def ends_at(self) -> float | None:
        """When the present token dies as far as is known, on the clock of `time.monotonic()`; None: never, or there is
        none yet."""
        return None

    async def read(self, path: str) -> Answer:
        """GET /v1/`path`, at most `request_timeout_s` with all retries. Reads of one path at the same time are one.

        Raises VaultFailure, and ValueError for what is no path of Vault."""
        raise NotImplementedError

    async def write(self, path: str, body: Mapping[str, object]) -> Answer:
        """POST /v1/`path` with a JSON body, at most `request_timeout_s` with all retries. Raises as `read` does."""
        raise NotImplementedError

    async def aclose(self) -> None:
        """Ends what runs, and revokes the token if it came from a login: its leases end with it. At most 1 s."""
