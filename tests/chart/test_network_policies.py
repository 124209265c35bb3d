"""Nothing is reached that no value names: default deny, and rules that name both whom and which port."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.chart.cases import CASES
from tests.chart.rendering import Manifests, Values, merged, nested

NAME, INSTANCE, COMPONENT = (f"app.kubernetes.io/{label}" for label in ("name", "instance", "component"))
ELSEWHERE = [{"namespaceSelector": {"matchLabels": {"team": "elsewhere"}}}]


def pods(component: str) -> dict[str, Any]:
    return {"podSelector": {"matchLabels": {NAME: "directflow", INSTANCE: "directflow", COMPONENT: component}}}


def rules(manifests: Manifests, component: str, direction: str) -> dict[int, list[Any]]:
    """Whom a component hears, or may call, by port. No port stands in two rules in what is asked for here."""
    side = "from" if direction == "ingress" else "to"
    found: dict[int, list[Any]] = {}
    for rule in manifests.one("NetworkPolicy", component)["spec"].get(direction, []):
        for port in {port["port"] for port in rule["ports"]}:
            found[port] = found.get(port, []) + rule[side]
    return found


def test_every_pod_of_the_release_is_denied_everything_that_no_rule_allows(case: Manifests) -> None:
    policies = case.of("NetworkPolicy")
    for name, one in policies.items():
        assert one["spec"]["policyTypes"] == ["Ingress", "Egress"], name
    if policies:  # all but where networkPolicy.enabled is false
        everybody = {"matchLabels": {NAME: "directflow", INSTANCE: "directflow"}}
        assert policies["directflow-default-deny"]["spec"].keys() == {"podSelector", "policyTypes"}
        assert policies["directflow-default-deny"]["spec"]["podSelector"] == everybody


def test_every_policy_selects_the_pods_of_its_component(case: Manifests) -> None:
    policies = case.of("NetworkPolicy")
    for name, labels in case.labels_of_pods():
        chosen = {
            policy
            for policy, one in policies.items()
            if labels.items() >= one["spec"]["podSelector"]["matchLabels"].items()
        }
        assert chosen == ({name, "directflow-default-deny"} if policies else set())


def test_no_rule_is_open_to_everybody_or_to_every_port(case: Manifests) -> None:
    """To Kubernetes an empty list of peers or of ports is all of them."""
    for name, one in case.of("NetworkPolicy").items():
        for direction, side in (("ingress", "from"), ("egress", "to")):
            for rule in one["spec"].get(direction, []):
                assert rule[side], name
                assert rule["ports"], name
                assert {} not in rule[side], name


def test_the_services_of_the_release_and_the_named_developers_reach_the_gateway(
    render: Callable[[Values], Manifests],
) -> None:
    manifests = render(nested("networkPolicy.gatewayClients", ELSEWHERE))
    assert rules(manifests, "gateway", "ingress") == {7400: [*ELSEWHERE, pods("segments"), pods("conditions")]}


@pytest.mark.parametrize("component", ["segments", "conditions"])
def test_the_named_clients_and_the_test_reach_segments_and_conditions(
    render: Callable[[Values], Manifests], component: str
) -> None:
    manifests = render(nested("networkPolicy.clients", ELSEWHERE))
    assert rules(manifests, component, "ingress") == {7400: [*ELSEWHERE, pods("test")]}


def test_without_clients_the_release_calls_itself_and_nobody_else_does(rendered: Callable[[str], Manifests]) -> None:
    manifests = rendered("nobody may call, no customer's database")
    assert rules(manifests, "gateway", "ingress") == {7400: [pods("segments"), pods("conditions")]}
    assert rules(manifests, "segments", "ingress") == {7400: [pods("test")]}
    assert 5432 not in rules(manifests, "gateway", "egress")


def test_metrics_are_read_by_those_who_watch_and_not_at_all_by_default(rendered: Callable[[str], Manifests]) -> None:
    watched = CASES["watched"]["networkPolicy"]["monitoring"]
    for component in ("gateway", "segments", "conditions"):
        assert rules(rendered("watched"), component, "ingress")[9464] == watched
        assert 9464 not in rules(rendered("defaults"), component, "ingress")


def test_the_health_port_is_open_to_nobody_in_the_cluster(case: Manifests) -> None:
    for component in ("gateway", "segments", "conditions"):
        if case.of("NetworkPolicy"):
            assert 7410 not in rules(case, component, "ingress")


@pytest.mark.parametrize("component", ["segments", "conditions"])
def test_segments_and_conditions_call_the_gateway_and_ask_for_its_name(defaults: Manifests, component: str) -> None:
    (dns,) = rules(defaults, component, "egress")[53]
    assert dns["podSelector"] == {"matchLabels": {"k8s-app": "kube-dns"}}
    assert rules(defaults, component, "egress") == {53: [dns], 7400: [pods("gateway")]}


def test_names_are_asked_for_over_udp_and_tcp(defaults: Manifests) -> None:
    for one in defaults.of("NetworkPolicy").values():
        for rule in one["spec"].get("egress", []):
            wanted = {"UDP", "TCP"} if rule["ports"][0]["port"] == 53 else {"TCP"}
            assert {port["protocol"] for port in rule["ports"]} == wanted


def test_the_collector_is_reached_where_there_is_one(rendered: Callable[[str], Manifests]) -> None:
    for component in ("gateway", "segments", "conditions"):
        assert 4317 in rules(rendered("watched"), component, "egress")
        assert 4317 not in rules(rendered("defaults"), component, "egress")


def test_the_gateway_reaches_the_databases_that_the_values_name(render: Callable[[Values], Manifests]) -> None:
    one, other = {"ipBlock": {"cidr": "10.20.0.0/16"}}, {"ipBlock": {"cidr": "10.30.0.0/16"}}
    databases = [{"to": [one], "ports": [5432, 6432]}, {"to": [other], "ports": [5433]}]
    manifests = render(nested("networkPolicy.databases", databases))
    reached = rules(manifests, "gateway", "egress")
    assert {port: reached[port] for port in (5432, 6432, 5433)} == {5432: [one], 6432: [one], 5433: [other]}


def test_directflows_own_database_is_reached_where_it_is_used(render: Callable[[Values], Manifests]) -> None:
    there = {"networkPolicy": {"database": {"to": ELSEWHERE, "port": 6000}}}
    used = merged(CASES["database with logins in a Secret"], there)
    assert rules(render(used), "gateway", "egress")[6000] == ELSEWHERE
    assert 6000 not in rules(render(there), "gateway", "egress")


@pytest.mark.parametrize(
    ("values", "component", "port"),
    [
        (merged(CASES["database with logins in a Secret"], nested("database.port", 6432)), "gateway", 6432),
        (nested("vault.address", "https://vault.example"), "gateway", 443),
        (nested("vault.address", "https://[fd00::8200]"), "gateway", 443),
        (nested("vault.address", "https://[fd00::1]:8201"), "gateway", 8201),
        (nested("telemetry.otlpEndpoint", "http://collector.observability.svc:4320"), "gateway", 4320),
        (nested("telemetry.otlpEndpoint", "http://collector.observability.svc:4320"), "segments", 4320),
        (nested("telemetry.otlpEndpoint", "http://collector.observability.svc:4320"), "conditions", 4320),
    ],
)
def test_the_network_lets_through_to_the_port_that_the_settings_name(
    render: Callable[[Values], Manifests], values: Values, component: str, port: int
) -> None:
    manifests = render(values)
    assert port in rules(manifests, component, "egress")
    fixed = {53, 7400, 5432, 8200} if component == "gateway" else {53, 7400}
    assert rules(manifests, component, "egress").keys() - fixed == {port}


def test_the_customers_databases_stay_within_reach_beside_directflows_own(
    render: Callable[[Values], Manifests],
) -> None:
    own = merged(CASES["database with logins in a Secret"], nested("database.port", 6432))
    assert {5432, 6432} <= rules(render(own), "gateway", "egress").keys()


def test_a_port_that_a_service_translates_is_the_one_of_the_pods_behind_it(
    render: Callable[[Values], Manifests],
) -> None:
    addresses = {"vault": {"address": "https://vault.vault.svc"}, "telemetry": {"otlpEndpoint": "http://otel:80"}}
    behind = {"networkPolicy": {"vault": {"port": 8200}, "collector": {"port": 4317}}}
    ports = rules(render(merged(addresses, behind)), "gateway", "egress").keys()
    assert {8200, 4317} <= ports
    assert not {443, 80} & ports


def test_cloud_metadata_is_out_of_reach_by_default(case: Manifests) -> None:
    for name, one in case.of("NetworkPolicy").items():
        for rule in one["spec"].get("egress", []):
            for peer in rule["to"]:
                block = peer.get("ipBlock", {"cidr": "10.0.0.0/8"})
                assert block["cidr"] != "0.0.0.0/0" or "169.254.0.0/16" in block["except"], name
