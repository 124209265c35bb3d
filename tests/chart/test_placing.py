"""Where pods run and what they are labelled with: what the values say reaches the pods, and never the selectors."""

from collections.abc import Callable

import pytest

from tests.chart.cases import CASES
from tests.chart.rendering import COMPONENTS, Manifests, Values, nested


@pytest.mark.parametrize("component", COMPONENTS)
def test_pods_run_where_the_values_say(rendered: Callable[[str], Manifests], component: str) -> None:
    pod = rendered("placed").spec(component)
    for field in ("priorityClassName", "nodeSelector", "tolerations", "affinity"):
        assert pod[field] == CASES["placed"][component][field]


def test_the_test_runs_where_segments_may(rendered: Callable[[str], Manifests]) -> None:
    (pod,) = rendered("placed").of("Pod").values()
    for field in ("nodeSelector", "tolerations", "affinity"):
        assert pod["spec"][field] == CASES["placed"]["segments"][field]


@pytest.mark.parametrize("component", COMPONENTS)
def test_pods_carry_the_labels_and_annotations_of_the_values(
    rendered: Callable[[str], Manifests], component: str
) -> None:
    metadata = rendered("placed").one("Deployment", component)["spec"]["template"]["metadata"]
    assert metadata["labels"]["example/cost"] == "shared"
    assert metadata["annotations"]["example/owner"] == "platform"
    assert metadata["annotations"]["checksum/settings"]


@pytest.mark.parametrize("component", COMPONENTS)
def test_no_label_of_the_values_can_take_a_pod_out_of_its_selectors(
    render: Callable[[Values], Manifests], defaults: Manifests, component: str
) -> None:
    labels = {"app.kubernetes.io/component": "other", "app.kubernetes.io/instance": "other"}
    manifests = render(nested(f"{component}.podLabels", labels))
    assert dict(manifests.labels_of_pods()) == dict(defaults.labels_of_pods())


def test_annotations_and_volumes_bring_credentials_to_the_gateway_alone(rendered: Callable[[str], Manifests]) -> None:
    manifests = rendered("credentials from files")
    template = manifests.one("Deployment", "gateway")["spec"]["template"]
    assert template["metadata"]["annotations"]["vault.hashicorp.com/agent-inject"] == "true"
    assert "credentials" in {volume["name"] for volume in template["spec"]["volumes"]}
    for component in ("segments", "conditions"):
        assert "credentials" not in {volume["name"] for volume in manifests.spec(component)["volumes"]}


@pytest.mark.parametrize("component", COMPONENTS)
def test_resources_are_those_of_the_values(render: Callable[[Values], Manifests], component: str) -> None:
    wanted = {"requests": {"cpu": "2", "memory": "3Gi"}, "limits": {"memory": "4Gi", "cpu": "3"}}
    assert render(nested(f"{component}.resources", wanted)).spec(component)["containers"][0]["resources"] == wanted
