"""A customer's PostgreSQL database and how DirectFlow may use it. It names no secret."""

import enum
import hashlib
import re
from dataclasses import dataclass, field, fields
from typing import NamedTuple

from directflow_gateway.connections.host import check_host
from directflow_gateway.connections.limits import Limits

RESOURCE_ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
"""AIP-122. No dot and no slash: ids become parts of file names and of Vault paths."""
LONGEST_IDENTIFIER = 63


class SslMode(enum.Enum):
    """How the server is verified; the values are libpq's. Anything below VERIFY_FULL believes some impostor."""

    VERIFY_FULL = "verify-full"
    VERIFY_CA = "verify-ca"
    REQUIRE = "require"
    DISABLE = "disable"


class RolePolicy(enum.Enum):
    """What happens when the login role can do more than read."""

    REPORT = "report"
    """Only a superuser is refused; the rest is reported."""
    STRICT = "strict"
    """Every finding refuses the connection."""
    DEV = "dev"
    """Even a superuser is accepted, with a warning: a developer's own database. Settings only, no caller can ask it."""


class CredentialKind(enum.Enum):
    """What kind of source holds the credential; where in it, the gateway derives from the connection's name."""

    VAULT_KV = "vault-kv"
    VAULT_DYNAMIC = "vault-dynamic"
    VAULT_STATIC = "vault-static"
    FILE = "file"


class Target(NamedTuple):
    """Who is handed the credential, and how far it is believed to be that one."""

    host: str
    port: int
    user: str
    sslmode: SslMode
    ca_pem: str
    credential_kind: CredentialKind
    """Another kind is another secret of the same name, which was meant for nobody yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """Where to connect, as whom, how the server is verified, and the limits of every call. Raises ValueError for what
    no connection may be; the message holds no value."""

    workspace: str
    id: str
    host: str
    """One DNS name or one address."""
    port: int = 5432
    database: str
    user: str = ""
    """The role to log in as; a credential may bring its own."""
    sslmode: SslMode = SslMode.VERIFY_FULL
    ca_pem: str = field(default="", repr=False)
    """Certificate authorities as PEM text; empty: the system's."""
    require_scram: bool = True
    """False also accepts md5 and trust: a developer's own database. No caller can ask it."""
    limits: Limits = field(default_factory=Limits)
    allowed_functions: frozenset[str] = frozenset()
    """Functions outside the built-in allow-list: `name` or `schema.name`."""
    role_policy: RolePolicy = RolePolicy.REPORT
    credential_kind: CredentialKind = CredentialKind.FILE
    etag: str = field(init=False, compare=False, default="")
    """Digest of everything above; part of the key of every cache."""

    def __post_init__(self) -> None:
        check_host(self.host)
        for name in ("workspace", "id"):
            if not RESOURCE_ID.fullmatch(getattr(self, name)):
                raise ValueError(f"{name}: 1 to 63 lower-case letters, digits and inner hyphens")
        if not 0 < self.port < 65536:
            raise ValueError("port: 1 to 65535")
        if not self.database:
            raise ValueError("database: required")
        for name in ("database", "user"):
            _check_identifier(name, getattr(self, name))
        object.__setattr__(self, "etag", self._digest())

    @property
    def name(self) -> str:
        """`workspaces/{workspace}/connections/{connection}`."""
        return f"workspaces/{self.workspace}/connections/{self.id}"

    @property
    def target(self) -> Target:
        """What a credential is bound to: with another one it may be sent nowhere until somebody confirms."""
        # Host names know no letter case.
        return Target(self.host.lower(), self.port, self.user, self.sslmode, self.ca_pem.strip(), self.credential_kind)

    def _digest(self) -> str:
        parts = [getattr(self, f.name) for f in fields(self) if f.init]
        stable = [sorted(part) if isinstance(part, frozenset) else part for part in parts]
        return hashlib.blake2b(repr(stable).encode(), digest_size=8).hexdigest()


def _check_identifier(name: str, value: str) -> None:
    if len(value.encode()) > LONGEST_IDENTIFIER or any(ord(character) < 32 for character in value):
        raise ValueError(f"{name}: at most {LONGEST_IDENTIFIER} bytes without control characters")
