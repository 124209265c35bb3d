"""Settings from one TOML file and the environment, frozen and typed.

The file is read first; an environment variable overrides one value of it, with `__` between the levels:
`DIRECTFLOW_GATEWAY__SERVER__PORT=7000` is `port` of `[server]`. Unknown keys are refused by name, in both places.
"""

import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_settings import EnvSettingsSource
from pydantic_settings import SettingsError as UnreadableVariable

from directflow_runtime.loopback import is_loopback_host, is_loopback_target

NESTED_DELIMITER = "__"
DEVELOPMENT = "development"
"""The identity of a plaintext peer on loopback."""
ALLOWED = "allow_plaintext_beyond_loopback = true"
FILES_OF_A_SECRET = {"certificate_file": "tls.crt", "key_file": "tls.key", "ca_file": "ca.crt"}


class SettingsError(Exception):
    """A setting that cannot be used, named. The message never holds a value: it may be a secret."""


class SettingsModel(BaseModel):
    """One section of a settings file: frozen, and strict about its keys. Errors never show the input."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """No value: where secrets lie, and whose databases are where, is for those who may read the file."""
        return ()


class TlsSettings(SettingsModel):
    """Files of one side of a TLS connection, PEM; read again when they change.

    `directory` stands for `tls.crt`, `tls.key` and `ca.crt` in it: what cert-manager writes into a Secret.
    """

    certificate_file: Path
    key_file: Path
    ca_file: Path
    """The authorities, one or more, of which one must have signed the other side's certificate."""

    @model_validator(mode="before")
    @classmethod
    def _spell_directory_out(cls, given: Any) -> Any:
        if not isinstance(given, dict) or not isinstance(given.get("directory"), str | Path):
            return given
        directory = Path(given["directory"])
        files = {name: directory / file for name, file in FILES_OF_A_SECRET.items()}
        return files | {name: value for name, value in given.items() if name != "directory"}


class ServerSettings(SettingsModel):
    """`[server]`: where a service listens, and what it lets one call cost."""

    host: str = "127.0.0.1"
    port: int = Field(default=0, ge=0, le=65535)
    """0: a free port; the announce file tells which."""
    health_host: str = ""
    """Empty: the same host."""
    health_port: int = Field(default=0, ge=0, le=65535)
    """Health has its own plaintext port: native Kubernetes probes present no certificate."""
    tls: TlsSettings | None = None
    """None: plaintext, which is for loopback, and there only for `identity.allow_development`."""
    allow_plaintext_beyond_loopback: bool = False
    """For a service mesh that encrypts by itself. Its peers are nobody without `identity.plaintext_peers_are`."""
    reflection: bool = True
    max_receive_bytes: int = Field(default=16 * 1024 * 1024, gt=0)
    max_unary_deadline_s: float = Field(default=300.0, gt=0)
    """A later deadline is clipped to this."""
    max_stream_deadline_s: float = Field(default=3600.0, gt=0)
    idle_write_s: float = Field(default=30.0, gt=0)
    """A stream whose reader takes nothing for this long ends with IDLE_TIMEOUT."""
    max_connection_age_s: float = Field(default=3600.0, ge=0)
    """GOAWAY after this age, with a grace above the longest stream. 0: connections live for ever, also those of clients
    that would have to connect anew to show a renewed certificate; with the old one they are nobody once it ends."""
    lame_duck_s: float = Field(default=3.0, ge=0)
    """After SIGTERM: how long new calls are still served while NOT_SERVING makes its way through the cluster."""
    drain_grace_s: float = Field(default=30.0, ge=0)
    """After the lame duck: how long running calls may still take."""
    announce_file: Path | None = None
    """Written once serving: JSON with service, pid, port and health_port."""
    parent_pid: int = Field(default=0, ge=0)
    """0: off. Else the service ends, gracefully, when this process is gone."""

    @model_validator(mode="after")
    def _refuse_plaintext(self) -> Self:
        if self.tls is None and not self.allow_plaintext_beyond_loopback and not is_loopback_host(self.host):
            raise ValueError(f"host is beyond loopback and there is no tls: set tls, or {ALLOWED}")
        return self


