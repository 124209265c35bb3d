"""The documented product through the Services: a developer defines, the platform uses, over mTLS."""

import json
import time
from collections import Counter

from .clients import CONDITION, DATA_SOURCE, SEGMENT, Client, Outcome
from .release import Release

METHODS = {"segments": "/GetPersonalization", "conditions": "/EvaluateCondition", "gateway": "/EvaluateSet"}
CALLS_S = 5.0
FOUND_S = 100.0


def test_a_developer_applies_a_connection_a_data_source_and_a_condition(client: Client) -> None:
    client.ok("developer", "apply", "-f", "/definitions/")
    again = client.directflow("developer", "diff", "-f", "/definitions/")
    assert again.returncode == 0, again.stdout + again.stderr


def test_the_connection_passes_its_test(client: Client) -> None:
    client.ok("developer", "connection", "test", "customer")


def test_the_platform_streams_a_whole_audience(client: Client, people: int) -> None:
    counted = client.ok("platform", "audience", "count", DATA_SOURCE, "--segment", SEGMENT, "-o", "json")
    streamed = client.ok("platform", "audience", "stream", DATA_SOURCE, "--segment", SEGMENT, "-o", "csv")
    assert len(streamed.splitlines()) == json.loads(counted)["people"] + 1


def test_the_platform_evaluates_a_condition(client: Client, people: int) -> None:
    for profile, exit_code in {"2": 0, "3": 1}.items():
        ran = client.directflow("platform", "condition", "evaluate", CONDITION, "-p", profile)
        assert ran.returncode == exit_code, ran.stdout + ran.stderr


def test_the_platform_may_not_define(client: Client, people: int) -> None:
    ran = client.directflow("platform", "delete", "condition", CONDITION)
    assert ran.returncode == 7, ran.stdout + ran.stderr


def test_calls_are_spread_over_both_pods_of_every_service(client: Client, people: int, release: Release) -> None:
    # Who has connected while a service had one pod only finds the other one when the connection has its age.
    ends_at = time.monotonic() + FOUND_S
    while True:
        served, outcome = calls_served(client, people, release)
        assert outcome.failed == 0, outcome.told()
        if all(len(counted) == 2 and min(counted.values()) >= outcome.calls // 8 for counted in served.values()):
            break
        assert time.monotonic() < ends_at, json.dumps(served)
    print(json.dumps(served))


def calls_served(client: Client, people: int, release: Release) -> tuple[dict[str, Counter[str]], Outcome]:
    """By service and pod, of some seconds of calls."""
    before = {service: release.calls(service, method) for service, method in METHODS.items()}
    with client.calling(people, streams=0, rate=20) as outcome:
        time.sleep(CALLS_S)
    return {service: release.calls(service, method) - before[service] for service, method in METHODS.items()}, outcome
