"""What the processes of a site are started with: settings files in a folder of their own, everything logged."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from directflow_cli.dev import toml
from directflow_cli.dev.processes import ServicePlan

WORKSPACE = "demo"
MODULES = {name: f"directflow_{name}" for name in ("gateway", "segments", "conditions")}
VAULT_ROLE = "{connection}_{workspace}"
"""The connection first: Vault puts the beginning of a role's name into the names of its users."""
Section = Mapping[str, toml.Setting]
PLACES: Mapping[str, Section] = {engine: {"role": VAULT_ROLE} for engine in ("vault_dynamic", "vault_static")}


class Sections(Protocol):
    """[vault] and [vault.login] of a gateway."""

    def sections(self) -> str:
        """As TOML."""
        ...


def connection_name(id: str) -> str:
    return f"workspaces/{WORKSPACE}/connections/{id}"


def vault_role(id: str) -> str:
    """The role of a connection in Vault's database engine."""
    return VAULT_ROLE.format(connection=id, workspace=WORKSPACE)


@dataclass(frozen=True)
class Login:
    """How a gateway proves to Vault who it is: an AppRole's two files."""

    address: str
    role_id_file: Path
    secret_id_file: Path
    request_timeout_s: float

    def sections(self) -> str:
        vault: Section = {"address": self.address, "request_timeout_s": self.request_timeout_s}
        login: Section = {
            "method": "approle",
            "role_id_file": str(self.role_id_file),
            "secret_id_file": str(self.secret_id_file),
        }
        return toml.section("vault", vault) + toml.section("vault.login", login)


class Plans:
    """Writes settings files; spans go to `otlp`, and each service says at level debug what it does."""

    def __init__(self, folder: Path, otlp: str) -> None:
        self.folder = folder
        self._otlp = otlp

    def credential_file(self, id: str) -> Path:
        """Where the gateways look for a credential of kind FILE."""
        return self.folder / "credentials" / WORKSPACE / id

    def gateway(
        self,
        name: str,
        login: Sections,
        connections: Iterable[Section],
        places: Mapping[str, Section] = PLACES,
        more: str = "",
    ) -> ServicePlan:
        """`places`: sections below [credentials], where Vault has them."""
        files = f"{self.folder}/credentials/{{workspace}}/{{connection}}"
        return self._plan(
            name,
            login.sections(),
            toml.section("credentials", {"path": files}),
            *(toml.section(f"credentials.{engine}", place) for engine, place in places.items()),
            toml.section("egress", {"allow_loopback": True}),
            *(toml.element("connections", one) for one in connections),
            more,
        )

    def follower(self, name: str, gateway: str, definitions: str) -> ServicePlan:
        """segments or conditions, on a gateway."""
        return self._plan(name, toml.section("gateway", {"target": gateway}), definitions)

    def _plan(self, name: str, *parts: str) -> ServicePlan:
        folder = self.folder / name
        folder.mkdir(parents=True)
        service = name.partition("-")[0]
        announce, config = folder / "announce.json", folder / f"{name}.toml"
        config.touch(mode=0o600)
        config.write_text("".join([*self._shared(announce), *parts]))
        return ServicePlan(name, MODULES[service], config, announce)

    def _shared(self, announce: Path) -> list[str]:
        server: Section = {
            "announce_file": str(announce),
            "parent_pid": os.getpid(),
            "lame_duck_s": 0.0,
            "drain_grace_s": 2.0,
        }
        telemetry: Section = {
            "otlp_endpoint": f"http://{self._otlp}",
            "schedule_delay_s": 0.2,
            "shutdown_timeout_s": 1.0,
        }
        return [
            toml.section("server", server),
            toml.section("telemetry", telemetry),
            toml.section("logging", {"level": "debug"}),
            toml.section("identity", {"allow_development": True}),
        ]