class ChannelSettings(SettingsModel):
    """How a service reaches another one."""

    target: str
    """"host:port"; every address behind the name is used in turn."""
    tls: TlsSettings | None = None
    """None: plaintext, for loopback."""
    server_name: str = ""
    """The name that the other side's certificate must hold; empty: the target's own."""
    allow_plaintext_beyond_loopback: bool = False
    """For a service mesh that encrypts by itself."""
    max_receive_bytes: int = Field(default=16 * 1024 * 1024, gt=0)
    default_timeout_s: float = Field(default=60.0, gt=0)
    """Of unary calls that are made outside of any RPC and name no timeout."""

    @model_validator(mode="after")
    def _refuse_plaintext(self) -> Self:
        if self.tls is None and not self.allow_plaintext_beyond_loopback and not is_loopback_target(self.target):
            raise ValueError(f"target is beyond loopback and there is no tls: set tls, or {ALLOWED}")
        return self


class TelemetrySettings(SettingsModel):
    """`[telemetry]`: where spans go."""

    otlp_endpoint: str = ""
    """"http://127.0.0.1:4317" or "https://...": OTLP over gRPC. Empty: trace ids exist, nothing is exported."""
    sample_ratio: float = Field(default=1.0, ge=0, le=1)
    """Of the calls that come without a decision; the caller's decision is kept."""
    sampled_per_s: float = Field(default=100.0, ge=0)
    """Most traces a second that callers may force by their sampled flag; beyond, theirs go on without being recorded
    here and further down. 1,000 calls of one trace count as one, each further one by itself. 0: no limit."""
    baggage: frozenset[Annotated[str, Field(pattern="^[a-zA-Z0-9_.-]{1,64}$")]] = Field(
        default=frozenset(), max_length=8
    )
    """Keys of callers' baggage that become labels of the server spans, and are handed on. No others are read."""
    schedule_delay_s: float = Field(default=0.5, gt=0)
    export_timeout_s: float = Field(default=2.0, gt=0)
    shutdown_timeout_s: float = Field(default=3.0, ge=0)
    """How long the last spans may hold up the end of the process."""
    max_queue_spans: int = Field(default=4096, gt=0)


class MetricsSettings(SettingsModel):
    """`[metrics]`: where figures go. Without a collector and without a port nothing is counted."""

    otlp: bool = True
    """Push to `telemetry.otlp_endpoint`, where there is one."""
    export_interval_s: float = Field(default=15.0, gt=0)
    """Between two pushes."""
    prometheus_port: int = Field(default=0, ge=0, le=65535)
    """GET /metrics, plaintext, on the health host. 0: off."""
    workspaces: int = Field(default=100, ge=0)
    """Workspaces that have series of their own: the first ones that come; the others share "other"."""
    connections: int = Field(default=100, ge=0)
    """The same for connections."""


class LoggingSettings(SettingsModel):
    """`[logging]`: JSON lines on stderr."""

    level: Literal["debug", "info", "warning", "error"] = "info"


class CallerSettings(SettingsModel):
    """`[[identity.callers]]`: one identity, the certificates that prove it, and what it may do."""

    name: str = Field(min_length=1)
    peers: tuple[str, ...] = ()
    """Names in its certificates, exact: a URI such as "spiffe://cluster/ns/a/sa/b", or a DNS name. No wildcards."""
    role: str = ""
    """What it is: "platform" or "developer"; for the gateway "segments", "conditions" or "developer". It says which
    methods it may call. Empty: `services` does, within what the service leaves to callers of its kind."""
    services: tuple[str, ...] = ()
    """Prefixes of method names: "directflow.gateway.v1." or "directflow.gateway.v1.QueryService/". They narrow a role;
    without a role empty means nothing."""
    workspaces: tuple[str, ...] = ()
    """Workspace ids; ["*"] for all. Empty: none."""
    may_define: bool | None = None
    """None: developers may."""

    @field_validator("peers")
    @classmethod
    def _are_exact(cls, peers: tuple[str, ...]) -> tuple[str, ...]:
        if any("*" in peer or not peer for peer in peers):
            raise ValueError("a name in full is needed: wildcards prove nothing about who calls")
        return peers


