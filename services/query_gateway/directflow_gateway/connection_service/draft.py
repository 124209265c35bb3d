"""A connection as somebody writes it: plain values, of which nothing is known yet."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from directflow_gateway.connections import Connection, CredentialKind, Limits, RolePolicy, SslMode

DEFAULT_PORT = 5432
LIMIT_FIELDS: Mapping[str, str] = {
    "pool_size": "pool_size",
    "statement_timeout_s": "statement_timeout",
    "lock_timeout_s": "lock_timeout",
    "max_rows": "max_rows",
    "max_bytes": "max_bytes",
    "max_row_bytes": "max_row_bytes",
    "max_stream_age_s": "max_stream_age",
}
"""Our names of the limits, and the API's."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What `checks` looks at. Nothing in it has a default left open but the limits: 0 means the default."""

    workspace: str
    id: str
    host: str
    port: int
    database: str
    user: str
    sslmode: SslMode
    ca_pem: str = field(repr=False)
    credential_kind: CredentialKind
    limits: Mapping[str, float]
    allowed_functions: tuple[str, ...]
    role_policy: RolePolicy

    def connection(self) -> Connection:
        """The connection. Raises ValueError for what `checks` has violations of."""
        return Connection(
            workspace=self.workspace,
            id=self.id,
            host=self.host,
            port=self.port or DEFAULT_PORT,
            database=self.database,
            user=self.user,
            sslmode=self.sslmode,
            ca_pem=self.ca_pem,
            limits=Limits(**{name: _whole(name, value) for name, value in self.limits.items() if value}),  # type: ignore[arg-type]
            allowed_functions=frozenset(self.allowed_functions),
            role_policy=self.role_policy,
            credential_kind=self.credential_kind,
        )


def _whole(name: str, value: float) -> float | int:
    return value if name.endswith("_s") else int(value)
