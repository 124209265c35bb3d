"""The settings files of the three services for a local run: the same shape as anywhere else, on loopback."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from directflow_cli.dev import toml
from directflow_cli.dev.custody import Custody, PrivateFiles, write_private
from directflow_cli.dev.customer import CustomerDatabase
from directflow_cli.dev.directflow_database import DirectFlowDatabase
from directflow_cli.dev.processes import ServicePlan

WORKSPACE = "demo"
CONNECTION = "customer"
DRAIN_SECONDS = 2.0
EXPORT_DELAY_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class SettingsFiles:
    """Writes them into `directory`; `otlp` is the host:port that spans go to."""

    directory: Path
    ports: dict[str, int]
    otlp: str
    custody: Custody | None = None
    """Who has the gateway's passwords; None: private files in `directory`."""

    def gateway(
        self, database: CustomerDatabase, *, own_database: bool, directflow: DirectFlowDatabase | None = None
    ) -> ServicePlan:
        """The gateway with the one connection, whose password goes into custody. Nothing else ever sees it.

        `directflow` is DirectFlow's own database; without one nothing is known of engagement.
        """
        self._custody.keep(WORKSPACE, CONNECTION, database.password)
        connection: dict[str, toml.Setting] = {
            "workspace": WORKSPACE,
            "id": CONNECTION,
            "host": database.host,
            "port": database.port,
            "database": database.database,
            "user": database.user,
            "sslmode": database.sslmode,
            "ca_pem": database.ca_pem,
            "credential_kind": self._custody.kind,
        }
        if own_database:
            # A developer's own database may be theirs as superuser, and without a password: told, not refused.
            connection |= {"role_policy": "dev", "require_scram": False}
        return self._gateway(toml.element("connections", connection), directflow)

    def empty_gateway(self, passwords: Mapping[tuple[str, str], str], directflow: DirectFlowDatabase) -> ServicePlan:
        """A gateway that knows no connection yet, and the passwords of those (workspace, id) that will be saved."""
        for (workspace, connection), password in passwords.items():
            self._custody.keep(workspace, connection, password)
        return self._gateway("", directflow)

    @property
    def _custody(self) -> Custody:
        return self.custody or PrivateFiles(self.directory)

    def _gateway(self, connections: str, directflow: DirectFlowDatabase | None) -> ServicePlan:
        return self._plan(
            "gateway",
            "directflow_gateway",
            self._custody.settings(),
            toml.section("egress", {"allow_loopback": True}),
            connections,
            self._directflow_database(directflow) if directflow else "",
        )

    def segments(self, gateway: str, definitions: Path | None) -> ServicePlan:
        """segments with the data sources of `definitions`."""
        return self._plan("segments", "directflow_segments", _channel(gateway), _text(definitions))

    def conditions(self, gateway: str, definitions: Path | None) -> ServicePlan:
        """conditions with the conditions of `definitions`."""
        return self._plan("conditions", "directflow_conditions", _channel(gateway), _text(definitions))

    def _directflow_database(self, found: DirectFlowDatabase) -> str:
        place: dict[str, toml.Setting] = {
            "host": found.host,
            "port": found.port,
            "database": found.database,
            "sslmode": "disable",
            "require_scram": True,
        }
        return toml.section("directflow_database", {**place, **self._custody.keep_own(found.roles)})

    def _plan(self, name: str, module: str, *parts: str) -> ServicePlan:
        announce, config = self.directory / f"{name}.json", self.directory / f"{name}.toml"
        write_private(config, "".join([*self._shared(name, announce), *parts]))
        return ServicePlan(name, module, config, announce)

    def _shared(self, name: str, announce: Path) -> list[str]:
        server: dict[str, toml.Setting] = {
            "host": "127.0.0.1",
            "port": self.ports[name],
            "health_port": 0,
            "announce_file": str(announce),
            "parent_pid": os.getpid(),  # a SIGKILLed `directflow dev` leaves no services behind
            "lame_duck_s": 0.0,
            "drain_grace_s": DRAIN_SECONDS,
        }
        telemetry: dict[str, toml.Setting] = {
            "otlp_endpoint": f"http://{self.otlp}",
            "schedule_delay_s": EXPORT_DELAY_SECONDS,
            "shutdown_timeout_s": 1.0,
        }
        return [
            toml.section("server", server),
            toml.section("telemetry", telemetry),
            toml.section("identity", {"allow_development": True}),
        ]


def _channel(gateway: str) -> str:
    return toml.section("gateway", {"target": gateway})


def _text(definitions: Path | None) -> str:
    return definitions.read_text() if definitions else ""
