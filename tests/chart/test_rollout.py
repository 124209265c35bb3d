"""A pod that stops lets every call that it took come to its end, and a rollout always has somebody who serves."""

from collections.abc import Callable
from typing import Any

import pytest
from directflow_runtime import lifecycle

from tests.chart.cases import CASES
from tests.chart.rendering import COMPONENTS, Manifests, Values, merged, nested

CLEANUP_S = 5
"""What `RpcServer.stop` leaves cancelled calls for their clean-up, after the grace."""


def prestop_seconds(pod: dict[str, Any]) -> int:
    program, seconds = pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"]
    assert program == "sleep"
    return int(seconds)


def test_kubelet_waits_for_all_that_a_stopping_process_may_take(case: Manifests) -> None:
    for component in COMPONENTS:
        settings = case.settings(component)
        spans = settings["telemetry"].get("shutdown_timeout_s", 3)
        server = settings["server"]
        drain = server["lame_duck_s"] + server["drain_grace_s"] + CLEANUP_S + lifecycle.CLOSE_S + spans
        pod = case.spec(component)
        assert pod["terminationGracePeriodSeconds"] >= prestop_seconds(pod) + drain + 5


def test_the_longest_call_is_shorter_than_the_drain(case: Manifests) -> None:
    for component in COMPONENTS:
        server = case.settings(component)["server"]
        longest = max(server["max_stream_deadline_s"], server.get("max_unary_deadline_s", 300))
        assert server["drain_grace_s"] > longest


def test_the_grace_is_computed_from_the_values(render: Callable[[Values], Manifests]) -> None:
    values = merged(nested("rollout", {"preStopSeconds": 77, "lameDuckSeconds": 11}), CASES["settings"])
    streams = {component: {"drain": {"longestStreamSeconds": 100}} for component in ("segments", "conditions")}
    manifests = render(merged(values, {**streams, "gateway": {"drain": {"longestStreamSeconds": 200}}}))
    graces = {one: manifests.spec(one)["terminationGracePeriodSeconds"] for one in COMPONENTS}
    # preStop, lame duck, longest call and 5, clean-up, what is closed, the last spans, room
    assert graces == {
        "gateway": 77 + 11 + 200 + 5 + 5 + 10 + 8 + 10,  # spans: 7.5, rounded up
        "segments": 77 + 11 + 300 + 5 + 5 + 10 + 3 + 10,  # a unary call may take 300
        "conditions": 77 + 11 + 300 + 5 + 5 + 10 + 3 + 10,
    }
    assert manifests.settings("gateway")["server"]["drain_grace_s"] == 205


def test_no_stream_is_cut_at_the_gateway_that_it_passes_through(case: Manifests) -> None:
    for component in ("segments", "conditions"):
        through, own = case.settings("gateway")["server"], case.settings(component)["server"]
        assert through["max_stream_deadline_s"] >= own["max_stream_deadline_s"]


def test_connections_are_made_anew_at_the_age_that_the_values_say(render: Callable[[Values], Manifests]) -> None:
    manifests = render(nested("rollout", {"maxConnectionAgeSeconds": 120, "preStopSeconds": 140}))
    assert {manifests.settings(one)["server"]["max_connection_age_s"] for one in COMPONENTS} == {120}


def test_a_new_pod_is_ready_and_known_to_clients_before_an_old_one_goes(case: Manifests) -> None:
    for component in COMPONENTS:
        spec = case.one("Deployment", component)["spec"]
        assert spec["strategy"]["rollingUpdate"] == {"maxSurge": "25%", "maxUnavailable": 0}
        assert spec["minReadySeconds"] >= 10


@pytest.mark.parametrize("component", COMPONENTS)
def test_other_settings_are_a_rollout_and_other_resources_of_others_are_none(
    render: Callable[[Values], Manifests], defaults: Manifests, component: str
) -> None:
    def checksums(manifests: Manifests) -> dict[str, str]:
        templates = {one: manifests.one("Deployment", one)["spec"]["template"] for one in COMPONENTS}
        return {one: found["metadata"]["annotations"]["checksum/settings"] for one, found in templates.items()}

    before = checksums(defaults)
    after = checksums(render(nested(f"{component}.settings.logging.level", "debug")))
    assert {one for one in COMPONENTS if before[one] != after[one]} == {component}


def test_probes_are_native_grpc_on_the_plaintext_port(case: Manifests) -> None:
    for component in COMPONENTS:
        container = case.spec(component)["containers"][0]
        (port,) = (port["containerPort"] for port in container["ports"] if port["name"] == "health")
        server = case.settings(component)["server"]
        assert (server["health_host"], server["health_port"]) == ("0.0.0.0", port)
        assert {container[f"{probe}Probe"]["grpc"]["port"] for probe in ("startup", "liveness", "readiness")} == {port}


@pytest.mark.parametrize("component", COMPONENTS)
def test_a_process_that_waits_or_drains_is_not_restarted_for_it(defaults: Manifests, component: str) -> None:
    container = defaults.spec(component)["containers"][0]
    assert container["livenessProbe"]["grpc"]["service"] == "alive"
    assert "service" not in container["readinessProbe"]["grpc"], "the whole process"


def test_clients_see_every_ready_pod_behind_the_name(case: Manifests) -> None:
    for component in COMPONENTS:
        service = case.one("Service", component)["spec"]
        assert service["clusterIP"] == "None"
        assert service["publishNotReadyAddresses"] is False
        (grpc,) = (port for port in service["ports"] if port["name"] == "grpc")
        assert grpc["port"] == case.settings(component)["server"]["port"] == 7400


def test_every_selector_finds_the_pods_of_its_component_and_no_others(case: Manifests) -> None:
    for component in COMPONENTS:
        labels = dict(case.labels_of_pods())
        for kind, selector in (
            ("Deployment", lambda spec: spec["selector"]["matchLabels"]),
            ("Service", lambda spec: spec["selector"]),
            ("PodDisruptionBudget", lambda spec: spec["selector"]["matchLabels"]),
        ):
            wanted = selector(case.one(kind, component)["spec"]).items()
            assert [name for name, has in labels.items() if has.items() >= wanted] == [f"directflow-{component}"], kind


def test_a_node_that_is_drained_takes_one_pod_at_a_time(case: Manifests) -> None:
    for component in COMPONENTS:
        budget = case.one("PodDisruptionBudget", component)["spec"]
        assert budget["maxUnavailable"] == 1
        assert budget["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


def test_pods_are_spread_over_nodes_and_zones(case: Manifests) -> None:
    for component in COMPONENTS:
        spread = case.spec(component)["topologySpreadConstraints"]
        assert [one["topologyKey"] for one in spread] == ["kubernetes.io/hostname", "topology.kubernetes.io/zone"]
        selector = case.one("Deployment", component)["spec"]["selector"]
        assert all(one["labelSelector"] == selector for one in spread)
        assert all(one["whenUnsatisfiable"] == "ScheduleAnyway" for one in spread)
