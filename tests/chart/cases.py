"""Values that people give: each case is rendered once, and all that must hold of every render is asked of each."""

from typing import Any

import yaml

from tests.chart.rendering import CHART, COMPONENTS, Values, merged, nested


def _example(name: str) -> Values:
    found: Values = yaml.safe_load((CHART / name).read_text())
    return found


def _each(values: Values) -> Values:
    return dict.fromkeys(COMPONENTS, values)


SOMEBODY = {"name": "flows", "role": "developer", "peers": ["spiffe://example/ns/flows/sa/flows"], "workspaces": ["*"]}
OWN_CERTIFICATES: Values = {
    "tls": {
        "certManager": {"enabled": False},
        "existingSecrets": {name: f"{name}-certificate" for name in (*COMPONENTS, "test")},
    },
    "identity": {"peers": {name: f"{name}.certificates.example" for name in ("segments", "conditions", "test")}},
}
DATABASE_OF_FILES: Values = {
    "database": {"enabled": True, "host": "postgres.example", "existingSecret": "logins-of-directflow"}
}
DATABASE_OF_VAULT: Values = {
    "database": {"enabled": True, "host": "postgres.example", "credentialKind": "vault-kv", "vaultMount": "secret"}
}
DATABASE_OF_VAULTS_ROLES: dict[str, Values] = {
    kind: {"database": {"enabled": True, "host": "postgres.example", "credentialKind": kind}}
    for kind in ("vault-dynamic", "vault-static")
}
WATCHED: Values = {
    "telemetry": {"otlpEndpoint": "http://collector.observability.svc:4317"},
    "metrics": {
        "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
        "prometheusRule": {"enabled": True, "runbookBaseUrl": "https://git.example/directflow/"},
        "dashboards": {"enabled": True},
    },
    "networkPolicy": {"monitoring": [{"namespaceSelector": {"matchLabels": {"team": "observability"}}}]},
}
CREDENTIAL_FILES: Values = {
    "vault": {"enabled": False},
    "gateway": {
        "podAnnotations": {"vault.hashicorp.com/agent-inject": "true"},
        "extraVolumes": [
            {
                "name": "credentials",
                "csi": {"driver": "secrets-store.csi.k8s.io", "readOnly": True, "volumeAttributes": {"a": "b"}},
            }
        ],
        "extraVolumeMounts": [
            {"name": "credentials", "mountPath": "/var/run/directflow/credentials", "readOnly": True}
        ],
        "settings": {"credentials": {"path": "/var/run/directflow/credentials/{workspace}/{connection}.json"}},
    },
}
PLACED: Values = _each(
    {
        "priorityClassName": "important",
        "nodeSelector": {"disk": "fast"},
        "tolerations": [{"key": "dedicated", "operator": "Equal", "value": "directflow", "effect": "NoSchedule"}],
        "affinity": {
            "podAntiAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": [
                    {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "noisy"}}}
                ]
            }
        },
        "podAnnotations": {"example/owner": "platform"},
        "podLabels": {"example/cost": "shared"},
    }
)
SETTINGS: Values = {
    "gateway": {
        "settings": {
            "server": {"max_unary_deadline_s": 60, "reflection": False},
            "telemetry": {"sample_ratio": 0.25, "shutdown_timeout_s": 7.5},
            "connections": [
                {
                    "workspace": "acme",
                    "id": "crm",
                    "host": "db.acme.example",
                    "port": 6432,
                    "database": "crm",
                    "credential_kind": "vault-kv",
                    "limits": {"max_bytes": 1073741824, "statement_timeout_s": 2.5},
                }
            ],
            "egress": {"denied": ["10.244.0.0/16"]},
        }
    },
    "segments": {
        "settings": {
            "gateway": {"default_timeout_s": 30},
            "data_sources": [
                {
                    "name": "workspaces/acme/dataSources/people",
                    "connection": "workspaces/acme/connections/crm",
                    "generator_sql": "SELECT id AS profile_id FROM people WHERE age > '<%= age %>'",
                    "variables": [{"name": "age", "kind": "integer", "default": 30}],
                }
            ],
        }
    },
    "conditions": {
        "settings": {
            "evaluation": {"max_in_flight": 4},
            "logging": {"level": "debug"},
            "conditions": [
                {
                    "name": "workspaces/acme/conditions/opened_twice",
                    "engagement": {"event": {"type": "OPENED", "count": 2, "window": {"last": "30 days"}}},
                },
                {
                    "name": "workspaces/acme/conditions/win_back",
                    "expression": {"all_of": ["opened_twice", {"negation": "opened_twice"}]},
                },
            ],
        }
    },
}
NOBODY: Values = {"networkPolicy": {name: [] for name in ("clients", "gatewayClients", "monitoring", "databases")}}

CASES: dict[str, Values] = {
    "defaults": {},
    "production": _example("values-production.yaml"),
    "kind": _example("values-kind.yaml"),
    "own certificates": OWN_CERTIFICATES,
    "own certificates, no test": merged(OWN_CERTIFICATES, nested("tls.existingSecrets.test", "")),
    "fixed numbers of pods": _each({"autoscaling": {"enabled": False}, "replicas": 3}),
    "no Vault": nested("vault.enabled", False),
    "Vault's authority in a ConfigMap": nested("vault.ca.configMap", "authority-of-vault"),
    "Vault's authority in a Secret": nested("vault.ca.secret", "authority-of-vault"),
    "database with logins in a Secret": DATABASE_OF_FILES,
    "database with logins in Vault": DATABASE_OF_VAULT,
    "database with logins that Vault makes": DATABASE_OF_VAULTS_ROLES["vault-dynamic"],
    "database with logins that Vault rotates": DATABASE_OF_VAULTS_ROLES["vault-static"],
    "watched": WATCHED,
    "no metrics": nested("metrics.enabled", False),
    "no network policies": nested("networkPolicy.enabled", False),
    "nobody may call, no customer's database": merged(WATCHED, NOBODY),
    "no files": nested("segments.audience.diskBytes", 0),
    "credentials from files": CREDENTIAL_FILES,
    "placed": PLACED,
    "settings": SETTINGS,
    "callers": {"identity": {"callers": {component: [SOMEBODY] for component in COMPONENTS}}},
    "a registry's login": {"image": {"pullSecrets": ["registry"], "digest": f"sha256:{'0' * 64}"}},
    "a budget of sessions": nested("pools.sessionsPerDatabase", 40),
}


def booleans(values: Any, path: str = "") -> dict[str, bool]:
    """Every switch in some values."""
    if isinstance(values, bool):
        return {path: values}
    if not isinstance(values, dict):
        return {}
    return {
        name: switch
        for key, value in values.items()
        for name, switch in booleans(value, f"{path}.{key}" if path else key).items()
    }
