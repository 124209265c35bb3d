"""Where the services are.

The flag says it, else the environment (typer reads both), else the context, else the `directflow dev` that runs.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import typer
from directflow_runtime.settings import ChannelSettings, TelemetrySettings, TlsSettings

from directflow_cli.commands import contexts
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
    """The service at `endpoint`, of the context, or of the running `directflow dev`; BadParameter without any."""
    chosen = contexts.active()
    context = chosen or contexts.Context()
    endpoint, workspace = endpoint or getattr(context, service), workspace or context.workspace
    run = None if chosen or (endpoint and workspace) else state.running()
    address = endpoint or (getattr(run, service) if run else "")
    if not address:
        flag, variable = f"--{service}", f"DIRECTFLOW_{service.upper()}"
        raise typer.BadParameter(
            f"where is {service}? Give {flag}, set {variable}, `directflow context use` one, or start `directflow dev`"
        )
    # Spans go to the local run's receiver only when the call goes to the local run.
    collector = f"http://{run.otlp}" if run and not endpoint else ""
    return Target(
        ChannelSettings(target=address, tls=_tls(context if endpoint else contexts.Context())),
        TelemetrySettings(otlp_endpoint=_configured_collector() or collector, schedule_delay_s=0.1),
        workspace or (run.workspace if run and not endpoint else ""),
    )


def workspace_hint(workspace: str) -> str:
    """The workspace that `find` would settle on; empty where nobody names one."""
    chosen = contexts.active()
    run = None if workspace or chosen else state.running()
    return workspace or (chosen.workspace if chosen else "") or (run.workspace if run else "")


def _configured_collector() -> str:
    return next((value for name in OTLP_VARIABLES if (value := os.environ.get(name))), "")


def _tls(context: contexts.Context) -> TlsSettings | None:
    """From the environment, file by file, else from the context."""
    given: dict[str, Path] = {}
    for field, name in TLS_VARIABLES.items():
        if path := os.environ.get(name) or getattr(context, f"tls_{field}"):
            given[field] = Path(path)
    if not given:
        return None
    if len(given) < len(TLS_VARIABLES):
        known = (
            f"{', '.join(TLS_VARIABLES.values())}, or of the context's tls_certificate_file, tls_key_file, tls_ca_file"
        )
        raise typer.BadParameter(f"TLS needs all of {known}")
    return TlsSettings(**given)
