"""What each process is started with, and in which order."""

from pathlib import Path
from typing import Any

from directflow_cli.dev.directflow_database import DirectFlowDatabase
from directflow_cli.dev.processes import ServicePlan
from directflow_cli.dev.settings_files import SettingsFiles

from ...ports import free_port
from .system import System

NARROW = """
[[identity.callers]]
name = "development"
services = ["directflow."]
workspaces = ["a"]
may_define = true
"""
TRUSTS_NO_TEXT = """
[[identity.callers]]
name = "development"
services = ["directflow."]
workspaces = ["*"]

[definitions]
owners = { dataSources = "development", conditions = "development" }
"""


class Replicas:
    """Settings files of every process, each in a folder of its own."""

    def __init__(self, folder: Path, otlp: str) -> None:
        self._folder = folder
        self._otlp = otlp

    def _files(self, name: str, **ports: int) -> SettingsFiles:
        folder = self._folder / name
        folder.mkdir(parents=True)
        return SettingsFiles(folder, {"gateway": 0, "segments": 0, "conditions": 0, **ports}, self._otlp)

    def gateway(self, name: str, passwords: Any, own: DirectFlowDatabase, more: str = "") -> ServicePlan:
        """On a port that it gets again after a restart."""
        plan = self._files(name, gateway=free_port()).empty_gateway(passwords, own)
        return extended(plan, more)

    def follower(self, name: str, gateway: str, more: str = "") -> ServicePlan:
        files = self._files(name)
        plan = files.segments(gateway, None) if name.startswith("segments") else files.conditions(gateway, None)
        return extended(plan, more)


def extended(plan: ServicePlan, more: str) -> ServicePlan:
    with plan.config.open("a") as file:
        file.write(more)
    return plan


def start_all(at: System, files: Replicas, passwords: Any) -> None:
    """Three gateways at once on a database that is empty, then everybody who follows one."""
    identities = {"gateway-1": TRUSTS_NO_TEXT, "gateway-2": "", "gateway-3": NARROW}
    at.start({name: files.gateway(name, passwords, at.own, more) for name, more in identities.items()})
    first, second = (at.processes[name].address for name in ("gateway-1", "gateway-2"))
    at.start(
        {
            "segments-1": files.follower("segments-1", first),
            "conditions-1": files.follower("conditions-1", first),
            "segments-2": files.follower("segments-2", second, NARROW),
            "conditions-2": files.follower("conditions-2", second, NARROW),
        }
    )
