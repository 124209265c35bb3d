"""A PostgreSQL that is a copy of an initialised data directory instead of the work of an initdb of its own."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from directflow_cli.dev.postgres import PostgresServer
from directflow_cli.dev.postgres_binaries import Cluster, Installation, PostgresUnavailable, choose


@pytest.fixture(scope="module")
def pattern() -> Iterator[PostgresServer]:
    """Initialised and never started."""
    server = PostgresServer.create(choose("system-first"))
    yield server
    server.destroy()


@pytest.fixture(scope="module")
def copied(pattern: PostgresServer) -> Installation:
    """Its servers are copies of the pattern."""
    return replace(pattern.installation, cluster=Cluster(pattern.data, pattern.admin.password))


def contents(folder: Path) -> dict[Path, bytes]:
    return {file: file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


def test_copies_serve_at_the_same_time_and_neither_sees_the_others_data(
    pattern: PostgresServer, copied: Installation
) -> None:
    before = contents(pattern.data)
    with PostgresServer.create(copied) as one, PostgresServer.create(copied) as other:
        one.psql("CREATE TABLE mine ()")
        assert other.psql("SELECT count(*) FROM pg_class WHERE relname = 'mine'") == "0"
    assert contents(pattern.data) == before


def test_a_copy_has_the_settings_that_it_was_given(copied: Installation) -> None:
    with PostgresServer.create(copied, {"max_connections": "7"}) as server:
        assert server.psql("SHOW max_connections") == "7"


def test_the_password_is_asked_for_and_shown_by_no_repr(copied: Installation) -> None:
    assert copied.cluster is not None
    assert copied.cluster.password not in repr(copied)
    with PostgresServer.create(copied) as server:
        assert server.admin.password == copied.cluster.password
        assert server.psql("SELECT count(*) FROM pg_hba_file_rules WHERE auth_method <> 'scram-sha-256'") == "0"


def test_a_copy_is_made_beside_its_cluster_and_leaves_nothing_there_when_it_fails(copied: Installation) -> None:
    with TemporaryDirectory(dir="/tmp") as parent:
        Path(parent).chmod(0o755)  # within reach of the account that the server runs under
        nowhere = replace(copied, cluster=Cluster(Path(parent, "server", "data"), ""))
        with pytest.raises(PostgresUnavailable, match=f"(?s)cannot be copied.*{parent}/"):
            PostgresServer.create(nowhere)
        assert list(Path(parent).iterdir()) == []
