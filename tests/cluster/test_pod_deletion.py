"""A pod of each service is deleted, one after the other, while calls and streams run."""

import time

import pytest

from .clients import Client
from .kubectl import kubectl
from .release import SERVICES, Release

BEFORE_S, AFTER_S = 5.0, 10.0


@pytest.mark.parametrize("service", SERVICES)
def test_no_call_fails_and_no_stream_is_cut_when_a_pod_is_deleted(
    service: str, client: Client, people: int, release: Release
) -> None:
    gone = release.names(service)[0]
    with client.calling(people) as outcome:
        time.sleep(BEFORE_S)
        kubectl("-n", release.namespace, "delete", "pod", gone, "--timeout=150s", timeout=180)
        release.wait_for(service, 2)
        time.sleep(AFTER_S)
    print(outcome.told())
    assert gone not in release.names(service)
    assert (outcome.failed, outcome.truncated) == (0, 0), outcome.told()
    assert outcome.calls > 100
    assert outcome.streams > 0
