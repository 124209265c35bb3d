"""The three services as processes that trust certificates and nothing else, as in a cluster."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc
from directflow_cli.dev import toml
from directflow_cli.dev.background import BackgroundLoop
from directflow_cli.dev.directflow_database import DirectFlowDatabase
from directflow_cli.dev.processes import ServicePlan, ServiceProcess, clean_environment
from directflow_cli.dev.settings_files import SettingsFiles

from ...certificates import Authority, Mount

WORKSPACE = "demo"
SERVICES = ("gateway", "segments", "conditions")
COMMAND_S = 60


def spiffe(name: str) -> str:
    return f"spiffe://cluster.local/ns/directflow/sa/{name}"


def host(service: str) -> str:
    """What a service's certificate is made out to: not the address that the tests reach it at."""
    return f"{service}.directflow.svc"


GATEWAY_CALLERS: dict[str, dict[str, toml.Setting]] = {
    "segments": {"role": "segments", "workspaces": ["*"]},
    "conditions": {"role": "conditions", "workspaces": ["*"]},
    "segments-of-demo": {"role": "segments", "workspaces": [WORKSPACE]},
    "conditions-of-demo": {"role": "conditions", "workspaces": [WORKSPACE]},
    "developer": {"role": "developer", "workspaces": [WORKSPACE]},
    # As one would write it who thinks in prefixes.
    "generous-developer": {"services": ["directflow."], "workspaces": ["*"], "may_define": True},
    "generous-service": {"services": ["directflow."], "workspaces": ["*"]},
}
FRONT_CALLERS: dict[str, dict[str, toml.Setting]] = {
    "platform": {"role": "platform", "workspaces": [WORKSPACE]},
    "developer": {"role": "developer", "workspaces": [WORKSPACE]},
    "generous-service": {"services": ["directflow."], "workspaces": ["*"]},
}
IDENTITIES = (*GATEWAY_CALLERS, "platform", "stranger")


@dataclass
class Cluster:
    """Everything that runs, and a certificate of every identity."""

    authority: Authority
    certificates: dict[str, Mount]
    """By identity; "stranger" is signed by the same authority and is in no settings."""
    folder: Path
    processes: dict[str, ServiceProcess] = field(default_factory=dict, repr=False)

    def channel(self, service: str, identity: str, certificate: Mount | None = None) -> grpc.aio.Channel:
        """A plain gRPC channel, as any caller has one."""
        files = (certificate or self.certificates[identity]).settings
        credentials = grpc.ssl_channel_credentials(
            self.authority.root, files.key_file.read_bytes(), files.certificate_file.read_bytes()
        )
        options = [("grpc.ssl_target_name_override", host(service)), ("grpc.use_local_subchannel_pool", 1)]
        return grpc.aio.secure_channel(self.processes[service].address, credentials, options)

    def log(self, service: str) -> str:
        return self.processes[service].log.file.read_text()

    def directflow(self, identity: str, *arguments: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        """The command line as this identity, with a context and no other way to the services."""
        configuration = self.folder / f"{identity}.toml"
        addresses: dict[str, toml.Setting] = {name: self.processes[name].address for name in SERVICES}
        mounted = str(self.certificates[identity].folder)
        configuration.write_text(
            'current = "cluster"\n\n'
            + toml.section("contexts.cluster", {**addresses, "workspace": WORKSPACE, "tls_directory": mounted})
            + toml.section("contexts.cluster.server_names", {name: host(name) for name in SERVICES})
        )
        return subprocess.run(
            [sys.executable, "-m", "directflow_cli", *arguments],
            env={**clean_environment(), "DIRECTFLOW_CONFIG": str(configuration), "NO_COLOR": "1"},
            input=stdin, capture_output=True, text=True, timeout=COMMAND_S, check=False,
        )  # fmt: skip


@contextmanager
def running(folder: Path, own: DirectFlowDatabase, password: str) -> Iterator[Cluster]:
    """All three; the gateway has the password of the connection `customer`, which nobody has saved yet."""
    authority = Authority(folder / "authority")
    mounts = {
        name: authority.mount(folder / "tls" / name, *alternative_names(name)) for name in {*SERVICES, *IDENTITIES}
    }
    at = Cluster(authority, mounts, folder)
    files = SettingsFiles(folder, dict.fromkeys(SERVICES, 0), "127.0.0.1:1")
    with ExitStack() as stack:
        loop = stack.enter_context(BackgroundLoop())

        def serve(plan: ServicePlan, callers: dict[str, dict[str, toml.Setting]]) -> None:
            secured(plan, mounts, callers)
            at.processes[plan.name] = stack.enter_context(loop.entered(ServiceProcess(plan)))

        serve(files.empty_gateway({(WORKSPACE, "customer"): password}, own), GATEWAY_CALLERS)
        gateway = at.processes["gateway"].address
        serve(files.segments(gateway, None), FRONT_CALLERS)
        serve(files.conditions(gateway, None), FRONT_CALLERS)
        yield at


def alternative_names(name: str) -> tuple[str, ...]:
    return (f"URI:{spiffe(name)}", *((f"DNS:{host(name)}",) if name in SERVICES else ()))


def secured(plan: ServicePlan, mounts: dict[str, Mount], callers: dict[str, dict[str, toml.Setting]]) -> None:
    """What an operator writes to turn a development's settings into a cluster's."""
    mounted: dict[str, toml.Setting] = {"directory": str(mounts[plan.name].folder)}
    text = plan.config.read_text().replace("allow_development = true", "allow_development = false")
    text = text.replace("[gateway]\n", f'[gateway]\nserver_name = "{host("gateway")}"\n')
    text += toml.section("server.tls", mounted)
    if plan.name != "gateway":
        text += toml.section("gateway.tls", mounted)
    for name, caller in callers.items():
        text += toml.element("identity.callers", {"name": name, "peers": [spiffe(name)], **caller})
    plan.config.write_text(text)
