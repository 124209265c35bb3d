"""The settings files that the chart writes are what the services read, and hold what the values say."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from directflow_conditions.config import ConditionsSettings
from directflow_gateway.config import GatewaySettings
from directflow_runtime.settings import ServiceSettings
from directflow_segments.config import SegmentsSettings

from tests.chart.cases import CASES
from tests.chart.rendering import COMPONENTS, NAMESPACE, Engine, Manifests, RenderError, Values, merged, nested

MODELS: dict[str, type[ServiceSettings]] = {
    "gateway": GatewaySettings,
    "segments": SegmentsSettings,
    "conditions": ConditionsSettings,
}


DEFAULT_PATHS = {
    "vault-kv": "directflow-database/{role}",
    "vault-dynamic": "directflow-{role}",
    "vault-static": "directflow-{role}",
}
"""`database.vaultPath` where nothing is given."""


def gateway(manifests: Manifests) -> GatewaySettings:
    return GatewaySettings.model_validate(manifests.settings("gateway"))


def paths(settings: Any, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every key of a settings file that holds a value; a list is one."""
    for key, value in settings.items():
        if isinstance(value, dict):
            yield from paths(value, (*above, key))
        else:
            yield (*above, key)


def test_each_service_accepts_its_file(case: Manifests) -> None:
    for component in COMPONENTS:
        assert MODELS[component].model_validate(case.settings(component)).server.port == 7400


def test_the_container_is_started_with_its_file(case: Manifests) -> None:
    for component in COMPONENTS:
        container = case.spec(component)["containers"][0]
        assert container["command"] == [f"directflow-{component}", "--config", f"/etc/directflow/{component}.toml"]
        mounted = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
        (settings,) = (one for one in case.spec(component)["volumes"] if one["name"] == "settings")
        assert settings["configMap"]["name"] == f"directflow-{component}"
        assert mounted["settings"] == "/etc/directflow"


def test_files_and_folders_of_the_settings_are_in_the_container(case: Manifests) -> None:
    for component in COMPONENTS:
        mounts = [mount["mountPath"] for mount in case.spec(component)["containers"][0]["volumeMounts"]]
        used = [value for value in strings(case.settings(component)) if value.startswith("/")]
        assert [path for path in used if not any(path == at or path.startswith(f"{at}/") for at in mounts)] == []


def strings(settings: Any) -> Iterator[str]:
    if isinstance(settings, dict):
        for value in settings.values():
            yield from strings(value)
    elif isinstance(settings, str):
        yield settings


def test_settings_of_the_values_arrive_as_they_were_given(rendered: Callable[[str], Manifests]) -> None:
    """Integers too, in lists and beneath: to Helm every number is a float."""
    for component in COMPONENTS:
        given = CASES["settings"][component]["settings"]
        arrived = rendered("settings").settings(component)
        assert json.dumps(within(given, arrived)) == json.dumps(given), component


def within(given: Any, arrived: Any) -> Any:
    """Of what arrived that which was given, in the order in which it was."""
    if isinstance(given, dict):
        return {key: within(value, arrived[key]) for key, value in given.items()}
    if isinstance(given, list):
        return [within(one, other) for one, other in zip(given, arrived, strict=True)]
    return arrived


@pytest.mark.parametrize("component", COMPONENTS)
def test_what_the_chart_sets_cannot_be_given_beside_it(
    each_helm: Engine, rendered: Callable[[str], Manifests], component: str
) -> None:
    """At once for all keys: every one of them has to be in the refusal."""
    set_by_chart: Values = {}
    for name in ("watched", "database with logins in a Secret", "database with logins in Vault"):
        set_by_chart = merged(set_by_chart, rendered(name).settings(component))
    with pytest.raises(RenderError) as refused:
        each_helm.render(nested(f"{component}.settings", set_by_chart))
    named = {word.strip(",'") for word in str(refused.value).split()}
    assert [path for path in paths(set_by_chart) if not {*path} & named] == []


def test_the_gateway_is_reached_by_the_name_in_its_certificate(case: Manifests) -> None:
    for component in ("segments", "conditions"):
        host = f"directflow-gateway.{NAMESPACE}.svc.cluster.local"
        assert case.settings(component)["gateway"]["target"] == f"{host}:7400"
        for name, certificate in case.of("Certificate").items():
            assert name != "directflow-gateway" or host in certificate["spec"]["dnsNames"]


def test_every_service_demands_certificates(case: Manifests) -> None:
    for component in COMPONENTS:
        assert case.settings(component)["server"]["tls"] == {"directory": "/etc/directflow/tls"}


def test_the_directflow_database_takes_its_logins_from_the_secret(rendered: Callable[[str], Manifests]) -> None:
    manifests = rendered("database with logins in a Secret")
    database = gateway(manifests).directflow_database
    assert database is not None
    assert database.host == "postgres.example"
    (volume,) = (one for one in manifests.spec("gateway")["volumes"] if one["name"] == "database")
    assert volume["secret"]["secretName"] == "logins-of-directflow"
    paths_in = {f"/var/run/directflow/database/{item['path']}" for item in volume["secret"]["items"]}
    assert {*database.places()} == paths_in


