"""Where the services are.

The flag says it, else the environment (typer reads both), else the context, else the `directflow dev` that runs.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import typer
from directflow_runtime.settings import FILES_OF_A_SECRET, ChannelSettings, TelemetrySettings, TlsSettings
from pydantic import ValidationError

from directflow_cli.commands import contexts
from directflow_cli.dev import state

Service = Literal["gateway", "segments", "conditions"]

OTLP_VARIABLES: Final = ("DIRECTFLOW_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
TLS_VARIABLES: Final = {
    "certificate_file": "DIRECTFLOW_TLS_CERTIFICATE",
    "key_file": "DIRECTFLOW_TLS_KEY",
    "ca_file": "DIRECTFLOW_TLS_CA",
}
DIRECTORY_VARIABLE: Final = "DIRECTFLOW_TLS_DIRECTORY"
PLAINTEXT_VARIABLE: Final = "DIRECTFLOW_ALLOW_PLAINTEXT_BEYOND_LOOPBACK"


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
        _channel(service, address, context if endpoint else contexts.Context()),
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


def _channel(service: Service, address: str, context: contexts.Context) -> ChannelSettings:
    """BadParameter where TLS is missing, or half of it."""
    name = os.environ.get(f"DIRECTFLOW_{service.upper()}_SERVER_NAME") or context.server_names.get(service, "")
    allowed = context.allow_plaintext_beyond_loopback or os.environ.get(PLAINTEXT_VARIABLE) == "1"
    try:
        return ChannelSettings(
            target=address, tls=_tls(context), server_name=name, allow_plaintext_beyond_loopback=allowed
        )
    except ValidationError:
        raise typer.BadParameter(
            f"{service} is beyond this machine and no certificate is named: give the context tls_directory, or set"
            f" {DIRECTORY_VARIABLE}. Only where something else encrypts: allow_plaintext_beyond_loopback = true in the"
            f" context, or {PLAINTEXT_VARIABLE}=1"
        ) from None


def _tls(context: contexts.Context) -> TlsSettings | None:
    """From the environment, file by file or all of a directory, else from the context."""
    given: dict[str, Path] = {}
    for field, name in TLS_VARIABLES.items():
        for file, directory in (
            (os.environ.get(name), os.environ.get(DIRECTORY_VARIABLE)),
            (getattr(context, f"tls_{field}"), context.tls_directory),
        ):
            if path := file or (directory and Path(directory) / FILES_OF_A_SECRET[field]):
                given.setdefault(field, Path(path))
    if not given:
        return None
    if len(given) < len(TLS_VARIABLES):
        known = f"{', '.join(TLS_VARIABLES.values())}, or the context's tls_certificate_file, tls_key_file, tls_ca_file"
        raise typer.BadParameter(f"TLS needs all of {known}, or a directory that holds them: {DIRECTORY_VARIABLE}")
    return TlsSettings(**given)
