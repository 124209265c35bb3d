"""The product over mutual TLS: a developer defines, the platform uses, and each is who its certificate says."""

import json
from pathlib import Path

from .cluster import Cluster
from .definitions import Customer


def test_the_platform_streams_an_audience_that_a_developer_defined(
    cluster: Cluster, customer: Customer, tmp_path: Path
) -> None:
    file = tmp_path / "people.jsonl"
    ran = cluster.directflow("platform", "audience", "stream", "people", "-o", "jsonl", "--output-file", str(file))
    assert ran.returncode == 0, ran.stderr
    assert len(file.read_text().splitlines()) == customer.people


def test_the_platform_evaluates_a_condition_that_a_developer_defined(cluster: Cluster) -> None:
    ran = cluster.directflow("platform", "condition", "evaluate", "adult", "-p", "20")
    assert ran.returncode == 0, ran.stderr
    ran = cluster.directflow("platform", "condition", "evaluate", "adult", "-p", "7")
    assert ran.returncode == 1, ran.stderr


def test_the_platform_may_not_define(cluster: Cluster) -> None:
    ran = cluster.directflow("platform", "delete", "condition", "adult")
    assert ran.returncode == 7, ran.stderr
    assert "platform may not call directflow.conditions.v1.ConditionService/DeleteCondition" in ran.stderr


def test_a_developer_asks_the_gateway_what_is_marked_for_developers(cluster: Cluster) -> None:
    ran = cluster.directflow("developer", "query", "describe", "-c", "customer", "--sql", "SELECT id FROM people")
    assert ran.returncode == 0, ran.stderr
    ran = cluster.directflow("developer", "connection", "test", "customer")
    assert ran.returncode == 0, ran.stderr


def test_whoever_is_in_no_settings_is_told_so_and_the_operator_which_name_he_has(cluster: Cluster) -> None:
    ran = cluster.directflow("stranger", "list", "data-sources")
    assert ran.returncode == 7, ran.stderr
    assert "IDENTITY_UNKNOWN" in ran.stderr
    assert "spiffe://cluster.local/ns/directflow/sa/stranger" in cluster.log("segments")


def test_a_log_line_says_who_called(cluster: Cluster) -> None:
    assert cluster.directflow("platform", "segment", "list", "people").returncode == 0
    for service, identity in {"segments": "platform", "gateway": "segments"}.items():
        lines = [json.loads(line) for line in cluster.log(service).splitlines() if line.startswith("{")]
        assert identity in {line["identity"] for line in lines if line["event"] == "call"}
