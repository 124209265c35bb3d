"""A login to a database, and where it comes from."""

import hmac
import secrets
from dataclasses import dataclass, field
from typing import Protocol

from directflow_runtime.secrets import Secret

from directflow_gateway.connections import Connection


@dataclass(frozen=True, slots=True)
class Lease:
    """Vault's promise to keep a dynamic user until `Credential.expires_at`."""

    id: Secret
    epoch: int
    """Of the Vault login that asked for it: it dies with that token, whatever its own end."""
    renewable: bool
    duration_s: float
    """As it was granted at first: a renewal that gives less comes near the greatest age that Vault allows."""


@dataclass(frozen=True, slots=True)
class Credential:
    """One login. `repr` shows neither user nor password nor lease: a dynamic user name identifies a lease."""

    user: str = field(repr=False)
    password: Secret = field(repr=False)
    generation: str
    """Changes exactly when user or password do; tells nothing about them, and means nothing in another process."""
    refresh_at: float | None = None
    """When it should be read or renewed again, on the clock of `time.monotonic()`; None: as often as a keyring does."""
    expires_at: float | None = None
    """When new logins with it begin to fail, on the same clock; None: nobody knows."""
    lease: Lease | None = field(default=None, repr=False)
    """None: not a dynamic one."""


class CredentialSource(Protocol):
    """Reads the login of a connection. The connection never names the place: the source derives it."""

    async def read(
        self, connection: Connection, last: Credential | None = None, *, refused: bool = False
    ) -> Credential:
        """The credential as it is now. `last`: its lease is renewed instead of replaced where that works. `refused`:
        the database did not take `last`, so that a lease is replaced whatever Vault says of it.

        Raises DirectFlowError CREDENTIALS_UNAVAILABLE (UNAVAILABLE, with RetryInfo) when it cannot be read; the message
        names neither path nor content.
        """
        ...


class Generations:
    """Gives equal logins equal generations, with a key that only this process knows: a plain digest of a weak password
    could be guessed from a log line."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def of(self, user: str, password: str) -> str:
        """16 hex digits."""
        message = len(user.encode()).to_bytes(4, "big") + user.encode() + password.encode()
        return hmac.new(self._key, message, "sha256").hexdigest()[:16]
