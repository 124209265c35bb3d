"""A login to a customer's database, and where it comes from."""

import hmac
import secrets
from dataclasses import dataclass
from typing import Protocol

from directflow_runtime.secrets import Secret

from directflow_gateway.connections import Connection


@dataclass(frozen=True, slots=True)
class Credential:
    """One login. `repr` shows neither user nor password: a dynamic user name identifies a lease."""

    user: str
    password: Secret
    generation: str
    """Changes exactly when user or password do; tells nothing about them, and means nothing in another process."""
    expires_at: float | None = None
    """On the clock of `time.monotonic()`; None: until it is replaced."""

    def __repr__(self) -> str:
        return f"Credential(generation={self.generation!r}, expires_at={self.expires_at!r})"


class CredentialSource(Protocol):
    """Reads the login of a connection. The connection never names the place: the source derives it."""

    async def read(self, connection: Connection) -> Credential:
        """The present credential, read now. Raises DirectFlowError CREDENTIALS_UNAVAILABLE (UNAVAILABLE, with
        RetryInfo) when it cannot be read; the message names neither path nor content."""
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
