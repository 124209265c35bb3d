"""What can go wrong with Vault, typed."""

from enum import StrEnum


class FailureKind(StrEnum):
    """Why Vault gave no answer."""

    UNREACHABLE = "UNREACHABLE"
    """No connection, TLS refused, no answer in time, or too much is under way already."""
    SEALED = "SEALED"
    DENIED = "DENIED"
    """403: the token is dead, or its policies do not allow this."""
    NOT_FOUND = "NOT_FOUND"
    """404: nothing lies there."""
    REFUSED = "REFUSED"
    """400: no such role, lease not found, a login that Vault does not take; or our own file with it cannot be read."""
    BUSY = "BUSY"
    """429 and 412."""
    SERVER = "SERVER"
    """5xx, or a standby that points elsewhere."""
    MALFORMED = "MALFORMED"
    """The answer is none of Vault's: not JSON, cut short, too large, a proxy's page."""


class VaultFailure(Exception):
    """An operation that failed. It holds the kind and a fixed phrase: never a path, an address, a token or what Vault,
    hvac or requests said, for those hold paths."""

    def __init__(self, kind: FailureKind, detail: str = "") -> None:
        """`detail`: more exactly, out of a fixed vocabulary ("certificate expired"); fit for a log line."""
        super().__init__(f"{kind.value}: {detail}" if detail else kind.value)
        self.kind = kind
        self.detail = detail

    @property
    def is_outage(self) -> bool:
        """True: Vault is away or unwell, and the last good secret is to be kept. False: it answered, and said no."""
        return self.kind not in (FailureKind.DENIED, FailureKind.NOT_FOUND, FailureKind.REFUSED)