def test_the_directflow_database_takes_its_logins_from_vault(rendered: Callable[[str], Manifests]) -> None:
    database = gateway(rendered("database with logins in Vault")).directflow_database
    assert database is not None
    assert database.places() == tuple(
        f"secret/data/directflow-database/{role}" for role in ("owner", "writer", "reader")
    )


@pytest.mark.parametrize("kind", DEFAULT_PATHS)
@pytest.mark.parametrize("mount", ["", "logins"])
@pytest.mark.parametrize("path", ["", "{role}", "directflow_{role}", "directflow.{role}", "directflow/acme/{role}"])
@pytest.mark.parametrize("connections", [{}, {"mount": "logins", "role": "{workspace}.{connection}"}])
def test_a_place_for_its_logins_is_refused_where_no_gateway_could_use_it(
    helm: Engine, kind: str, mount: str, path: str, connections: dict[str, str]
) -> None:
    """Where the chart lets one through, the loader and the gateway's own check do. Vault knows no role with a slash."""
    database = {"enabled": True, "host": "db.example", "credentialKind": kind, "vaultMount": mount, "vaultPath": path}
    settings = {"credentials": {"vault_dynamic": connections, "vault_static": connections}}
    values: Values = {"database": database, "gateway": {"settings": settings}}
    own = {"host": "db.example", "database": "a", "credential_kind": kind, "vault_mount": mount}
    own["vault_path"] = path or DEFAULT_PATHS[kind]
    vault = {"address": "https://vault", "login": {"method": "kubernetes", "role": "a", "token_file": "/token"}}
    try:
        wanted = GatewaySettings.model_validate({**settings, "vault": vault, "directflow_database": own})
    except ValueError:
        wanted = None
    if wanted is None or (kind != "vault-kv" and "/" in path):
        with pytest.raises(RenderError, match=r"hold no slash|where a connection's credential could be looked for"):
            helm.render(values)
    else:
        found = gateway(helm.render(values)).directflow_database
        assert found is not None
        assert wanted.directflow_database is not None
        assert found.places() == wanted.directflow_database.places()


def test_vaults_authority_is_where_the_settings_look_for_it(rendered: Callable[[str], Manifests]) -> None:
    for kind, source in (("ConfigMap", "configMap"), ("Secret", "secret")):
        manifests = rendered(f"Vault's authority in a {kind}")
        pod = manifests.spec("gateway")
        (volume,) = (one for one in pod["volumes"] if one["name"] == "vault-ca")
        (mount,) = (one for one in pod["containers"][0]["volumeMounts"] if one["name"] == "vault-ca")
        assert volume[source].get("name", volume[source].get("secretName")) == "authority-of-vault"
        vault = gateway(manifests).vault
        assert vault is not None
        assert vault.ca_file == f"{mount['mountPath']}/{volume[source]['items'][0]['path']}"


def test_audiences_have_the_memory_and_the_files_that_the_values_say(render: Callable[[Values], Manifests]) -> None:
    manifests = render(nested("segments.audience", {"memoryBytes": 1 << 29, "diskBytes": 1 << 34}))
    assert manifests.settings("segments")["audience"] == {
        "memory_bytes": 1 << 29,
        "disk_bytes": 1 << 34,
        "scratch_directory": "/scratch",
    }
    (scratch,) = (one for one in manifests.spec("segments")["volumes"] if one["name"] == "scratch")
    assert int(scratch["emptyDir"]["sizeLimit"]) > 1 << 34, "else kubelet evicts before segments says no"


def test_without_disk_audiences_have_no_files(rendered: Callable[[str], Manifests]) -> None:
    manifests = rendered("no files")
    assert "scratch_directory" not in manifests.settings("segments")["audience"]
    assert "scratch" not in {one["name"] for one in manifests.spec("segments")["volumes"]}


def test_the_callers_of_a_service_are_the_charts_own_and_those_of_the_values(
    rendered: Callable[[str], Manifests],
) -> None:
    spiffe = f"spiffe://cluster.local/ns/{NAMESPACE}/sa/directflow"
    callers = {one: rendered("callers").settings(one)["identity"]["callers"] for one in COMPONENTS}
    test = ("helm-test", "platform", [f"{spiffe}-test"], ["helm-test"])
    flows = ("flows", "developer", ["spiffe://example/ns/flows/sa/flows"], ["*"])
    services = [(one, one, [f"{spiffe}-{one}"], ["*"]) for one in ("segments", "conditions")]
    keys = ("name", "role", "peers", "workspaces")
    assert {one: [tuple(caller[key] for key in keys) for caller in found] for one, found in callers.items()} == {
        "gateway": [*services, flows],
        "segments": [test, flows],
        "conditions": [test, flows],
    }


def test_the_collector_hears_all_three(rendered: Callable[[str], Manifests]) -> None:
    for component in COMPONENTS:
        telemetry = rendered("watched").settings(component)["telemetry"]
        assert telemetry["otlp_endpoint"] == "http://collector.observability.svc:4317"
