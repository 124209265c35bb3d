"""`[directflow_database]`: DirectFlow's own PostgreSQL.

[directflow_database]
host = "postgres.directflow.svc"
database = "directflow"
owner_credential = "/var/run/directflow/database/owner.json"
writer_credential = "/var/run/directflow/database/writer.json"
reader_credential = "/var/run/directflow/database/reader.json"

or, instead of the three files,

credential_kind = "vault-kv"
vault_mount = "secret"
vault_path = "directflow-database/{role}"
"""

from pathlib import Path

from directflow_runtime.settings import SettingsModel
from pydantic import Field, model_validator

from directflow_gateway.connections import Connection, CredentialKind, Limits, SslMode
from directflow_gateway.credentials.settings import vault_path, vault_template
from directflow_gateway.credentials.template import Template
from directflow_gateway.directflow_database.roles import DatabaseRole

OWNER_SESSIONS = 2
"""One for upkeep, one for a partition that an event needs meanwhile."""
PLACES = {
    CredentialKind.VAULT_KV: ("secret", "data"),
    CredentialKind.VAULT_DYNAMIC: ("database", "creds"),
    CredentialKind.VAULT_STATIC: ("database", "static-creds"),
}
"""The usual mount, and what comes behind it."""


class DirectFlowDatabaseSettings(SettingsModel):
    """Where it is, and where its three logins lie. No template of the connections may lead there."""

    host: str
    port: int = 5432
    database: str
    sslmode: SslMode = SslMode.VERIFY_FULL
    ca_pem: str = ""
    require_scram: bool = True
    credential_kind: CredentialKind = CredentialKind.FILE
    owner_credential: Path | None = None
    """Kind FILE, `{"username": ..., "password": ...}`. Owns the schema: migrations, partitions, retention."""
    writer_credential: Path | None = None
    """Appends events."""
    reader_credential: Path | None = None
    """Reads, under row level security."""
    vault_mount: str = ""
    """Empty: "secret" for KV, "database" for dynamic and static roles."""
    vault_path: str = ""
    """With `{role}`, which is owner, writer or reader: of the secret (KV), otherwise the name of Vault's role."""
    retention_days: int = Field(default=400, ge=1, le=3650)
    """Events that are older are refused, and dropped a month at a time."""
    writer_pool_size: int = Field(default=4, gt=0)
    reader_pool_size: int = Field(default=8, gt=0)
    acquire_timeout_s: float = Field(default=5.0, gt=0)

    @model_validator(mode="after")
    def _can_be_connected_to(self) -> "DirectFlowDatabaseSettings":
        for role in DatabaseRole:
            self.connection(role)
        return self

    @model_validator(mode="after")
    def _has_credentials(self) -> "DirectFlowDatabaseSettings":
        files = {f"{role.value}_credential": getattr(self, f"{role.value}_credential") for role in DatabaseRole}
        if self.credential_kind is CredentialKind.FILE:
            wrong = [name for name, path in files.items() if path is None or not path.is_absolute()]
            foreign = [name for name in ("vault_mount", "vault_path") if getattr(self, name)]
        else:
            wrong = [] if self.vault_path else ["vault_path"]
            foreign = [name for name, path in files.items() if path is not None]
            if self.vault_path:
                vault_template(self.vault_path, ("role",))
            if self.vault_mount:
                vault_path(self.vault_mount)
        complaints = [f"{name}: a path is needed, a file's absolute" for name in wrong]
        complaints += [f"{name}: not with credential_kind {self.credential_kind.value}" for name in foreign]
        if complaints:
            raise ValueError("; ".join(complaints))
        return self

    def credential(self, role: DatabaseRole) -> Path:
        """Kind FILE: the file with the role's login."""
        path: Path = getattr(self, f"{role.value}_credential")
        return path

    def place(self) -> Template:
        """Another kind: below /v1/, with `{role}`."""
        mount, what = PLACES[self.credential_kind]
        return Template(f"{self.vault_mount or mount}/{what}/{self.vault_path}", ("role",))

    def places(self) -> tuple[str, ...]:
        """Where the three logins lie: files, or paths below /v1/."""
        if self.credential_kind is CredentialKind.FILE:
            return tuple(str(self.credential(role)) for role in DatabaseRole)
        return tuple(self.place().of(self.connection(role)) for role in DatabaseRole)

    def connection(self, role: DatabaseRole) -> Connection:
        """The role's connection. No call can name it: it is in no book of connections."""
        sizes = {DatabaseRole.WRITER: self.writer_pool_size, DatabaseRole.READER: self.reader_pool_size}
        limits = Limits(pool_size=sizes.get(role, OWNER_SESSIONS), acquire_timeout_s=self.acquire_timeout_s)
        return Connection(
            workspace="directflow",
            id=role.value,
            host=self.host,
            port=self.port,
            database=self.database,
            sslmode=self.sslmode,
            ca_pem=self.ca_pem,
            require_scram=self.require_scram,
            credential_kind=self.credential_kind,
            limits=limits,
        )
