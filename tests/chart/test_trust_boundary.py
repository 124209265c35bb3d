"""The gateway alone holds a token for Vault, the logins of DirectFlow's database, and the way to both."""

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from tests.chart.cases import CASES
from tests.chart.rendering import Manifests, Values, merged, nested

COMPONENT = "app.kubernetes.io/component"
EVERYTHING = merged(
    CASES["database with logins in a Secret"],
    {
        "vault": {"address": "https://secrets.example:8200", "ca": {"secret": "authority-of-vault"}},
        "gateway": {"settings": {"credentials": {"vault_kv": {"mount": "customers"}}}},
    },
)
"""All that only the gateway may know, under names that say so."""
ONLY_THE_GATEWAYS = (
    *("serviceAccountToken", "secrets.example", "authority-of-vault", "customers", "8200"),
    *("5432", "postgres.example", "logins-of-directflow", "owner.json", "/var/run/directflow"),
)
"""In the objects of a render of EVERYTHING."""


def text_of(manifests: Manifests, component: str) -> str:
    """All that a component is given: every object of its own but its NetworkPolicy, which says what may be reached."""
    own = [one for one in manifests.objects if one["metadata"]["labels"].get(COMPONENT) == component]
    return yaml.safe_dump([one for one in own if one["kind"] != "NetworkPolicy"])


def ports(rules: list[dict[str, Any]]) -> set[int]:
    return {port["port"] for rule in rules for port in rule["ports"]}


@pytest.fixture(scope="module")
def everything(render: Callable[[Values], Manifests]) -> Manifests:
    return render(EVERYTHING)


@pytest.mark.parametrize("word", ONLY_THE_GATEWAYS)
def test_the_gateway_has_what_the_others_must_not_have(everything: Manifests, word: str) -> None:
    assert word in text_of(everything, "gateway")


@pytest.mark.parametrize("component", ["segments", "conditions", "test"])
def test_the_others_have_no_token_no_address_and_no_login(everything: Manifests, component: str) -> None:
    text = text_of(everything, component)
    assert [word for word in (*ONLY_THE_GATEWAYS, "vault", "projected") if word in text] == []


def test_whatever_the_values_are_only_the_gateway_has_a_projected_token(case: Manifests) -> None:
    for name, pod in case.pods():
        assert name == "directflow-gateway" or not [volume for volume in pod["volumes"] if "projected" in volume], name


def test_whatever_the_values_are_no_other_pod_mounts_a_secret_but_its_own_certificate(case: Manifests) -> None:
    for name, pod in case.pods():
        secrets = [volume["secret"]["secretName"] for volume in pod["volumes"] if "secret" in volume]
        owner = name.removeprefix("directflow-")
        own = {f"directflow-{owner}-tls", f"{owner}-certificate"}
        assert owner == "gateway" or (len(secrets) == 1 and secrets[0] in own), name


def test_no_container_is_given_a_secret_as_a_variable(case: Manifests) -> None:
    for name, pod in case.pods():
        for container in pod["containers"]:
            assert "envFrom" not in container, name
            sources = [source for entry in container["env"] for source in entry.get("valueFrom", {})]
            assert {*sources} <= {"fieldRef"}, name


def test_the_token_is_for_vault_alone_short_lived_and_where_the_settings_look_for_it(
    render: Callable[[Values], Manifests],
) -> None:
    auth = {"mount": "clusters/one", "role": "directflow", "audience": "vault.example", "expirationSeconds": 900}
    gateway = render(nested("vault.auth", auth))
    (token,) = (volume for volume in gateway.spec("gateway")["volumes"] if "projected" in volume)
    assert token["projected"]["sources"] == [
        {"serviceAccountToken": {"path": "token", "audience": "vault.example", "expirationSeconds": 900}}
    ]
    mounts = gateway.spec("gateway")["containers"][0]["volumeMounts"]
    (mount,) = (mount for mount in mounts if mount["name"] == token["name"])
    assert gateway.settings("gateway")["vault"]["login"] == {
        "method": "kubernetes",
        "mount": "clusters/one",
        "role": "directflow",
        "token_file": f"{mount['mountPath']}/token",
    }


def test_without_vault_the_gateway_has_no_token_and_no_way_to_it(rendered: Callable[[str], Manifests]) -> None:
    manifests = rendered("no Vault")
    assert "vault" not in text_of(manifests, "gateway")
    assert 8200 not in ports(manifests.one("NetworkPolicy", "gateway")["spec"]["egress"])


def test_the_gateway_alone_may_reach_vault_and_databases(everything: Manifests) -> None:
    reachable = {name: ports(one["spec"].get("egress", [])) for name, one in everything.of("NetworkPolicy").items()}
    assert reachable == {
        "directflow-default-deny": set(),
        "directflow-gateway": {53, 8200, 5432},
        "directflow-segments": {53, 7400},
        "directflow-conditions": {53, 7400},
        "directflow-test": {53, 7400},
    }
