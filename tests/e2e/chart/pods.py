"""The pods of a rendered chart as processes on this machine.

Nothing of the chart is changed but what a machine has otherwise than a cluster: mount paths become folders, in the text
of the settings file and of the command; ports become free ones, and the names of Services become addresses, by the
services' own environment variables. A name is still the one that the certificate must hold.
"""

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from directflow_cli.dev.processes import clean_environment

from tests.certificates import Authority
from tests.chart.rendering import NAMESPACE, Manifests
from tests.ports import free_port

CLUSTER_DOMAIN = "cluster.local"
PROGRAMS = Path(sys.executable).parent
START_S = 60.0
STOP_S = 30.0
COMMAND_S = 60.0
POLL_S = 0.02


@dataclass
class Pod:
    """A service that runs."""

    announced: Mapping[str, int]
    metrics_port: int
    log: Path
    process: "subprocess.Popen[bytes]" = field(repr=False)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.announced['port']}"


@dataclass
class Cluster:
    """What the chart finds when it is installed, and what runs of it."""

    manifests: Manifests
    folder: Path
    secrets: dict[str, Path] = field(default_factory=dict, repr=False)
    """Folders as kubelet fills them, by the name of the Secret."""
    pods: dict[str, Pod] = field(default_factory=dict)
    """By component."""

    def issue_certificates(self, authority: Authority) -> None:
        """Each Certificate becomes its Secret, with exactly the names that it asks for: cert-manager's part."""
        for name, certificate in self.manifests.of("Certificate").items():
            asked = certificate["spec"]
            names = [f"URI:{uri}" for uri in asked["uris"]] + [f"DNS:{dns}" for dns in asked.get("dnsNames", [])]
            mount = authority.mount(self.folder / "secrets" / name, *names, common_name=name)
            self.secrets[asked["secretName"]] = mount.folder

    def keep_secret(self, name: str, files: Mapping[str, str]) -> None:
        """A Secret that its users make."""
        folder = self.secrets[name] = self.folder / "secrets" / name
        folder.mkdir(parents=True)
        for key, text in files.items():
            (folder / key).write_text(text)

    @contextmanager
    def running(self, component: str) -> Iterator[Pod]:
        """The Deployment's container while the block lasts; told to stop it must drain and end with 0."""
        command, environment = self._placed(component, self.manifests.spec(component))
        announce, metrics_port = self.folder / f"{component}.json", free_port()
        environment |= self._overrides(component, announce, metrics_port)
        log = self.folder / f"{component}.log"
        with log.open("wb") as output, subprocess.Popen(
            command, env={**clean_environment(), **environment}, stdout=output, stderr=output
        ) as process:  # fmt: skip
            try:
                pod = self.pods[component] = Pod(_announced(announce, process, log), metrics_port, log, process)
                yield pod
                process.terminate()
                assert process.wait(STOP_S) == 0, log.read_text()
            finally:
                process.kill()

    def run(self, name: str, pod: dict[str, Any], **changed: str) -> "subprocess.CompletedProcess[str]":
        """The one container of a pod that ends by itself, its script instead of the chart's where that is `changed`."""
        command, environment = self._placed(name, pod)
        for variable, value in dict(environment).items():
            if value.endswith(":7400"):
                environment |= {variable: self.resolved(value), f"{variable}_SERVER_NAME": value.partition(":")[0]}
        return subprocess.run(
            [*command[:-1], changed.get("script", command[-1])],
            env={**clean_environment(), **environment, "PATH": f"{PROGRAMS}:/usr/bin:/bin"},
            capture_output=True, text=True, timeout=COMMAND_S, check=False,
        )  # fmt: skip

    def resolved(self, target: str) -> str:
        """Where a pod behind `<service>.<namespace>.svc.<domain>:<port>` listens, as a cluster's DNS has it."""
        host, _, port = target.rpartition(":")
        name, namespace, *domain = host.split(".")
        assert (namespace, ".".join(domain)) == (NAMESPACE, f"svc.{CLUSTER_DOMAIN}"), target
        service = self.manifests.of("Service")[name]["spec"]
        assert service["clusterIP"] == "None"
        (target_port,) = (one["targetPort"] for one in service["ports"] if one["port"] == int(port))
        component: str = service["selector"]["app.kubernetes.io/component"]
        ports = {one["name"]: one["containerPort"] for one in self._container(component)["ports"]}
        assert ports[target_port] == int(port), "a headless Service translates no port"
        return self.pods[component].address

    def channel(self, component: str, secret: str = "") -> grpc.aio.Channel:
        """A plain gRPC channel with the certificate in a Secret; without one it trusts, and shows nothing itself."""
        files = {
            path.name: path.read_bytes()
            for path in self.secrets[secret or f"directflow-{component}-tls"].iterdir()
            if path.is_file()
        }
        own = (files["tls.key"], files["tls.crt"]) if secret else ()
        credentials = grpc.ssl_channel_credentials(files["ca.crt"], *own)
        options = [("grpc.ssl_target_name_override", host(component)), ("grpc.use_local_subchannel_pool", 1)]
        return grpc.aio.secure_channel(self.pods[component].address, credentials, options)

    def _container(self, component: str) -> dict[str, Any]:
        found: dict[str, Any] = self.manifests.spec(component)["containers"][0]
        return found

    def _overrides(self, component: str, announce: Path, metrics_port: int) -> dict[str, str]:
        """All that differs from the settings file, by the service's own variables."""
        prefix = f"DIRECTFLOW_{component.upper()}__"
        changed = {
            "SERVER__PORT": "0", "SERVER__HEALTH_PORT": "0", "SERVER__ANNOUNCE_FILE": str(announce),
            "SERVER__HOST": "127.0.0.1", "SERVER__HEALTH_HOST": "127.0.0.1",
            "METRICS__PROMETHEUS_PORT": str(metrics_port),
        }  # fmt: skip
        if gateway := self.manifests.settings(component).get("gateway"):
            target = gateway["target"]
            changed |= {"GATEWAY__TARGET": self.resolved(target), "GATEWAY__SERVER_NAME": target.rpartition(":")[0]}
        return {prefix + name: value for name, value in changed.items()}

    def _placed(self, name: str, pod: dict[str, Any]) -> tuple[list[str], dict[str, str]]:
        """The first container's command and environment, with folders where its volumes are mounted."""
        container = pod["containers"][0]
        folders = self._mounted(name, pod, container)
        words = [*container["command"], *container.get("args", [])]
        program, *arguments = (_with_folders(word, folders) for word in words)
        variables = {one["name"]: one["value"] for one in container["env"] if "value" in one}
        environment = {variable: _with_folders(value, folders) for variable, value in variables.items()}
        own = PROGRAMS / program
        return [str(own) if own.exists() else program, *arguments], environment

    def _mounted(self, name: str, pod: dict[str, Any], container: dict[str, Any]) -> dict[str, Path]:
        """By mount path. A volume that nobody made is a KeyError: such a pod would never start."""
        volumes = {one["name"]: one for one in pod["volumes"]}
        folders: dict[str, Path] = {}
        for mount in container["volumeMounts"]:
            volume = volumes[mount["name"]]
            folder = self.folder / "volumes" / name / mount["name"]
            folders[mount["mountPath"]] = self.secrets[volume["secret"]["secretName"]] if "secret" in volume else folder
        for mount in container["volumeMounts"]:
            self._fill(volumes[mount["name"]], folders[mount["mountPath"]], folders)
        return folders

    def _fill(self, volume: dict[str, Any], folder: Path, folders: Mapping[str, Path]) -> None:
        if "secret" in volume:
            assert {item["key"] for item in volume["secret"].get("items", [])} <= {one.name for one in folder.iterdir()}
            return
        assert volume.keys() & {"emptyDir", "configMap"}, volume
        folder.mkdir(parents=True, exist_ok=True)
        if "configMap" in volume:
            for file, text in self.manifests.of("ConfigMap")[volume["configMap"]["name"]]["data"].items():
                (folder / file).write_text(_with_folders(text, folders))


def host(component: str) -> str:
    return f"directflow-{component}.{NAMESPACE}.svc.{CLUSTER_DOMAIN}"


def _with_folders(text: str, folders: Mapping[str, Path]) -> str:
    """Mount paths at the beginning of the text, or of a string in it, as their folders. At once: they lie in /tmp."""
    longest_first = "|".join(re.escape(path) for path in sorted(folders, key=len, reverse=True))
    return re.sub(rf'(?:(?<=")|\A)({longest_first})(?=[/"]|\Z)', lambda found: str(folders[found[1]]), text)


def _announced(announce: Path, process: "subprocess.Popen[bytes]", log: Path) -> Mapping[str, int]:
    """What a service says once it serves."""
    ends_at = time.monotonic() + START_S
    while not announce.exists():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < ends_at, log.read_text()
        time.sleep(POLL_S)
    found: dict[str, int] = json.loads(announce.read_text())
    return found
