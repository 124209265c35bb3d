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

from directflow_runtime.settings import ServiceSettings, SettingsModel
from pydantic import Field

from directflow_gateway.connections import ConnectionSettings, EgressSettings
from directflow_gateway.definitions.settings import DefinitionSettings
from directflow_gateway.directflow_database import DirectFlowDatabaseSettings
from directflow_gateway.pools.settings import PoolSettings


class CredentialSettings(SettingsModel):
    """`[credentials]`: where the credential of a connection lies. No connection names it."""

    path: str = ""
    """Absolute file path with `{workspace}` and `{connection}`. Empty: no connection can log in."""


class PreparedSettings(SettingsModel):
    """`[prepared]`: the memory of statements that were described and admitted."""

    capacity: int = Field(default=1_000, gt=0)
    trusted_for_s: float = Field(default=60.0, gt=0)
    """After this time the catalogue is asked again: a customer may have created a function in the meantime."""


class GatewaySettings(ServiceSettings):
    """Everything that the gateway is told."""

    connections: tuple[ConnectionSettings, ...] = ()
    egress: EgressSettings = EgressSettings()
    credentials: CredentialSettings = CredentialSettings()
    pools: PoolSettings = PoolSettings()
    prepared: PreparedSettings = PreparedSettings()
    definitions: DefinitionSettings = DefinitionSettings()
    directflow_database: DirectFlowDatabaseSettings | None = None
    """None: the engagement store and the definitions answer STORE_NOT_CONFIGURED."""
