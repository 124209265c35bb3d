"""Kubernetes' own schemas, strict: what the API server would refuse or drop is an error here, and so is a kind that has
no schema."""

import json
from functools import cache
from importlib.resources import files
from typing import Any

import jsonschema
import kubernetes_validate
import yaml
from referencing import Registry, Resource

from tests.chart.rendering import CHART

OLDEST: str = yaml.safe_load((CHART / "Chart.yaml").read_text())["kubeVersion"].removeprefix(">=").removesuffix("-0")
NEWEST: str = kubernetes_validate.latest_version()
"""The newest that the pinned package knows."""
OF_OPERATORS = frozenset(
    {
        ("cert-manager.io/v1", "Certificate"),
        ("monitoring.coreos.com/v1", "ServiceMonitor"),
        ("monitoring.coreos.com/v1", "PrometheusRule"),
    }
)
"""Kinds that Kubernetes has no schema of: test_certificates.py and test_monitoring.py judge each field of theirs."""


class NoSchemaError(Exception):
    """Kubernetes of this version has no such kind, or the package no such version."""


def complaints(one: dict[str, Any], version: str) -> list[str]:
    """What Kubernetes of this version would not have of an object. Raises NoSchemaError."""
    if (one["apiVersion"], one["kind"]) in OF_OPERATORS:
        return []
    validator = _validator(one["apiVersion"], one["kind"], version)
    return [
        f"{one['kind']} {one['metadata']['name']} {error.json_path}: {error.message}"
        for error in validator.iter_errors(one)
    ]


@cache
def _validator(api_version: str, kind: str, version: str) -> jsonschema.Draft202012Validator:
    group, _, number = api_version.rpartition("/")
    suffix = "-".join(part for part in (group.split(".")[0], number) if part)
    schema = _read(f"{kind.lower()}-{suffix}.json", version)
    return jsonschema.Draft202012Validator(schema, registry=_registry(version))


@cache
def _registry(version: str) -> Registry[Any]:
    return Resource.from_contents(_read("_definitions.json", version)) @ Registry()


def _read(name: str, version: str) -> Any:
    folder = files("kubernetes_validate").joinpath("kubernetes-json-schema", f"v{version}-local-strict")
    try:
        return json.loads(folder.joinpath(name).read_text())
    except FileNotFoundError:
        raise NoSchemaError(f"no {name} of Kubernetes {version}") from None
