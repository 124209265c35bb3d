"""values.schema.json: a typing error is refused by name, and no key is a place for a secret."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from directflow_gateway.config import GatewaySettings

from tests.chart.rendering import CHART, ROOT, Engine, RenderError, Values, merged, nested

SCHEMA: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text())
NAMES_AND_PLACES = frozenset(
    {
        # names of Secrets
        *("pullSecrets", "existingSecrets", "existingSecret", "secret", "secretName", "nodePublishSecretRef"),
        # where credentials lie, and under which field
        *("credentials", "credentialKind", "credential_kind", "password_field"),
        # of a projected volume: for whom a token is, and how long it lives
        "serviceAccountToken",
    }
)
"""Keys that sound like a secret, and hold none."""
SECRET = re.compile(
    r"password|passwd|secret|token|credential|dsn|connection_?string|api_?key|private_?key", re.IGNORECASE
)


CERTIFICATE = "# An authority\n-----BEGIN CERTIFICATE-----\nMIIB+/==\n-----END CERTIFICATE-----\n"
PRIVATE_KEY = CERTIFICATE + "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n"
CONNECTION = {"workspace": "acme", "id": "crm", "host": "db.acme.example", "database": "crm"}


def properties(schema: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object that a schema describes, and where."""
    if isinstance(schema, list):
        for place, item in enumerate(schema):
            yield from properties(item, f"{path}/{place}")
    elif isinstance(schema, dict):
        if schema.get("type") == "object":
            yield path, schema
        for key, value in schema.items():
            yield from properties(value, f"{path}/{key}")


@pytest.mark.parametrize(
    ("values", "named"),
    [
        (nested("gatway.replicas", 3), "'gatway'"),
        (nested("gateway.repicas", 3), "'repicas'"),
        (nested("vault.auth.rol", "a"), "'rol'"),
        (nested("gateway.settings.loging.level", "debug"), "'loging'"),
        (nested("segments.settings.gateway.defaulttimeout_s", 3), "'defaulttimeout_s'"),
        (nested("conditions.settings.conditions", [{"name": "workspaces/a/conditions/b", "sqll": ""}]), "'sqll'"),
        (nested("identity.callers.segments", [{"name": "a", "workspace": ["*"]}]), "'workspace'"),
        (nested("gateway.tolerations", [{"kye": "a"}]), "'kye'"),
        (nested("networkPolicy.clients", [{"podselector": {}}]), "'podselector'"),
        (nested("gateway.resources.limit", {"memory": "1Gi"}), "'limit'"),
    ],
)
def test_a_misspelt_key_is_refused_by_name(each_helm: Engine, values: Values, named: str) -> None:
    with pytest.raises(RenderError, match=f"(?s){named}.*not allowed"):
        each_helm.render(values)


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("gateway.replicas", "three", "got string, want integer"),
        ("gateway.replicas", 0, "minimum: got 0, want 1"),
        ("image.tag", 1.0, "got number, want string"),
        ("image.pullPolicy", "always", "one of 'Always', 'IfNotPresent', 'Never'"),
        ("image.digest", "sha256:abc", "does not match pattern"),
        ("vault.address", "http://vault:8200", "does not match pattern"),
        ("vault.address", "https://user:password@vault:8200", "does not match pattern"),
        ("telemetry.otlpEndpoint", "http://user:password@collector:4317", "does not match pattern"),
        ("vault.address", "https://vault:99999", "does not match pattern"),
        ("identity.peers.segments", "*.example", "does not match pattern"),
        ("identity.peers.conditions", "*.example", "does not match pattern"),
        ("identity.peers.test", "*.example", "does not match pattern"),
        ("vault.auth.mount", "/kubernetes/", "does not match pattern"),
        ("vault.auth.mount", "kubernetes/../token", "does not match pattern"),
        ("vault.namespace", "/team/", "does not match pattern"),
        ("database.vaultMount", "secret/", "does not match pattern"),
        ("database.vaultPath", "logins", "does not match pattern"),
        ("database.vaultPath", "logins/{workspace}", "does not match pattern"),
        ("database.vaultPath", "/logins/{role}", "does not match pattern"),
        ("database.host", "postgres://u:s3cret@db/x", "does not match pattern"),
        ("database.host", "one.example,other.example", "does not match pattern"),
        ("database.host", "127.1", "does not match pattern"),
        ("database.host", "host=db password=s3cret", "does not match pattern"),
        ("database.name", "x password=s3cret", "does not match pattern"),
        ("database.name", "postgres://u:s3cret@db/x", "does not match pattern"),
        ("gateway.settings.connections", [{**CONNECTION, "host": "postgres://u:s3cret@db"}], "does not match pattern"),
        ("gateway.settings.connections", [{**CONNECTION, "database": "x password=p"}], "does not match pattern"),
        ("telemetry.otlpEndpoint", "http://collector", "does not match pattern"),
        ("gateway.settings.logging.level", "loud", "one of 'debug'"),
        ("database.caPem", PRIVATE_KEY, "does not match pattern"),
        ("gateway.settings.connections", [{**CONNECTION, "ca_pem": PRIVATE_KEY}], "does not match pattern"),
        ("metrics.prometheusRule.runbookBaseUrl", "https://user:password@git.example/", "does not match pattern"),
        ("identity.callers.gateway", [{"name": "a", "role": "platform"}], "value must be one of"),
        ("identity.callers.segments", [{"name": "a", "role": "platfrom"}], "one of '', 'developer', 'platform'"),
        ("identity.callers.segments", [{"name": "a", "peers": ["*.example"]}], "does not match pattern"),
        ("database.sslmode", "prefer", "one of 'verify-full'"),
        ("networkPolicy.databases", [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}], "missing property 'ports'"),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused_where_it_stands(
    each_helm: Engine, path: str, value: Any, told: str
) -> None:
    with pytest.raises(RenderError) as refused:
        each_helm.render(nested(path, value))
    assert f"/{path.replace('.', '/')}" in str(refused.value)
    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("vault.address", "https://vault"),
        ("vault.address", "https://[fd00::1]:8200"),
        ("vault.auth.mount", "kubernetes/eu-1"),
        ("vault.namespace", "admin/team/"),
        ("database.vaultMount", "teams/postgres"),
        ("database.vaultPath", "{role}"),
        ("database.vaultPath", "eu/directflow-{role}/login"),
        ("database.host", "postgres"),
        ("database.host", "2nd-postgres.db_1.example"),
        ("database.host", "10.20.0.250"),
        ("database.host", "fd00::5432"),
        ("database.host", "::ffff:10.0.0.1"),
        ("database.name", "directflow_eu-1"),
        ("gateway.settings.connections", [{**CONNECTION, "host": "fd00::5432", "database": "My data"}]),
    ],
)
def test_what_the_services_take_is_let_through(helm: Engine, path: str, value: Any) -> None:
    settings = {"credentials": {"path": "/credentials/{workspace}/{connection}"}}
    database = {"enabled": True, "host": "db.example", "credentialKind": "vault-kv", "vaultMount": "teams/postgres"}
    manifests = helm.render(merged({"database": database, "gateway": {"settings": settings}}, nested(path, value)))
    assert GatewaySettings.model_validate(manifests.settings("gateway"))


