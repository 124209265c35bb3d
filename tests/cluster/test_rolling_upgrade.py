"""`helm upgrade` of all three services at once, while calls and streams run."""

import time

from .clients import Client
from .release import SERVICES, Release

BEFORE_S, AFTER_S = 5.0, 45.0
"""Behind it for longer than clients keep an answer of DNS: whoever still calls a pod that is gone shows."""
STREAM_S = 120.0
"""Longer than a pod serves on before it stops: streams are under way when it does."""
GONE_S = 300.0
"""Helm is done when the new pods are ready; the old ones serve on, and finish their streams."""


def test_no_call_fails_and_no_stream_is_cut_by_an_upgrade(client: Client, people: int, release: Release) -> None:
    before = {service: set(release.names(service)) for service in SERVICES}
    stopped = set().union(*before.values())
    with client.calling(people, streams=4, stream_s=STREAM_S) as outcome:
        time.sleep(BEFORE_S)
        with release.drained(*stopped) as running:
            release.install(**{f"{service}.podAnnotations": {"example.com/upgrade": "1"} for service in SERVICES})
            release.wait_until_gone(stopped, GONE_S)
        time.sleep(AFTER_S)
    print(outcome.told(), running)
    for service in SERVICES:
        assert len(release.names(service)) == 2
        assert not before[service] & set(release.names(service))
    assert (outcome.failed, outcome.truncated) == (0, 0), outcome.told()
    assert outcome.calls > 1000
    assert outcome.streams >= 4
    under_way = sum(running[pod] for service in ("segments", "gateway") for pod in before[service])
    assert under_way > 0, "no stream was under way when a pod stopped"
