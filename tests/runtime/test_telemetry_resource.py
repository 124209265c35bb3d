"""Whose spans these are: told by the process and its pod, and not to be replaced from outside."""

import pytest
from directflow_runtime.telemetry_resource import resource_of


def test_service_version_and_instance_are_always_told() -> None:
    told = resource_of("directflow-gateway", {}).attributes
    assert told["service.name"] == "directflow-gateway"
    assert told["service.version"]
    assert not {"k8s.pod.name", "k8s.node.name"} & told.keys()


def test_each_start_is_an_instance_of_its_own() -> None:
    first, second = (resource_of("s", {}).attributes["service.instance.id"] for _ in range(2))
    assert first != second


def test_pod_and_node_come_from_the_manifests_variables() -> None:
    told = resource_of("s", {"POD_NAME": "gateway-7f", "NODE_NAME": "node-3"}).attributes
    assert (told["k8s.pod.name"], told["k8s.node.name"]) == ("gateway-7f", "node-3")


def test_otel_resource_attributes_add_to_ours_and_replace_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "k8s.cluster.name=eu-1,service.name=somebody-else")
    told = resource_of("directflow-gateway", {}).attributes
    assert (told["k8s.cluster.name"], told["service.name"]) == ("eu-1", "directflow-gateway")


def test_the_spans_of_a_process_share_one_resource_and_asking_for_its_hash_costs_nothing() -> None:
    """The SDK's encoder groups spans by it."""
    resource = resource_of("s", {})
    assert {resource: 1}[resource] == 1
    assert hash(resource) == id(resource)
    assert resource != resource_of("s", {})