def test_several_authorities_are_let_through(helm: Engine) -> None:
    files = {"path": "/credentials/{workspace}/{connection}"}
    connections = [{**CONNECTION, "ca_pem": CERTIFICATE * 2}]
    for values in (
        nested("gateway.settings", {"connections": connections, "credentials": files}),
        nested(
            "database", {"enabled": True, "host": "db.example", "existingSecret": "logins", "caPem": CERTIFICATE * 2}
        ),
    ):
        assert helm.texts(values).count("BEGIN CERTIFICATE") == 2


@pytest.mark.parametrize("source", ["hostPath", "nfs", "gitRepo"])
def test_a_volume_that_restricted_pod_security_would_refuse_is_refused_before(each_helm: Engine, source: str) -> None:
    with pytest.raises(RenderError, match=source):
        each_helm.render(nested("gateway.extraVolumes", [{"name": "a", source: {}}]))


def test_every_object_is_closed_but_where_the_keys_are_the_users() -> None:
    described = [(path, schema) for path, schema in properties(SCHEMA) if path != "/properties/global"]
    is_open = [path for path, schema in described if "additionalProperties" not in schema]
    assert is_open == []
    maps = {
        path: schema["additionalProperties"]
        for path, schema in described
        if schema["additionalProperties"] is not False
    }
    assert {path: value for path, value in maps.items() if not isinstance(value, dict) or not value} == {}


def test_no_key_is_a_place_for_a_secret() -> None:
    keys = {key for _, schema in properties(SCHEMA) for key in schema.get("properties", {})}
    assert {key for key in keys if SECRET.search(key)} - NAMES_AND_PLACES == set()


def test_no_variable_of_a_container_can_be_given() -> None:
    keys = {key for _, schema in properties(SCHEMA) for key in schema.get("properties", {})}
    assert not {"env", "envFrom", "extraEnv", "args", "command", "extraContainers", "initContainers"} & keys


def test_every_value_is_described_in_the_schema_and_in_the_readme() -> None:
    readme = (CHART / "README.md").read_text()

    def check(schema: dict[str, Any], default: Any, path: str) -> None:
        if "properties" in schema:
            assert schema["properties"].keys() - {"global"} == default.keys(), path
            for key, value in default.items():
                check(schema["properties"][key], value, f"{path}.{key}" if path else key)
        else:
            assert schema["description"], path
            assert f"| `{path}` |" in readme

    check(SCHEMA, yaml.safe_load((CHART / "values.yaml").read_text()), "")


def test_the_chart_can_be_a_part_of_another_one(each_helm: Engine, tmp_path: Path) -> None:
    """Helm hands `global` to every part, also to one whose schema is closed."""
    (tmp_path / "charts").mkdir()
    (tmp_path / "charts" / "directflow").symlink_to(CHART)
    (tmp_path / "Chart.yaml").write_text("{apiVersion: v2, name: platform, version: 1.0.0}")
    values = {"global": {"region": "eu"}, "directflow": {"vault": {"enabled": False}}}
    assert each_helm.render(values, chart=tmp_path).one("Deployment", "gateway")


def test_what_is_generated_is_what_it_is_made_from() -> None:
    done = subprocess.run(
        [sys.executable, "scripts/generate_chart", "--check"], cwd=ROOT, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
