"""What Prometheus and Grafana are given, where they are asked for."""

import json
from collections.abc import Callable

import pytest
import yaml

from tests.chart.rendering import COMPONENTS, ROOT, Manifests

OBSERVABILITY = ROOT / "deploy" / "observability"


@pytest.mark.parametrize("component", COMPONENTS)
def test_prometheus_reads_the_port_that_the_service_has(rendered: Callable[[str], Manifests], component: str) -> None:
    manifests = rendered("watched")
    monitor = manifests.one("ServiceMonitor", component)
    assert monitor["apiVersion"] == "monitoring.coreos.com/v1"
    assert monitor["metadata"]["labels"]["release"] == "prometheus"
    assert monitor["spec"].keys() == {"selector", "endpoints"}
    (endpoint,) = monitor["spec"]["endpoints"]
    assert endpoint.keys() == {"port", "interval", "relabelings"}
    ports = {port["name"]: port["targetPort"] for port in manifests.one("Service", component)["spec"]["ports"]}
    container = {port["name"]: port["containerPort"] for port in manifests.spec(component)["containers"][0]["ports"]}
    assert container[ports[endpoint["port"]]] == manifests.settings(component)["metrics"]["prometheus_port"]
    labels = manifests.one("Service", component)["metadata"]["labels"]
    assert labels.items() >= monitor["spec"]["selector"]["matchLabels"].items()


@pytest.mark.parametrize("component", COMPONENTS)
def test_the_job_is_called_as_alerts_and_dashboards_have_it(
    rendered: Callable[[str], Manifests], component: str
) -> None:
    (endpoint,) = rendered("watched").one("ServiceMonitor", component)["spec"]["endpoints"]
    assert endpoint["relabelings"] == [{"targetLabel": "job", "replacement": f"directflow-{component}"}]


def test_alerts_tell_releases_apart_by_the_namespace_that_the_operator_adds(
    rendered: Callable[[str], Manifests],
) -> None:
    """No relabelling takes it away, and each alert keeps it."""
    for monitor in rendered("watched").of("ServiceMonitor").values():
        (endpoint,) = monitor["spec"]["endpoints"]
        assert {one["targetLabel"] for one in endpoint["relabelings"]} == {"job"}
    (rule,) = rendered("watched").of("PrometheusRule").values()
    alerts = [alert for group in rule["spec"]["groups"] for alert in group["rules"]]
    assert [alert["alert"] for alert in alerts if "by (namespace, job" not in alert["expr"]] == []


@pytest.mark.parametrize("component", COMPONENTS)
def test_without_metrics_no_port_is_open(rendered: Callable[[str], Manifests], component: str) -> None:
    manifests = rendered("no metrics")
    assert [port["name"] for port in manifests.one("Service", component)["spec"]["ports"]] == ["grpc"]
    assert manifests.settings(component)["metrics"]["prometheus_port"] == 0


def test_the_alerts_are_those_of_the_repository_with_the_runbooks_address(rendered: Callable[[str], Manifests]) -> None:
    (rule,) = rendered("watched").of("PrometheusRule").values()
    assert rule["apiVersion"] == "monitoring.coreos.com/v1"
    alerts = yaml.safe_load((OBSERVABILITY / "prometheus" / "alerts.yaml").read_text())
    for group in alerts["groups"]:
        for alert in group["rules"]:
            alert["annotations"]["runbook_url"] = (
                f"https://git.example/directflow/{alert['annotations']['runbook_url']}"
            )
    assert rule["spec"] == alerts


def test_the_dashboards_are_those_of_the_repository(rendered: Callable[[str], Manifests]) -> None:
    found = {
        name: json.loads(text)
        for one in rendered("watched").of("ConfigMap").values()
        if one["metadata"]["labels"].get("grafana_dashboard") == "1"
        for name, text in one["data"].items()
    }
    files = (OBSERVABILITY / "grafana").glob("*.json")
    assert found == {f"directflow-{file.name}": json.loads(file.read_text()) for file in files}


def test_nothing_of_an_operator_is_installed_by_default_but_certificates(defaults: Manifests) -> None:
    assert not defaults.of("ServiceMonitor")
    assert not defaults.of("PrometheusRule")
