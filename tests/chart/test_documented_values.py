"""The values that docs/kubernetes.md shows are values, and the gateway finds what they bring where they say."""

import re
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from directflow_gateway.config import GatewaySettings

from tests.chart.rendering import ROOT, Manifests, Values

BLOCKS = re.findall(r"^```yaml\n(.*?)^```", (ROOT / "docs" / "kubernetes.md").read_text(), re.DOTALL | re.MULTILINE)
EXAMPLES: list[dict[str, Any]] = [yaml.safe_load(text) for text in BLOCKS]


@pytest.fixture(params=EXAMPLES, ids=["Vault Agent", "CSI driver"])
def example(request: pytest.FixtureRequest, render: Callable[[Values], Manifests]) -> Manifests:
    return render(request.param)


def test_credentials_come_from_where_a_volume_brings_them(example: Manifests) -> None:
    """Vault Agent's injector adds its own volume, at the path that its documentation names."""
    path = GatewaySettings.model_validate(example.settings("gateway")).credentials.path
    places = [mount["mountPath"] for mount in example.spec("gateway")["containers"][0]["volumeMounts"]]
    assert any(path.startswith(f"{place}/") for place in (*places, "/vault/secrets"))


def test_the_base_of_the_image_is_given_by_its_digest() -> None:
    """The Dockerfile's default cannot be one: there is no registry to ask here."""
    told = (ROOT / "docs" / "kubernetes.md").read_text()
    (command,) = re.findall(r"make image BASE=(\S+)", told)
    assert "@sha256:" in command
    assert "Give the base by its digest: the default is a tag" in told


@pytest.mark.parametrize("page", ["docs/kubernetes.md", "docs/running.md", "deploy/helm/directflow/README.md"])
def test_the_budget_is_promised_for_one_rollout_at_a_time(page: str) -> None:
    """Gateways are counted twice; a second rollout within the longest stream makes three generations of them."""
    told = " ".join((ROOT / page).read_text().split())
    stream = r"(`gateway\.drain\.longestStreamSeconds`|the longest stream)"
    assert re.search(rf"holds for one rollout (of the gateway )?within {stream}", told)


def test_the_token_that_vault_agent_is_given_is_the_gateways(render: Callable[[Values], Manifests]) -> None:
    manifests = render(EXAMPLES[0])
    pod = manifests.one("Deployment", "gateway")["spec"]["template"]
    named = pod["metadata"]["annotations"]["vault.hashicorp.com/agent-service-account-token-volume-name"]
    (volume,) = (one for one in pod["spec"]["volumes"] if one["name"] == named)
    assert volume["projected"]["sources"][0]["serviceAccountToken"]["audience"] == "vault"
