"""The leases: credentials that end, by time, by revocation, or with the token that asked for them."""

import secrets
import subprocess
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from directflow_cli.dev.vault.lifetimes import Lifetime
from directflow_cli.dev.vault.refusal import Refused
from directflow_cli.dev.vault.tokens import Token

MOST_LEASES = 10_000
ATTEMPTS = 6
"""Then a lease that cannot be ended (its database is gone) is forgotten; the real one keeps it as irrevocable."""
RETRY_S = 1.0
FAILURES = (subprocess.SubprocessError, OSError)
"""What psql raises when a database is away, too slow, or says no."""


@dataclass(slots=True)
class Lease:
    """One lease. `renewed` gets the new end (Unix time), `ended` takes the credential away."""

    id: str = field(repr=False)
    token: str = field(repr=False)
    lifetime: Lifetime
    renewed: Callable[[float], None] = field(repr=False)
    ended: Callable[[], None] = field(repr=False)
    issued_at: float
    expires_at: float
    renewed_at: float | None = None
    failures: int = 0
    retry_at: float | None = None


class LeaseStore:
    """All leases, bounded. Thread-safe; credentials are taken away outside of the lock, because that takes a while."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._leases: dict[str, Lease] = {}

    def issue(
        self,
        path: str,
        token: Token,
        lifetime: Lifetime,
        expires_at: float,
        renewed: Callable[[float], None],
        ended: Callable[[], None],
    ) -> Lease:
        """A new lease; Refused (429) when there are too many."""
        identifier = f"{path}/{secrets.token_urlsafe(18)}"
        lease = Lease(identifier, token.id, lifetime, renewed, ended, time.time(), expires_at)
        with self._lock:
            if len(self._leases) >= MOST_LEASES:
                raise Refused(429, f"this stand-in holds at most {MOST_LEASES} leases")
            self._leases[identifier] = lease
        return lease

    def find(self, identifier: str, otherwise: str = "lease not found") -> Lease:
        """The living lease; Refused (400)."""
        with self._lock:
            lease = self._leases.get(identifier)
        if lease is None or lease.expires_at <= time.time():
            raise Refused(400, otherwise)
        return lease

    def renew(self, identifier: str, asked_s: float) -> tuple[Lease, float, tuple[str, ...]]:
        """The lease, the seconds that it lives now, and warnings."""
        lease = self.find(identifier)
        ttl_s, warnings = lease.lifetime.granted(asked_s, lease.issued_at)
        lease.renewed(time.time() + ttl_s)
        lease.renewed_at, lease.expires_at = time.time(), time.time() + ttl_s
        return lease, ttl_s, warnings

    def revoke(self, identifiers: Collection[str]) -> bool:
        """Ends them now; what fails is tried again by the clock. Whether all of them ended."""
        failed = [identifier for identifier in identifiers if not self._end(identifier)]
        return not failed

    def forget(self, prefix: str) -> None:
        """Drops leases without taking anything away."""
        for identifier in self.below(prefix):
            with self._lock:
                self._leases.pop(identifier, None)

    def below(self, prefix: str) -> list[str]:
        with self._lock:
            return [identifier for identifier in self._leases if identifier.startswith(prefix)]

    def of_tokens(self, tokens: Collection[str]) -> list[str]:
        wanted = set(tokens)
        with self._lock:
            return [lease.id for lease in self._leases.values() if lease.token in wanted]

    def ends(self) -> list[tuple[float, str]]:
        """When which lease ends."""
        with self._lock:
            return [(lease.retry_at or lease.expires_at, lease.id) for lease in self._leases.values()]

    def _end(self, identifier: str) -> bool:
        with self._lock:
            lease = self._leases.pop(identifier, None)
        if lease is None:
            return True
        try:
            lease.ended()
        except FAILURES:
            self._try_again(lease)
            return False
        return True

    def _try_again(self, lease: Lease) -> None:
        lease.failures += 1
        lease.expires_at = time.time()  # nobody renews it any more
        lease.retry_at = time.time() + RETRY_S * lease.failures
        if lease.failures < ATTEMPTS:
            with self._lock:
                self._leases[lease.id] = lease
