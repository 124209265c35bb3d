"""One installation for all tests of this folder, which run in the order of ORDER: they are a release's life.

`make cluster-test` runs them, on whatever cluster kubectl has; a run's namespaces go at its end.
"""

import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..certificates import Authority
from . import clients, databases, manifests, vault
from . import release as releases
from .clients import Client
from .databases import Postgres
from .definitions import files
from .kubectl import apply, run
from .release import Release
from .vault import Vault

ORDER = (
    "test_install", "test_journey", "test_vault_logins", "test_network_policies",
    "test_password_rotation", "test_pod_deletion", "test_rolling_upgrade", "test_uninstall",
)  # fmt: skip
KEEP = "DIRECTFLOW_CLUSTER_KEEP"
"""Set: everything stays, to look at what went wrong."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = [item for item in items if Path(item.path).parent == Path(__file__).parent]
    for item in here:
        item.add_marker(pytest.mark.cluster)
    ordered = iter(sorted(here, key=lambda item: ORDER.index(Path(item.path).stem)))
    items[:] = [next(ordered) if item in here else item for item in items]


@pytest.fixture(scope="session")
def cluster() -> str:
    """The context that kubectl has; skips where nothing answers."""
    if shutil.which("kubectl") is None:
        pytest.skip("no kubectl on PATH: a cluster is needed (CONTRIBUTING.md)")
    ran = run("kubectl", "version", "--request-timeout=5s", timeout=20)
    if ran.returncode != 0:
        pytest.skip(f"kubectl reaches no cluster: {ran.stderr.strip().splitlines()[-1]}")
    return run("kubectl", "config", "current-context").stdout.strip()


@pytest.fixture(scope="session")
def namespaces(cluster: str) -> Iterator[dict[str, str]]:
    """Of DirectFlow, of those who call it, and of what stands behind it: each enforces restricted Pod Security."""
    suffix = secrets.token_hex(3)
    named = {what: f"{what}-{suffix}" for what in ("directflow", "clients", "backends")}
    apply(manifests.namespace(name, suffix) for name in named.values())
    yield named
    if not os.environ.get(KEEP):
        run("kubectl", "delete", "namespace", *named.values(), "--timeout=120s", timeout=150)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("cluster") / "authority")


@pytest.fixture(scope="session")
def postgres(namespaces: dict[str, str], authority: Authority) -> Postgres:
    return databases.start(namespaces["backends"], authority)


@pytest.fixture(scope="session")
def hashicorp(namespaces: dict[str, str], authority: Authority, postgres: Postgres) -> Iterator[Vault]:
    """Vault, with every password of `postgres`, and a role for the gateway's service account."""
    at = vault.start(namespaces["backends"], authority)
    vault.allow(at, f"{releases.NAME}-gateway", namespaces["directflow"])
    at.keep_password(postgres)
    at.keep_own(postgres)
    yield at
    if not os.environ.get(KEEP):
        at.close()


@pytest.fixture(scope="session")
def release(
    namespaces: dict[str, str],
    authority: Authority,
    postgres: Postgres,
    hashicorp: Vault,
    tmp_path_factory: pytest.TempPathFactory,
) -> Release:
    """Installed, every pod ready."""
    names = (namespaces["directflow"], namespaces["clients"], namespaces["backends"])
    prepared = releases.prepare(*names, authority, postgres, hashicorp, tmp_path_factory.mktemp("release"))
    prepared.install()
    return prepared


@pytest.fixture(scope="session")
def client(namespaces: dict[str, str], authority: Authority, release: Release, postgres: Postgres) -> Client:
    """Where the platform and a developer are."""
    repository, tag = releases.image()
    given = files(postgres)
    return clients.start(
        namespaces["clients"], authority, releases.TRUST_DOMAIN, f"{repository}:{tag}", release.targets, given
    )


@pytest.fixture(scope="session")
def people(client: Client) -> int:
    """How many the audience of the load has. Everything is defined then."""
    return client.defined()
