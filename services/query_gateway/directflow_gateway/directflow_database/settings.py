"""`[directflow_database]`: DirectFlow's own PostgreSQL.

[directflow_database]
host = "postgres.directflow.svc"
database = "directflow"
owner_credential = "/var/run/directflow/database/owner.json"
writer_credential = "/var/run/directflow/database/writer.json"
reader_credential = "/var/run/directflow/database/reader.json"
"""

from pathlib import Path

from directflow_runtime.settings import SettingsModel
from pydantic import Field, model_validator

from directflow_gateway.connections import Connection, Limits, SslMode
from directflow_gateway.directflow_database.roles import DatabaseRole

OWNER_SESSIONS = 2
"""One for upkeep, one for a partition that an event needs meanwhile."""


class DirectFlowDatabaseSettings(SettingsModel):
    """Where it is, and the files with its three logins, each `{"username": ..., "password": ...}`."""

    host: str
    port: int = 5432
    database: str
    sslmode: SslMode = SslMode.VERIFY_FULL
    ca_pem: str = ""
    require_scram: bool = True
    owner_credential: Path
    """Owns the schema: migrations, partitions, retention."""
    writer_credential: Path
    """Appends events."""
    reader_credential: Path
    """Reads, under row level security."""
    retention_days: int = Field(default=400, ge=1, le=3650)
    """Events that are older are refused, and dropped a month at a time."""
    writer_pool_size: int = Field(default=4, gt=0)
    reader_pool_size: int = Field(default=8, gt=0)
    acquire_timeout_s: float = Field(default=5.0, gt=0)

    @model_validator(mode="after")
    def _can_be_connected_to(self) -> "DirectFlowDatabaseSettings":
        for role in DatabaseRole:
            self.connection(role)
            if not self.credential(role).is_absolute():
                raise ValueError(f"{role.value}_credential: an absolute path is needed")
        return self

    def credential(self, role: DatabaseRole) -> Path:
        """The file with the role's login."""
        path: Path = getattr(self, f"{role.value}_credential")
        return path

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
            limits=limits,
        )
