"""The first minutes of a release: installed with --wait in a namespace that enforces restricted Pod Security."""

from .kubectl import objects
from .release import SERVICES, Release


def test_two_pods_of_each_service_are_ready(release: Release) -> None:
    assert {service: len(release.names(service)) for service in SERVICES} == dict.fromkeys(SERVICES, 2)


def test_no_pod_had_to_start_twice(release: Release) -> None:
    statuses = [
        status for service in SERVICES for pod in release.pods(service) for status in pod["status"]["containerStatuses"]
    ]
    assert [status["restartCount"] for status in statuses] == [0] * 6


def test_the_namespace_refused_nothing(release: Release) -> None:
    warnings = [event for event in objects("events", release.namespace) if "PodSecurity" in event.get("message", "")]
    assert warnings == []


def test_helm_test_makes_a_real_call(release: Release) -> None:
    ran = release.test()
    assert ran.returncode == 0, ran.stdout + ran.stderr
    served = [release.calls(service, f"/{method}") for service, method in LISTED.items()]
    assert all(counted.total() > 0 for counted in served), ran.stdout


LISTED = {"segments": "ListDataSources", "conditions": "ListConditions"}
