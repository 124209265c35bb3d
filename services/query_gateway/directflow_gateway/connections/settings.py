"""Connections and the egress policy as the settings file writes them."""

import ipaddress
from typing import Annotated

from directflow_runtime.settings import SettingsModel
from pydantic import Field, IPvAnyNetwork, model_validator

from directflow_gateway.connections.connection import Connection, CredentialKind, RolePolicy, SslMode
from directflow_gateway.connections.egress import EgressPolicy
from directflow_gateway.connections.limits import GREATEST_ROW_BYTES, Limits

DEFAULT = Limits()


class LimitsSettings(SettingsModel):
    """`[connections.limits]`; what each one means is said at `Limits`."""

    statement_timeout_s: float = Field(default=DEFAULT.statement_timeout_s, gt=0)
    lock_timeout_s: float = Field(default=DEFAULT.lock_timeout_s, gt=0)
    max_rows: int = Field(default=DEFAULT.max_rows, gt=0)
    max_bytes: int = Field(default=DEFAULT.max_bytes, gt=0)
    max_row_bytes: int = Field(default=DEFAULT.max_row_bytes, gt=0, le=GREATEST_ROW_BYTES)
    max_stream_age_s: float = Field(default=DEFAULT.max_stream_age_s, gt=0)
    pool_size: int = Field(default=DEFAULT.pool_size, gt=0)
    acquire_timeout_s: float = Field(default=DEFAULT.acquire_timeout_s, gt=0)

    def limits(self) -> Limits:
        return Limits(**self.model_dump())


class ConnectionSettings(SettingsModel):
    """`[[connections]]`: one customer's database. It names no secret: the credential's place is derived."""

    workspace: str
    id: str
    host: str
    port: int = 5432
    database: str
    user: str = ""
    sslmode: SslMode = SslMode.VERIFY_FULL
    ca_pem: str = ""
    require_scram: bool = True
    limits: LimitsSettings = LimitsSettings()
    allowed_functions: tuple[str, ...] = ()
    role_policy: RolePolicy = RolePolicy.REPORT
    credential_kind: CredentialKind = CredentialKind.FILE

    @model_validator(mode="after")
    def _is_a_connection(self) -> "ConnectionSettings":
        self.connection()
        return self

    def connection(self) -> Connection:
        """The connection itself. Raises ValueError for what no connection may be."""
        given = {name: getattr(self, name) for name in type(self).model_fields}
        given["limits"] = self.limits.limits()
        given["allowed_functions"] = frozenset(self.allowed_functions)
        return Connection(**given)


class EgressSettings(SettingsModel):
    """`[egress]`: where connections may lead. Link-local and metadata addresses are refused whatever stands here."""

    allow_loopback: bool = False
    allow_private: bool = True
    denied: tuple[IPvAnyNetwork, ...] = ()
    without_channel_binding: tuple[Annotated[str, Field(pattern=r"^[^:\s]+:[0-9]{1,5}$")], ...] = ()
    """"pooler.acme.example:6432": poolers that end TLS and know no channel binding, as PgBouncer. Logging in there is
    SCRAM under a verified certificate, and no more; every other server has to prove both in one."""

    def policy(self) -> EgressPolicy:
        denied = tuple(map(ipaddress.ip_network, self.denied))
        places = (place.lower().rpartition(":") for place in self.without_channel_binding)
        poolers = frozenset((host, int(port)) for host, _, port in places)
        return EgressPolicy(self.allow_loopback, self.allow_private, denied, poolers)
