"""Every value does something: another one in its place is another render."""

import json
from typing import Any

import pytest
import yaml

from tests.chart.cases import DATABASE_OF_FILES, DATABASE_OF_VAULT, OWN_CERTIFICATES, SOMEBODY, WATCHED
from tests.chart.rendering import CHART, COMPONENTS, Engine, Values, merged, nested

SCHEMA: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text())
PEERS = [{"ipBlock": {"cidr": "10.99.0.0/16"}}]
OTHER: dict[str, Any] = {
    "callers.gateway": [SOMEBODY],
    "callers.segments": [SOMEBODY],
    "callers.conditions": [SOMEBODY],
    "image.pullSecrets": ["registry"],
    "image.digest": f"sha256:{'1' * 64}",
    "certManager.duration": "25h",
    "certManager.renewBefore": "9h",
    "segments.drain.longestStreamSeconds": 1799,
    "conditions.drain.longestStreamSeconds": 1799,
    "audience.memoryBytes": 1 << 29,
    "rollout.maxConnectionAgeSeconds": 30,
    "pools.sessionsPerDatabase": 40,
    "vault.address": "https://other.example:8200",
    "database.credentialKind": "vault-dynamic",
    "database.vaultPath": "other/{role}",
    "database.caPem": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    "telemetry.otlpEndpoint": "http://other.example:4317",
    "serviceMonitor.interval": "31s",
    "prometheusRule.runbookBaseUrl": "https://other.example/",
    "networkPolicy.clients": PEERS,
    "networkPolicy.gatewayClients": PEERS,
    "networkPolicy.monitoring": PEERS,
    "networkPolicy.databases": [{"to": PEERS, "ports": [5432]}],
    "to": PEERS,
    "test.workspace": "other",
    "resources": {"limits": {"memory": "3Gi"}},
    "settings": {"logging": {"level": "debug"}},
    "podAnnotations": {"a": "b"},
    "podLabels": {"a": "b"},
    "labels": {"a": "b"},
    "nodeSelector": {"a": "b"},
    "tolerations": [{"key": "a", "operator": "Exists"}],
    "affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}},
    "extraVolumes": [{"name": "a", "emptyDir": {"sizeLimit": "1Mi"}}],
    "extraVolumeMounts": [{"name": "tmp", "mountPath": "/var/tmp"}],
}
"""What to put in a value's place, by the end of its path, where its type does not tell."""
BENEATH: dict[str, Values] = {
    "tls.existingSecrets": OWN_CERTIFICATES,
    "identity.peers": OWN_CERTIFICATES,
    **{f"{one}.replicas": nested(f"{one}.autoscaling.enabled", False) for one in COMPONENTS},
    "vault.ca.key": nested("vault.ca.configMap", "authority"),
    "database": DATABASE_OF_FILES,
    "database.enabled": nested("database", {"host": "postgres.example", "existingSecret": "logins"}),
    "database.vault": DATABASE_OF_VAULT,
    "database.credentialKind": DATABASE_OF_VAULT,
    "metrics": WATCHED,
    "metrics.enabled": {},
    "networkPolicy.database.": DATABASE_OF_FILES,
    "networkPolicy.collector": WATCHED,
}
"""Where a value matters, by the beginning of its path; the longest one counts."""
NOT_BY_ITSELF = {"tls.certManager.enabled"}
"""Values that only change together with others: alone they contradict those, which test_contradictions.py has."""


def leaves(schema: dict[str, Any], default: Any, path: str = "") -> dict[str, Any]:
    """Every value and its default."""
    if "properties" not in schema:
        return {path: default}
    found: dict[str, Any] = {}
    for key, value in default.items():
        found |= leaves(schema["properties"][key], value, f"{path}.{key}" if path else key)
    return found


def described(path: str) -> dict[str, Any]:
    found = SCHEMA
    for key in path.split("."):
        found = found["properties"][key]
    return found


def another(path: str, default: Any) -> Any:
    """A value of the same type that is none of the default's."""
    said = [value for ending, value in OTHER.items() if f".{path}".endswith(f".{ending}")]
    if said:
        return said[0]
    if isinstance(default, bool):
        return not default
    if isinstance(default, int):
        return default + 1
    assert isinstance(default, str), f"what to put in the place of {path} nobody has said"
    return next((one for one in described(path).get("enum", []) if one != default), f"{default}x")


VALUES = leaves(SCHEMA, yaml.safe_load((CHART / "values.yaml").read_text()))


def given(values: Values, path: str) -> Any:
    """The value at a path; the default where there is none."""
    for key in path.split("."):
        if key not in values:
            return VALUES[path]
        values = values[key]
    return values


@pytest.fixture(scope="module")
def texts(helm: Engine) -> "dict[str, str]":
    """What stands beneath, rendered once, by the beginning of the path."""
    return {beginning: helm.texts(values) for beginning, values in {**BENEATH, "": {}}.items()}


@pytest.mark.parametrize("path", [path for path in VALUES if path not in NOT_BY_ITSELF])
def test_another_value_is_another_render(helm: Engine, texts: dict[str, str], path: str) -> None:
    beginning = max((one for one in BENEATH if path.startswith(one)), key=len, default="")
    beneath = BENEATH.get(beginning, {})
    other = nested(path, another(path, given(beneath, path)))
    assert helm.texts(merged(beneath, other)) != texts[beginning]
