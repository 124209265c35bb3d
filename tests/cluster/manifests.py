"""The manifests of the test's own pods: all of them such as a namespace with restricted Pod Security admits."""

import base64
import os
from collections.abc import Mapping, Sequence
from typing import Any

from .kubectl import Manifest

RESTRICTED = {
    "pod-security.kubernetes.io/enforce": "restricted",
    "pod-security.kubernetes.io/enforce-version": "latest",
}
CONTAINER_SECURITY = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
MOST_MEMORY = "1Gi"


def image(variable: str, default: str) -> str:
    """An image that the cluster's nodes have or can pull."""
    return os.environ.get(variable) or default


def namespace(name: str, run: str) -> Manifest:
    """One that enforces restricted Pod Security; all of a run share a label."""
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "labels": {**RESTRICTED, "directflow-cluster-test": run}},
    }


def secret(name: str, namespace: str, files: Mapping[str, bytes]) -> Manifest:
    data = {key: base64.b64encode(content).decode() for key, content in files.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": namespace}, "data": data}


def config_map(name: str, namespace: str, files: Mapping[str, str]) -> Manifest:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": dict(files)}


def service(name: str, namespace: str, port: int) -> Manifest:
    """In front of the pod of the same name."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"selector": {"app": name}, "ports": [{"port": port}]},
    }


def service_account(name: str, namespace: str) -> Manifest:
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": namespace}}


def pod(
    name: str,
    namespace: str,
    image: str,
    command: Sequence[str],
    *,
    user: int,
    volumes: Mapping[str, Mapping[str, Any]],
    ready: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    account: str = "",
    cpu: str = "100m",
) -> Manifest:
    """A pod with one container. `volumes`: by the place where each is mounted; `ready`: a command that says so; `cpu`:
    its share, where the node has too little."""
    named = [(f"volume-{number}", place, source) for number, (place, source) in enumerate(volumes.items())]
    container: dict[str, Any] = {
        "name": name,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": list(command),
        "env": [{"name": key, "value": value} for key, value in (env or {}).items()],
        "securityContext": CONTAINER_SECURITY,
        "resources": {"requests": {"cpu": cpu, "memory": "64Mi"}, "limits": {"memory": MOST_MEMORY}},
        "volumeMounts": [{"name": volume, "mountPath": place} for volume, place, _ in named],
    }
    if ready:
        container["readinessProbe"] = {"exec": {"command": list(ready)}, "periodSeconds": 1, "timeoutSeconds": 5}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": {"app": name}},
        "spec": {
            "containers": [container],
            "volumes": [{"name": volume, **source} for volume, _, source in named],
            "securityContext": {
                "runAsNonRoot": True, "runAsUser": user, "runAsGroup": user, "fsGroup": user,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "serviceAccountName": account or "default",
            "automountServiceAccountToken": bool(account),
            "terminationGracePeriodSeconds": 1,
            "enableServiceLinks": False,
        },
    }  # fmt: skip


def from_secret(name: str) -> dict[str, Any]:
    return {"secret": {"secretName": name, "defaultMode": 0o440}}


def from_config_map(name: str) -> dict[str, Any]:
    return {"configMap": {"name": name}}
