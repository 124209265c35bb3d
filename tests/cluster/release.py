"""The chart, with the values that an operator with a Vault, a PostgreSQL and certificates of his own gives."""

import json
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ..certificates import Authority
from ..tools import tool
from . import manifests, vault
from .clients import PYTHON, WORKSPACE, spiffe
from .databases import OWN, Postgres
from .kubectl import Manifest, apply, execute, is_ready, objects, ok, run

CHART = Path(__file__).parents[2] / "deploy" / "helm" / "directflow"
NAME = "directflow"
"""Of the release; with this one the chart names everything `directflow-...`."""
TRUST_DOMAIN = "cluster.test"
SERVICES = ("gateway", "segments", "conditions")
DOMAIN = "cluster.local"
PORT = 7400
LONGEST_STREAM_S = 240
READY_S = 240
LOG_S = 60.0
KINDS = (
    "all,configmaps,secrets,serviceaccounts,networkpolicies,poddisruptionbudgets,horizontalpodautoscalers,"
    "roles,rolebindings,jobs,persistentvolumeclaims"
)


def helm() -> str:
    """Of the machine, else of `make tools`."""
    return shutil.which("helm") or str(tool("helm"))


def image() -> tuple[str, str]:
    """Repository and tag of the image that the nodes have; what `make image` makes, unless another is named."""
    version = yaml.safe_load((Path(CHART) / "Chart.yaml").read_text())["appVersion"]
    name = manifests.image("DIRECTFLOW_CLUSTER_IMAGE", f"localhost/directflow/directflow:{version}")
    repository, _, tag = name.rpartition(":")
    return repository, tag


