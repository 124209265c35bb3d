"""Autoscaling, and the budget of sessions that the gateways share however many there are."""

import math
from collections.abc import Callable

import pytest

from tests.chart.rendering import COMPONENTS, Manifests, Values, merged, nested


@pytest.mark.parametrize("component", COMPONENTS)
def test_pods_follow_the_load_between_two_numbers(render: Callable[[Values], Manifests], component: str) -> None:
    scaling = {"minReplicas": 3, "maxReplicas": 9, "targetCPUPercent": 55}
    manifests = render(nested(f"{component}.autoscaling", scaling))
    spec = manifests.one("HorizontalPodAutoscaler", component)["spec"]
    assert (spec["minReplicas"], spec["maxReplicas"]) == (3, 9)
    assert spec["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": f"directflow-{component}"}
    (metric,) = spec["metrics"]
    assert metric["resource"] == {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 55}}


@pytest.mark.parametrize("component", COMPONENTS)
def test_an_upgrade_does_not_undo_what_the_autoscaler_has_decided(defaults: Manifests, component: str) -> None:
    assert "replicas" not in defaults.one("Deployment", component)["spec"]


@pytest.mark.parametrize("component", COMPONENTS)
def test_without_autoscaling_the_number_is_that_of_the_values(
    rendered: Callable[[str], Manifests], component: str
) -> None:
    manifests = rendered("fixed numbers of pods")
    assert manifests.one("Deployment", component)["spec"]["replicas"] == 3
    assert not manifests.of("HorizontalPodAutoscaler")


@pytest.mark.parametrize(
    ("values", "gateways"),
    [
        (nested("gateway.autoscaling.maxReplicas", 5), 10),
        ({"gateway": {"autoscaling": {"enabled": False}, "replicas": 3}}, 6),
        ({"gateway": {"autoscaling": {"maxReplicas": 7}, "replicas": 3}}, 14),
    ],
)
def test_the_budget_is_divided_by_all_gateways_that_a_rollout_may_have(
    render: Callable[[Values], Manifests], values: Values, gateways: int
) -> None:
    """New ones and a surge, and old ones that finish their streams: twice the most replicas."""
    pools = render(merged(values, nested("pools", {"sessionsPerDatabase": 40, "sessions": 90}))).settings("gateway")[
        "pools"
    ]
    assert pools == {"gateways": gateways, "sessions_per_database": 40, "sessions": 90}


def test_a_budget_of_one_session_for_each_gateway_is_enough(render: Callable[[Values], Manifests]) -> None:
    least = merged(nested("gateway.autoscaling.maxReplicas", 5), nested("pools.sessionsPerDatabase", 10))
    assert render(least).settings("gateway")["pools"]["sessions_per_database"] == 10


def test_the_gateways_that_share_a_budget_count_the_rollouts_surge(case: Manifests) -> None:
    scaler = case.of("HorizontalPodAutoscaler").get("directflow-gateway")
    deployment = case.one("Deployment", "gateway")["spec"]
    most = scaler["spec"]["maxReplicas"] if scaler else deployment["replicas"]
    surge = int(deployment["strategy"]["rollingUpdate"]["maxSurge"].rstrip("%")) / 100
    assert case.settings("gateway")["pools"]["gateways"] >= most + math.ceil(most * surge)
