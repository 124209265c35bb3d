"""`helm upgrade` of all three services at once, while calls and streams run."""

import time

from .clients import Client
from .release import SERVICES, Release

BEFORE_S, AFTER_S = 5.0, 45.0
"""Behind it for longer than clients keep an answer of DNS: whoever still calls a pod that is gone shows."""
STREAM_S = 120.0


def test_no_call_fails_and_no_stream_is_cut_by_an_upgrade(client: Client, people: int, release: Release) -> None:
    before = {service: set(release.names(service)) for service in SERVICES}
    with client.calling(people, streams=4, stream_s=STREAM_S) as outcome:
        time.sleep(BEFORE_S)
        release.install(**{f"{service}.podAnnotations": {"example.com/upgrade": "1"} for service in SERVICES})
        time.sleep(AFTER_S)
    print(outcome.told())
    for service in SERVICES:
        assert len(release.names(service)) == 2
        assert not before[service] & set(release.names(service))
    assert (outcome.failed, outcome.truncated) == (0, 0), outcome.told()
    assert outcome.calls > 1000
    assert outcome.streams >= 4
