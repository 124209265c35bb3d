"""Where the services are: the flag, else the environment (typer reads both), else the `directflow dev` that runs."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import typer
from directflow_runtime.settings import ChannelSettings, TelemetrySettings, TlsSettings

from directflow_cli.dev import state

Service = Literal["gateway", "segments", "conditions"]

OTLP_VARIABLES: Final = ("DIRECTFLOW_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
TLS_VARIABLES: Final = {
    "certificate_file": "DIRECTFLOW_TLS_CERTIFICATE",
    "key_file": "DIRECTFLOW_TLS_KEY",
    "ca_file": "DIRECTFLOW_TLS_CA",
}


@dataclass(frozen=True, slots=True)
class Target:
    """One service to call, in one workspace."""

    channel: ChannelSettings
    telemetry: TelemetrySettings
    workspace: str
    """The workspace's id; empty where nobody named one."""


def find(service: Service, endpoint: str, workspace: str) -> Target:
    """The service at `endpoint`, or that of the running `directflow dev`; BadParameter where there is neither."""
    run = None if endpoint and workspace else state.running()
    address = endpoint or (getattr(run, service) if run else "")
    if not address:
        flag, variable = f"--{service}", f"DIRECTFLOW_{service.upper()}"
        raise typer.BadParameter(f"where is {service}? Give {flag}, set {variable}, or start `directflow dev`")
    # Spans go to the local run's receiver only when the call goes to the local run.
    collector = f"http://{run.otlp}" if run and not endpoint else ""
    return Target(
        ChannelSettings(target=address, tls=_tls()),
        TelemetrySettings(otlp_endpoint=_configured_collector() or collector, schedule_delay_s=0.1),
        workspace or (run.workspace if run and not endpoint else ""),
    )


def _configured_collector() -> str:
    return next((value for name in OTLP_VARIABLES if (value := os.environ.get(name))), "")


def _tls() -> TlsSettings | None:
    given = {field: os.environ[name] for field, name in TLS_VARIABLES.items() if os.environ.get(name)}
    if not given:
        return None
    if len(given) < len(TLS_VARIABLES):
        raise typer.BadParameter(f"TLS needs all of {', '.join(TLS_VARIABLES.values())}")
    return TlsSettings(**{field: Path(path) for field, path in given.items()})