@dataclass(frozen=True)
class Release:
    """One that is, or will be, installed."""

    namespace: str
    values: Path

    def account(self, service: str) -> str:
        return f"{NAME}-{service}"

    def target(self, service: str) -> str:
        return f"{NAME}-{service}.{self.namespace}.svc.{DOMAIN}:{PORT}"

    @property
    def targets(self) -> dict[str, str]:
        return {service: self.target(service) for service in SERVICES}

    def install(self, **changed: Any) -> str:
        """Installs, or upgrades to what differs from the values; returns when every pod is ready."""
        sets = [part for key, value in changed.items() for part in ("--set-json", f"{key}={json.dumps(value)}")]
        return ok(
            helm(), "upgrade", "--install", NAME, str(CHART), "-n", self.namespace, "-f", str(self.values), *sets,
            "--wait", f"--timeout={READY_S}s", timeout=READY_S + 30,
        )  # fmt: skip

    def test(self) -> "subprocess.CompletedProcess[str]":
        """`helm test`. Its pod goes where it passes: there is no log to ask for."""
        return run(helm(), "test", NAME, "-n", self.namespace, "--timeout=120s", timeout=150)

    def uninstall(self) -> None:
        ok(helm(), "uninstall", NAME, "-n", self.namespace, "--wait", "--timeout=180s", timeout=200)

    def pods(self, service: str) -> list[Manifest]:
        """Those that serve."""
        selector = f"app.kubernetes.io/instance={NAME},app.kubernetes.io/component={service}"
        return [pod for pod in objects("pods", self.namespace, selector) if is_ready(pod)]

    def names(self, service: str) -> list[str]:
        return [pod["metadata"]["name"] for pod in self.pods(service)]

    def left(self) -> list[str]:
        """Everything that has the release's label."""
        found = objects(KINDS, self.namespace, f"app.kubernetes.io/instance={NAME}")
        return [f"{one['kind']}/{one['metadata']['name']}" for one in found]

    def log(self, pod: str) -> list[dict[str, Any]]:
        lines = ok("kubectl", "-n", self.namespace, "logs", pod, "--tail=-1").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    @contextmanager
    def drained(self, *pods: str) -> Iterator[dict[str, int]]:
        """How many calls each of the pods was still serving when it was told to stop; known behind the block."""
        line = ("kubectl", "-n", self.namespace, "logs", "-f", "--tail=0")
        running: dict[str, int] = {}
        with ExitStack() as stack:
            logs = {
                pod: stack.enter_context(subprocess.Popen([*line, pod], stdout=subprocess.PIPE, text=True))
                for pod in pods
            }
            try:
                yield running
                for pod, log in logs.items():
                    events = [json.loads(line) for line in log.communicate(timeout=LOG_S)[0].splitlines()]
                    running[pod] = next(event["running"] for event in events if event["event"] == "draining")
            finally:
                for log in logs.values():
                    log.kill()

    def calls(self, service: str, method: str) -> Counter[str]:
        """How often each pod has served a method, by its log; "Service/Method" is the end of its name."""
        return Counter(
            pod
            for pod in self.names(service)
            for line in self.log(pod)
            if line.get("event") == "call" and str(line.get("method", "")).endswith(method)
        )

    def python(self, service: str, program: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Runs Python inside one of the service's pods."""
        pod = self.names(service)[0]
        line = ("sh", "-c", PYTHON, "python", "-", *arguments)
        return execute(self.namespace, pod, *line, stdin=program, container=service)

    def wait_for(self, service: str, replicas: int, within_s: float = 120.0) -> None:
        ends_at = time.monotonic() + within_s
        while len(self.names(service)) != replicas:
            assert time.monotonic() < ends_at, f"{self.names(service)} serve, not {replicas}"
            time.sleep(0.5)

    def wait_until_gone(self, pods: Collection[str], within_s: float) -> None:
        """Until no pod of these names is there, not even one on its way out."""
        ends_at = time.monotonic() + within_s
        while left := {pod["metadata"]["name"] for pod in objects("pods", self.namespace)}.intersection(pods):
            assert time.monotonic() < ends_at, f"{sorted(left)} are still there"
            time.sleep(0.5)


def prepare(namespace: str, clients: str, backends: str, authority: Authority, postgres: Postgres, at: vault.Vault,
            folder: Path) -> Release:  # fmt: skip
    """What has to be there before the chart: Secrets with certificates, Vault's authority; and the values."""
    release = Release(namespace, folder / "values.yaml")
    apply(
        [
            *(_certificate(release, authority, service) for service in (*SERVICES, "test")),
            manifests.config_map("vault-ca", namespace, {"ca.crt": at.authority}),
        ]
    )
    release.values.write_text(json.dumps(_values(release, clients, backends, postgres, at)))
    return release


def _certificate(release: Release, authority: Authority, service: str) -> Manifest:
    host = f"{NAME}-{service}"
    names = [host, *(f"{host}.{release.namespace}{end}" for end in ("", ".svc", f".svc.{DOMAIN}"))]
    uri = f"URI:{spiffe(TRUST_DOMAIN, release.namespace, release.account(service))}"
    issued = authority.issue(uri, *(f"DNS:{name}" for name in names), common_name=service)
    files = {"tls.crt": issued.certificate, "tls.key": issued.key, "ca.crt": authority.root}
    return manifests.secret(f"{host}-tls", release.namespace, files)


def _values(release: Release, clients: str, backends: str, postgres: Postgres, at: vault.Vault) -> dict[str, Any]:
    repository, tag = image()
    in_clients = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": clients}}}]
    in_backends = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": backends}}}]
    platform = _caller("platform", clients)
    developer = _caller("developer", clients)
    component = {
        "replicas": 2,
        "autoscaling": {"enabled": False},
        "drain": {"longestStreamSeconds": LONGEST_STREAM_S},
        "resources": {"requests": {"cpu": "50m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}},
    }
    segments = {**component, "audience": {"memoryBytes": 268435456, "diskBytes": 268435456}}
    return {
        "image": {"repository": repository, "tag": tag},
        "tls": {
            "certManager": {"enabled": False},
            "existingSecrets": {service: f"{NAME}-{service}-tls" for service in (*SERVICES, "test")},
        },
        "identity": {
            "trustDomain": TRUST_DOMAIN,
            "callers": {
                "gateway": [developer],
                "segments": [platform, developer],
                "conditions": [platform, developer],
            },
        },
        "gateway": component,
        "segments": segments,
        "conditions": component,
        "vault": {"address": at.address, "ca": {"configMap": "vault-ca"}, "auth": {"audience": vault.AUDIENCE}},
        "database": {
            "enabled": True, "host": postgres.host, "name": OWN, "caPem": postgres.authority,
            "credentialKind": "vault-kv",
        },
        "networkPolicy": {
            "clients": in_clients,
            "gatewayClients": in_clients,
            "vault": {"to": in_backends},
            "databases": [{"to": in_backends, "ports": [5432]}],
            "database": {"to": in_backends},
        },
    }  # fmt: skip


def _caller(name: str, clients: str) -> Mapping[str, Any]:
    peer = spiffe(TRUST_DOMAIN, clients, name)
    return {"name": name, "role": name, "peers": [peer], "workspaces": [WORKSPACE]}
