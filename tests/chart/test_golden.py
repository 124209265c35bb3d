"""What the defaults render to stands in a file, so that a review sees what a change of the chart changes; and each
release's values go on rendering, to objects that its own can become.

`make generate-chart` writes the file of the present version. Files of earlier versions stay as they are.
"""

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.chart.rendering import CHART, COMPONENTS, Engine, Manifests, identity

RELEASES = Path(__file__).with_name("releases")
VERSION: str = yaml.safe_load((CHART / "Chart.yaml").read_text())["version"]
WRITE = os.environ.get("DIRECTFLOW_GOLDEN") == "write"
NO_MORE: dict[str, set[tuple[str, str]]] = {}
"""By version: objects of its defaults that later charts leave out on purpose. An upgrade removes them."""


def golden(version: str) -> list[dict[str, Any]]:
    """The objects that the defaults of a release rendered to."""
    found: list[dict[str, Any]] = yaml.safe_load((RELEASES / version / "manifests.yaml").read_text())
    return found


def versions() -> list[str]:
    return sorted(folder.name for folder in RELEASES.iterdir())


def unchangeable(one: dict[str, Any]) -> Any:
    """What Kubernetes lets nobody change of an object: an upgrade that tried would fail half-way."""
    spec = one.get("spec", {})
    return {"Deployment": spec.get("selector"), "Service": spec.get("clusterIP")}.get(one["kind"])


def test_the_defaults_render_to_what_stands_in_the_file(defaults: Manifests) -> None:
    folder = RELEASES / VERSION
    if WRITE:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "manifests.yaml").write_text(yaml.safe_dump(defaults.objects, sort_keys=True, width=120))
        (folder / "values.yaml").write_text((CHART / "values.yaml").read_text())
    assert golden(VERSION) == defaults.objects, "if that is as it should be: make generate-chart"


def test_the_values_of_the_present_release_are_kept_for_the_next_one() -> None:
    kept = (RELEASES / VERSION / "values.yaml").read_text()
    assert kept == (CHART / "values.yaml").read_text(), "make generate-chart"


@pytest.mark.parametrize("version", versions())
def test_the_values_of_a_release_render_with_the_present_chart(helm: Engine, version: str) -> None:
    """All of them, as `helm upgrade --reuse-values` gives them: no value may vanish, or change its type."""
    values = yaml.safe_load((RELEASES / version / "values.yaml").read_text())
    rendered = helm.render(values)
    assert {f"directflow-{component}" for component in COMPONENTS} == rendered.of("Deployment").keys()


@pytest.mark.parametrize("version", versions())
def test_a_release_can_be_upgraded_in_place(helm: Engine, version: str) -> None:
    values = yaml.safe_load((RELEASES / version / "values.yaml").read_text())
    after = {identity(one): one for one in helm.render(values).objects}
    before = {identity(one): one for one in golden(version)}
    assert before.keys() - after.keys() == NO_MORE.get(version, set())
    both = before.keys() & after.keys()
    assert {one: unchangeable(before[one]) for one in both} == {one: unchangeable(after[one]) for one in both}
