"""Which databases a run gets: never one of ours on a server of the user's own, and no engagement where none can be."""

import io

import pytest
from directflow_cli.dev import databases
from directflow_cli.dev.options import DevOptions
from directflow_cli.dev.postgres_binaries import PostgresUnavailable
from rich.console import Console

URL = "postgresql://me:s3cret@127.0.0.1:1/mine"


@pytest.fixture
def console() -> Console:
    return Console(file=io.StringIO(), width=200)


def said(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_beside_a_database_of_the_users_own_ours_is_elsewhere(console: Console) -> None:
    with databases.serving(DevOptions(database_url=URL), console) as found:
        assert (found.customer.port, found.customer.database) == (1, "mine")
        assert found.directflow is not None
        assert found.directflow.port != found.customer.port
    assert "for engagement: nothing is written to yours" in said(console)


def test_where_no_postgresql_can_be_started_engagement_is_left_out_and_that_is_said(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(_: str) -> None:
        raise PostgresUnavailable("install it")

    monkeypatch.setattr("directflow_cli.dev.postgres_binaries.choose", none)
    with databases.serving(DevOptions(database_url=URL), console) as found:
        assert found.directflow is None
    assert "No engagement" in said(console)
    assert "install it" in said(console)
    assert "s3cret" not in said(console)
