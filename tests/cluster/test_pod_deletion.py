"""A pod of each service is deleted, all three at once, while calls and streams run."""

import time

from .clients import Client
from .kubectl import kubectl
from .release import SERVICES, Release

BEFORE_S, AFTER_S = 10.0, 20.0
STREAM_S = 120.0
"""Longer than a pod serves on before it stops: streams are under way when it does."""
GONE_S = 300


def test_no_call_fails_and_no_stream_is_cut_when_pods_are_deleted(
    client: Client, people: int, release: Release
) -> None:
    gone = {service: release.names(service)[0] for service in SERVICES}
    with client.calling(people, streams=4, stream_s=STREAM_S) as outcome:
        time.sleep(BEFORE_S)
        with release.drained(*gone.values()) as running:
            kubectl(
                "-n", release.namespace, "delete", "pod", *gone.values(), f"--timeout={GONE_S}s", timeout=GONE_S + 30
            )
        for service in SERVICES:
            release.wait_for(service, 2)
        time.sleep(AFTER_S)
    print(outcome.told(), running)
    assert not set(gone.values()) & {name for service in SERVICES for name in release.names(service)}
    assert (outcome.failed, outcome.truncated) == (0, 0), outcome.told()
    assert outcome.calls > 1000
    assert outcome.streams >= 4
    assert running[gone["segments"]] + running[gone["gateway"]] > 0, "no stream was under way when a pod stopped"
