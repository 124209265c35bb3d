"""The gateway's settings: one TOML file plus `DIRECTFLOW_GATEWAY__...` variables.

[[connections]]
workspace = "acme"
id = "crm"
host = "db.acme.example"
database = "app"
user = "directflow_readonly"

[credentials]
path = "/var/run/directflow/credentials/{workspace}/{connection}.json"
"""

from typing import Self

from directflow_runtime.settings import ServerSettings, ServiceSettings, SettingsModel, TelemetrySettings
from pydantic import Field, model_validator

from directflow_gateway.connections import ConnectionSettings, CredentialKind, EgressSettings
from directflow_gateway.credentials.settings import CredentialSettings
from directflow_gateway.definitions.settings import DefinitionSettings
from directflow_gateway.directflow_database import DirectFlowDatabaseSettings
from directflow_gateway.pools.settings import PoolSettings
from directflow_gateway.vault import VaultSettings


class PreparedSettings(SettingsModel):
    """`[prepared]`: the memory of statements that were described and admitted."""

    capacity: int = Field(default=1_000, gt=0)
    trusted_for_s: float = Field(default=60.0, gt=0)
    """After this time the catalogue is asked again: a customer may have created a function in the meantime."""


class GatewayTelemetrySettings(TelemetrySettings):
    """`[telemetry]` of the gateway."""

    sampled_per_s: float = Field(default=0.0, ge=0)
    """0: no limit. Who calls the gateway is one of ours, and has limited what its own callers may force."""
    statement_text: bool = True
    """False: spans hold no `db.query.text`, though every literal in it is replaced."""


class GatewayServerSettings(ServerSettings):
    """`[server]` of the gateway."""

    idle_write_s: float = Field(default=120.0, gt=0)
    """More than that of segments and conditions, which judge their own readers, a message at a time: between us lie the
    megabytes of an HTTP/2 window, and a slow reader's progress gets here in leaps."""


class GatewaySettings(ServiceSettings):
    """Everything that the gateway is told."""

    server: GatewayServerSettings = GatewayServerSettings()
    telemetry: GatewayTelemetrySettings = GatewayTelemetrySettings()
    connections: tuple[ConnectionSettings, ...] = ()
    egress: EgressSettings = EgressSettings()
    vault: VaultSettings | None = None
    """None: no credential comes from Vault."""
    credentials: CredentialSettings = CredentialSettings()
    pools: PoolSettings = PoolSettings()
    prepared: PreparedSettings = PreparedSettings()
    definitions: DefinitionSettings = DefinitionSettings()
    directflow_database: DirectFlowDatabaseSettings | None = None
    """None: the engagement store and the definitions answer STORE_NOT_CONFIGURED."""

    @model_validator(mode="after")
    def _every_kind_of_credential_has_a_source(self) -> Self:
        kinds = {f"connection {one.id} of workspace {one.workspace}": one.credential_kind for one in self.connections}
        complaints = [
            f"{what}: credential_kind {kind.value} needs {needed}"
            for what, kind in kinds.items()
            if (needed := self._lacking(kind))
        ]
        own = self.directflow_database
        if own is not None and own.credential_kind is not CredentialKind.FILE and self.vault is None:
            complaints.append(f"directflow_database: credential_kind {own.credential_kind.value} needs [vault]")
        if own is not None and any(map(self.credentials.may_give, own.places())):
            complaints.append("directflow_database: its credentials lie where a connection's could be looked for")
        if complaints:
            raise ValueError("; ".join(complaints))
        return self

    def _lacking(self, kind: CredentialKind) -> str:
        if kind is CredentialKind.FILE:
            return "" if self.credentials.path else "a path under [credentials]"
        return "" if self.vault is not None else "[vault]"
