"""Kubernetes' own types, where a value is handed on to a manifest as it is: those of the oldest version that the chart
is for, closed."""

import json
from functools import cache
from importlib.resources import files
from typing import Any

from chart_docs.definitions import Definitions, closure, trimmed

PREFIX = "k8s:"
VOLUME = "io.k8s.api.core.v1.Volume"
RESTRICTED_VOLUMES = frozenset(
    {"name", "configMap", "csi", "downwardAPI", "emptyDir", "persistentVolumeClaim", "projected", "secret"}
)
"""What the Pod Security Standard "restricted" lets a pod have, but `ephemeral`, which is large and which nobody needs
here: the chart says no before the cluster does."""
GROUPS = ("io.k8s.api.core.v1.", "io.k8s.api.networking.v1.")


def definitions(wanted: set[str], version: str) -> Definitions:
    """Of types such as `k8s:Toleration`, and of all that they refer to. Raises KeyError for a type that is none."""
    known = _definitions(version)
    names = [_full(one.removeprefix(PREFIX), known) for one in sorted(wanted)]
    return {_short(name): trimmed(schema, _short) for name, schema in closure(names, known).items()}


@cache
def _definitions(version: str) -> dict[str, Any]:
    folder = files("kubernetes_validate").joinpath("kubernetes-json-schema", f"v{version}-local-strict")
    known: dict[str, Any] = json.loads(folder.joinpath("_definitions.json").read_text())["$defs"]
    volume = known[VOLUME]
    kept = {name: schema for name, schema in volume["properties"].items() if name in RESTRICTED_VOLUMES}
    return {**known, VOLUME: {**volume, "properties": kept}}


def _full(name: str, known: dict[str, Any]) -> str:
    return next(f"{group}{name}" for group in GROUPS if f"{group}{name}" in known)


def _short(name: str) -> str:
    return f"k8s.{name.rsplit('.', 1)[1]}"
