"""The documented product through the Services: a developer defines, the platform uses, over mTLS."""

import json

from .clients import CONDITION, DATA_SOURCE, SEGMENT, Client
from .release import Release

CALLS = 24


def test_a_developer_applies_a_connection_a_data_source_and_a_condition(client: Client) -> None:
    client.ok("developer", "apply", "-f", "/definitions/")
    again = client.directflow("developer", "diff", "-f", "/definitions/")
    assert again.returncode == 0, again.stdout + again.stderr


def test_the_connection_passes_its_test(client: Client) -> None:
    client.ok("developer", "connection", "test", "customer")


def test_the_platform_streams_a_whole_audience(client: Client, people: int) -> None:
    streamed = client.ok("platform", "audience", "stream", DATA_SOURCE, "--segment", SEGMENT, "-o", "csv")
    assert len(streamed.splitlines()) == people + 1


def test_the_platform_evaluates_a_condition(client: Client, people: int) -> None:
    for profile, exit_code in {"2": 0, "3": 1}.items():
        ran = client.directflow("platform", "condition", "evaluate", CONDITION, "-p", profile)
        assert ran.returncode == exit_code, ran.stdout + ran.stderr


def test_the_platform_may_not_define(client: Client, people: int) -> None:
    ran = client.directflow("platform", "delete", "condition", CONDITION)
    assert ran.returncode == 7, ran.stdout + ran.stderr


def test_calls_are_spread_over_both_pods_of_every_service(client: Client, people: int, release: Release) -> None:
    methods = {"segments": "/GetPersonalization", "conditions": "/EvaluateCondition", "gateway": "/EvaluateSet"}
    before = {service: release.calls(service, method) for service, method in methods.items()}
    with client.calling(people, streams=0, rate=20) as outcome:
        client.ok("platform", "segment", "list", DATA_SOURCE, "-o", "json")
    assert outcome.failed == 0, outcome.told()
    served = {service: release.calls(service, method) - before[service] for service, method in methods.items()}
    assert all(len(counted) == 2 for counted in served.values()), json.dumps(served)
    assert all(min(served[service].values()) >= outcome.calls // 8 for service in ("segments", "conditions")), served