class IdentitySettings(SettingsModel):
    """`[identity]`: who may call what."""

    allow_development: bool = False
    """A plaintext peer on loopback is "development", which may do everything unless `callers` has an entry for it."""
    plaintext_peers_are: str = ""
    """The caller that every other plaintext peer is taken for: a service mesh has checked who they are, and nobody
    else can reach the port. Empty: nobody."""
    callers: tuple[CallerSettings, ...] = ()

    @model_validator(mode="after")
    def _tell_callers_apart(self) -> Self:
        names = [caller.name for caller in self.callers]
        # DNS names know no letter case.
        peers = [peer if ":" in peer else peer.lower() for caller in self.callers for peer in caller.peers]
        if len({*names}) < len(names) or len({*peers}) < len(peers):
            raise ValueError("two callers have the same name, or the same peer")
        if any(caller.name == DEVELOPMENT and caller.peers for caller in self.callers):
            raise ValueError(f"{DEVELOPMENT} is whoever calls in plaintext on loopback: it has no peers")
        if self.plaintext_peers_are and self.plaintext_peers_are not in {*names} - {DEVELOPMENT}:
            raise ValueError("plaintext_peers_are must be the name of one of the callers")
        return self


class ServiceSettings(SettingsModel):
    """What every service's settings have; a service adds its own sections."""

    server: ServerSettings = ServerSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    metrics: MetricsSettings = MetricsSettings()
    logging: LoggingSettings = LoggingSettings()
    identity: IdentitySettings = IdentitySettings()

    @model_validator(mode="after")
    def _keep_development_on_loopback(self) -> Self:
        if self.identity.allow_development and self.server.tls is None and not is_loopback_host(self.server.host):
            # Behind a mesh's sidecar, or any other proxy on this machine, everybody's address is a loopback one.
            raise ValueError("identity.allow_development is for a server that listens on loopback, or with tls")
        return self


Model = TypeVar("Model", bound=BaseModel)


def load(model: type[Model], path: Path | None, env_prefix: str, environ: Mapping[str, str] | None = None) -> Model:
    """Reads `model` from a TOML file (None: no file) and the variables that begin with `env_prefix`.

    `env_prefix` ends with "__" (`DIRECTFLOW_GATEWAY__`): with one underscore Kubernetes' own `DIRECTFLOW_GATEWAY_PORT`
    would be taken for a setting. Raises SettingsError, which names every wrong key and shows no value.
    """
    variables = os.environ if environ is None else environ
    _refuse_unknown_variables(model, env_prefix, variables)
    try:
        return model.model_validate(_merged(_from_file(path), _from_environment(model, env_prefix, variables)))
    except ValidationError as error:
        raise SettingsError("; ".join(_complaints(error))) from None


def _from_file(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from None
    except ValueError as error:  # TOML syntax, or not UTF-8: the position is told, the text is not
        raise SettingsError(f"{path} is no valid TOML{_position(error)}") from None


def _position(error: ValueError) -> str:
    _, found, position = str(error).rpartition("(at ")
    return f", at {position.rstrip(')')}" if found else ""


def _from_environment(model: type[BaseModel], prefix: str, variables: Mapping[str, str]) -> dict[str, Any]:
    fields: Any = model  # declared as a BaseSettings; what it needs is a model's fields
    source = EnvSettingsSource(fields, env_prefix=prefix, env_nested_delimiter=NESTED_DELIMITER)
    source.env_vars = {name.lower(): value for name, value in variables.items()}
    try:
        return source()
    except UnreadableVariable as error:  # a list that is no JSON; the message names the section and holds no value
        raise SettingsError(f"a variable under {prefix} does not parse: {error}") from None


def _merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(under)
    for key, value in over.items():
        below: Any = merged.get(key)
        both_are_sections = isinstance(below, dict) and isinstance(value, dict)
        merged[key] = _merged(below, value) if both_are_sections else value
    return merged


def _refuse_unknown_variables(model: type[BaseModel], prefix: str, variables: Mapping[str, str]) -> None:
    """pydantic-settings ignores a variable whose first level is no field: a typing error would go unnoticed."""
    known = {name.lower() for name in model.model_fields}
    for name in variables:
        section = name[len(prefix) :].split(NESTED_DELIMITER)[0].lower()
        if name.lower().startswith(prefix.lower()) and section not in known:
            raise SettingsError(f"unknown setting {name}")


def _complaints(error: ValidationError) -> Iterator[str]:
    for item in error.errors(include_input=False, include_url=False, include_context=False):
        where = ".".join(str(part) for part in item["loc"])
        unknown = item["type"] == "extra_forbidden"
        yield f"unknown setting {where}" if unknown else f"{where}: {item['msg']}"
