"""What the network lets through, tried from inside the pods."""

from collections.abc import Mapping

import pytest

from .clients import Client, in_pod
from .databases import Postgres
from .kubectl import run
from .release import SERVICES, Release
from .vault import Vault

# Addresses, not names: that a name is not found would prove nothing about the network.
TRY = """
import socket, sys
for place in sys.argv[1:]:
    host, _, port = place.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=4).close()
        print(place, "reached")
    except OSError as error:
        print(place, type(error).__name__)
"""


@pytest.fixture(scope="module")
def places(release: Release, postgres: Postgres, hashicorp: Vault) -> Mapping[str, str]:
    """Address and port of everything that somebody may want to reach."""
    api = run(
        "kubectl",
        "get",
        "endpoints",
        "kubernetes",
        "-o",
        "jsonpath={.subsets[0].addresses[0].ip}:{.subsets[0].ports[0].port}",
    )
    return {
        "postgres": f"{_address(postgres.namespace, 'postgres')}:5432",
        "vault": f"{_address(hashicorp.namespace, 'vault')}:8200",
        "api server": api.stdout.strip(),
        **{service: f"{_pod_address(release, service)}:7400" for service in SERVICES},
    }


def _address(namespace: str, pod: str) -> str:
    return run("kubectl", "-n", namespace, "get", "pod", pod, "-o", "jsonpath={.status.podIP}").stdout


def _pod_address(release: Release, service: str) -> str:
    """Not of the pod that tries: everybody reaches oneself."""
    return str(release.pods(service)[1]["status"]["podIP"])


def reached(said: str, places: Mapping[str, str]) -> set[str]:
    """Names of the places that a run of TRY has reached."""
    answers = dict(line.split(maxsplit=1) for line in said.splitlines())
    assert set(answers) == set(places.values()), said
    return {name for name, place in places.items() if answers[place] == "reached"}


@pytest.mark.parametrize("service", ["segments", "conditions"])
def test_segments_and_conditions_reach_the_gateway_and_nothing_else(
    service: str, release: Release, places: Mapping[str, str]
) -> None:
    ran = release.python(service, TRY, *places.values())
    assert reached(ran.stdout, places) == {"gateway"}, ran.stdout + ran.stderr


def test_the_gateway_reaches_databases_and_vault_and_nothing_else(release: Release, places: Mapping[str, str]) -> None:
    ran = release.python("gateway", TRY, *places.values())
    assert reached(ran.stdout, places) == {"postgres", "vault"}, ran.stdout + ran.stderr


def test_clients_reach_what_they_may_call(client: Client, places: Mapping[str, str]) -> None:
    ran = in_pod(client, TRY, *(places[service] for service in SERVICES))
    assert reached(ran.stdout, {name: places[name] for name in SERVICES}) == set(SERVICES)


def test_whoever_is_no_client_reaches_no_pod_of_the_release(
    release: Release, postgres: Postgres, places: Mapping[str, str]
) -> None:
    for service in SERVICES:
        host, _, port = places[service].rpartition(":")
        shell = f"exec 3<>/dev/tcp/{host}/{port}"
        ran = run("kubectl", "-n", postgres.namespace, "exec", "postgres", "--", "timeout", "4", "bash", "-c", shell)
        assert ran.returncode != 0
