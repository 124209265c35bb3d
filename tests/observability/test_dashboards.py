"""The dashboards: importable anywhere, and asking only for what the services export."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.observability import deployment

DASHBOARDS = {path.name: json.loads(path.read_text()) for path in sorted(deployment.DASHBOARDS.glob("*.json"))}
GENERATOR = deployment.ROOT / "scripts" / "generate_dashboards"
OURS = {"type": "prometheus", "uid": "${datasource}"}
VARIABLE = re.compile(r"\$\{?([a-z]\w*)")


def graphs(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def expressions(dashboard: dict[str, Any]) -> list[str]:
    return [target["expr"] for panel in graphs(dashboard) for target in panel["targets"]]


def data_sources(node: Any) -> Iterator[Any]:
    if isinstance(node, dict):
        yield from (value for key, value in node.items() if key == "datasource")
        node = list(node.values())
    if isinstance(node, list):
        for inner in node:
            yield from data_sources(inner)


def test_there_is_one_for_the_platform_one_for_a_connection_and_one_for_the_gateway() -> None:
    assert list(DASHBOARDS) == ["connection.json", "gateway.json", "platform.json"]
    assert len({one["uid"] for one in DASHBOARDS.values()}) == len(DASHBOARDS)


def test_the_files_are_those_that_are_generated() -> None:
    ended = subprocess.run([sys.executable, GENERATOR, "--check"], capture_output=True, timeout=60, check=False)
    assert ended.returncode == 0, "run scripts/generate_dashboards"


def test_together_they_show_every_metric_that_the_services_export() -> None:
    shown = {name for one in DASHBOARDS.values() for text in expressions(one) for name in deployment.metrics_of(text)}
    kinds = {re.sub(r"_(bucket|sum|count)$", "", name) for name in shown}
    assert {re.sub(r"_(bucket|sum|count)$", "", name) for name in deployment.exported()} - kinds == set()


def test_prometheus_understands_every_question(promtool: Path, tmp_path: Path) -> None:
    asked = [text for one in DASHBOARDS.values() for text in expressions(one)]
    filled = [VARIABLE.sub(".*", text.replace("$__rate_interval", "5m")) for text in asked]
    rules = [{"record": f"panel:{at}", "expr": text} for at, text in enumerate(filled)]
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    command = [promtool, "check", "rules", tmp_path / "rules.yaml"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.parametrize("dashboard", DASHBOARDS.values(), ids=DASHBOARDS)
class TestEveryDashboard:
    def test_names_no_data_source_but_the_readers_choice(self, dashboard: dict[str, Any]) -> None:
        assert all(found == OURS for found in data_sources(dashboard))
        (chosen,) = [one for one in dashboard["templating"]["list"] if one["type"] == "datasource"]
        assert (chosen["name"], chosen["query"]) == ("datasource", "prometheus")

    def test_asks_only_for_what_the_services_export(self, dashboard: dict[str, Any]) -> None:
        choices = [one["definition"] for one in dashboard["templating"]["list"] if one["type"] == "query"]
        for expression in expressions(dashboard):
            assert deployment.metrics_of(expression)
            assert deployment.strangers(expression) == []
        for choice in choices:
            metric, label = re.fullmatch(r"label_values\((\w+), (\w+)\)", choice).groups()  # type: ignore[union-attr]
            assert label in deployment.exported()[metric]

    def test_uses_every_choice_that_it_offers_and_no_other(self, dashboard: dict[str, Any]) -> None:
        offered = {one["name"] for one in dashboard["templating"]["list"]} - {"datasource"}
        assert {name for text in expressions(dashboard) for name in VARIABLE.findall(text)} == offered

    def test_asks_for_the_chosen_releases_alone(self, dashboard: dict[str, Any]) -> None:
        for expression in expressions(dashboard):
            selectors = re.findall(
                r"\b(?:directflow|rpc)_[a-z0-9_]+(\{[^}]*\})?", re.sub(r"by \([^)]*\)", "", expression)
            )
            assert all(selector.startswith('{namespace=~"$namespace"') for selector in selectors), expression

    def test_says_in_words_what_each_graph_shows(self, dashboard: dict[str, Any]) -> None:
        for panel in graphs(dashboard):
            assert panel["description"].endswith(".")
            assert panel["fieldConfig"]["defaults"]["unit"]

    def test_legends_name_labels_that_the_answer_has(self, dashboard: dict[str, Any]) -> None:
        for panel in graphs(dashboard):
            for target in panel["targets"]:
                named = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
                grouped = re.findall(r"\bby \(([^)]*)\)", target["expr"])
                has = {label.strip() for labels in grouped for label in labels.split(",")}
                if not grouped:  # nothing is summed: all labels are there
                    has = set().union(*(deployment.exported()[name] for name in deployment.metrics_of(target["expr"])))
                assert named <= has, target["expr"]

    def test_graphs_do_not_lie_on_each_other(self, dashboard: dict[str, Any]) -> None:
        cells = [
            (x, y)
            for place in (panel["gridPos"] for panel in dashboard["panels"])
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        ]
        assert len(cells) == len(set(cells))
        assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
