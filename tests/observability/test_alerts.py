"""The alert rules: judged by Prometheus' own promtool, asking only for what the services export."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.observability import deployment

TESTS = deployment.ALERTS.with_name("alerts_test.yaml")


def run(promtool: Path, *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([promtool, *arguments], capture_output=True, text=True, timeout=60, check=False)


def test_prometheus_accepts_the_rules(promtool: Path) -> None:
    ended = run(promtool, "check", "rules", deployment.ALERTS)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_every_alert_fires_when_it_must_and_only_then(promtool: Path) -> None:
    ended = run(promtool, "test", "rules", TESTS)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_those_tests_notice_a_threshold_that_is_gone(promtool: Path, tmp_path: Path) -> None:
    shutil.copy(TESTS, tmp_path)
    rules = deployment.ALERTS.read_text()
    (tmp_path / "alerts.yaml").write_text(rules.replace("directflow_breaker_open) > 0", "directflow_breaker_open) > 1"))
    ended = run(promtool, "test", "rules", tmp_path / TESTS.name)
    assert ended.returncode != 0
    assert "DirectFlowBreakerOpen" in ended.stdout + ended.stderr


def samples_of(alert: str) -> list[Any]:
    cases = [case for group in yaml.safe_load(TESTS.read_text())["tests"] for case in group["promql_expr_test"]]
    return [case["exp_samples"] for case in cases if f'alertname="{alert}"' in case["expr"]]


@pytest.mark.parametrize("rule", deployment.rules(), ids=lambda rule: rule["alert"])
class TestEveryAlert:
    def test_is_tested_firing_and_quiet(self, rule: dict[str, Any]) -> None:
        samples = samples_of(rule["alert"])
        assert any(samples)
        assert not all(samples)

    def test_asks_only_for_what_the_services_export(self, rule: dict[str, Any]) -> None:
        assert deployment.metrics_of(rule["expr"])
        assert deployment.strangers(rule["expr"]) == []

    def test_keeps_releases_in_other_namespaces_apart(self, rule: dict[str, Any]) -> None:
        for labels in re.findall(r"\b(?:by|on) \(([^)]*)\)", rule["expr"]):
            assert labels.startswith("namespace, job"), labels

    def test_says_in_words_what_is_the_matter_and_where_to_read_on(self, rule: dict[str, Any]) -> None:
        told = rule["annotations"]
        assert set(told) == {"summary", "description", "runbook_url"}
        assert len(told["summary"]) < 120
        assert told["description"].strip().endswith(".")
        assert rule["labels"]["severity"] in ("critical", "warning")

    def test_names_only_labels_that_it_has(self, rule: dict[str, Any]) -> None:
        grouped = re.findall(r"\bby \(([^)]*)\)", rule["expr"])
        kept = {label.strip() for labels in grouped for label in labels.split(",")}
        named = set(re.findall(r"\$labels\.([a-z_]+)", " ".join(rule["annotations"].values())))
        assert named <= kept


def test_a_symptom_pages_and_comes_first() -> None:
    groups = yaml.safe_load(deployment.ALERTS.read_text())["groups"]
    severities = [[rule["labels"]["severity"] for rule in group["rules"]] for group in groups]
    assert groups[0]["name"] == "directflow-symptoms"
    assert severities[0][0] == "critical"
    assert severities[0].count("critical") > sum(group.count("critical") for group in severities[1:])


def test_a_metric_that_nobody_exports_is_noticed() -> None:
    assert deployment.strangers('sum by (connexion) (rate(directflow_pool_wait_total{state="idle"}[5m]))') == [
        "directflow_pool_wait_total",
        "by (connexion)",
    ]
    assert deployment.strangers('directflow_pool_sessions{stat="idle"}') == ["directflow_pool_sessions{stat}"]


def methods() -> set[str]:
    protos = (deployment.ROOT / "protos" / "directflow").glob("*/v1/*_service.proto")
    texts = [path.read_text() for path in protos]
    return {
        f"{package}.{service}/{method}"
        for text in texts
        for package in re.findall(r"^package (.+);$", text, flags=re.MULTILINE)
        for service in re.findall(r"^service (\w+)", text, flags=re.MULTILINE)
        for method in re.findall(r"^  rpc (\w+)", text, flags=re.MULTILINE)
    }


def test_every_method_that_a_rule_picks_or_leaves_out_exists() -> None:
    patterns = {one for rule in deployment.rules() for one in re.findall(r'rpc_method[=!]~"([^"]+)"', rule["expr"])}
    for pattern in patterns:
        before, _, alternatives = pattern.rstrip(")").partition("(")
        for alternative in alternatives.split("|"):
            assert [one for one in methods() if re.fullmatch(before + alternative, one)], alternative


def test_a_call_that_may_take_long_by_its_nature_is_never_called_slow() -> None:
    (rule,) = [rule for rule in deployment.rules() if rule["alert"] == "DirectFlowCallsSlow"]
    (left_out,) = re.findall(r'rpc_method!~"([^"]+)"', rule["expr"])
    judged = {one for one in methods() if not re.fullmatch(left_out, one)}
    assert not [one for one in judged if re.search(r"/(Stream|Watch|Create|Update|Rollback|Count|Diff|Explain)", one)]
    assert {one.rpartition("/")[2] for one in judged} >= {"EvaluateCondition", "PreviewAudience", "GetPersonalization"}
