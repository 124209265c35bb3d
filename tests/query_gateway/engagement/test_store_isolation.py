"""Workspaces are kept apart by row level security, roles by their grants, and callers by the identity policy."""

from pathlib import Path
from typing import Any

import psycopg
import pytest
from directflow_gateway.credentials.content import parse
from directflow_runtime.errors import StatusCode

TABLES = ("engagement_events", "engagement_identities", "engagement_subscriptions")


def connect(store: Any, role: str) -> psycopg.Connection[Any]:
    login = parse(Path(store.settings[f"{role}_credential"]).read_bytes())
    return psycopg.connect(
        host=store.server.host,
        port=store.server.port,
        dbname=store.database,
        user=login.user,
        password=login.password,
        autocommit=True,
    )


@pytest.fixture
async def filled(store: Any, event: Any) -> Any:
    for workspace in ("one", "two"):
        await store.append(event(profile_id=f"{workspace}'s", type="COMPLAINED"), workspace=workspace)
    return store


async def test_a_workspace_sees_nothing_of_another(filled: Any) -> None:
    complained = {"event": {"type": "EVENT_TYPE_COMPLAINED"}}
    blocked = {"subscription": {"channel": "email", "state": "SUBSCRIPTION_STATE_COMPLAINED"}}

    got = await filled.evaluate([complained, blocked], ["one's", "two's"], workspace="one")

    assert list(got.outcomes) == [True, False] * 2
    assert not (await filled.events_of("two's", workspace="one")).events


@pytest.mark.parametrize("role", ["owner", "reader"])
async def test_a_query_without_a_workspace_sees_nothing(filled: Any, role: str) -> None:
    with connect(filled, role) as session:
        for table in ("engagement_events", "engagement_subscriptions"):
            assert session.execute(f"SELECT count(*) FROM directflow.{table}").fetchone() == (0,)
            with session.transaction():
                session.execute("SELECT set_config('directflow.workspace', 'one', true)")
                profiles = session.execute(f"SELECT DISTINCT profile_id FROM directflow.{table}").fetchall()
            assert profiles == [("one's",)]
            assert session.execute(f"SELECT count(*) FROM directflow.{table}").fetchone() == (0,)


async def test_a_workspace_cannot_be_written_for_another(filled: Any) -> None:
    with connect(filled, "writer") as session, session.transaction():
        session.execute("SELECT set_config('directflow.workspace', 'one', true)")
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
            session.execute("INSERT INTO directflow.engagement_subscriptions VALUES ('two', 'p', 'email')")


FORBIDDEN = {
    "reader": [f"DELETE FROM directflow.{table}" for table in TABLES]
    + [
        "SELECT * FROM directflow.engagement_identities",
        "INSERT INTO directflow.engagement_subscriptions VALUES ('one', 'p', 'email')",
        "CREATE TABLE directflow.mine ()",
        "SELECT * FROM directflow.migrations",
    ],
    "writer": [f"DELETE FROM directflow.{table}" for table in TABLES]
    + [
        "SELECT * FROM directflow.engagement_events",
        "UPDATE directflow.engagement_events SET type = 1",
        "UPDATE directflow.engagement_identities SET occurred_on = now()",
        "TRUNCATE directflow.engagement_events",
        "CREATE TABLE directflow.mine ()",
        "SELECT * FROM directflow.migrations",
    ],
}


@pytest.mark.parametrize("role", FORBIDDEN)
async def test_a_role_may_do_nothing_but_its_work(filled: Any, role: str) -> None:
    partitions = filled.rows(
        "SELECT c.relname FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid WHERE relkind = 'r'"
    )
    around = [f"SELECT * FROM directflow.{name}" for (name,) in partitions]
    assert around
    with connect(filled, role) as session:
        for statement in FORBIDDEN[role] + around:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                session.execute(statement)


async def test_a_partition_shows_nothing_even_to_somebody_with_a_grant(filled: Any) -> None:
    """As a DBA's default privileges would give it."""
    partition = filled.rows("SELECT DISTINCT tableoid::regclass::text FROM directflow.engagement_events")[0][0]
    with filled.admin() as admin:
        admin.execute(f"GRANT SELECT ON {partition} TO {filled.database}_reader")
    with connect(filled, "reader") as session, session.transaction():
        session.execute("SELECT set_config('directflow.workspace', 'one', true)")
        assert session.execute("SELECT count(*) FROM directflow.engagement_events").fetchone() != (0,)
        assert session.execute(f"SELECT count(*) FROM {partition}").fetchone() == (0,)
    with filled.admin() as admin:
        admin.execute(f"REVOKE SELECT ON {partition} FROM {filled.database}_reader")


async def test_a_caller_without_the_workspace_is_refused_before_anything_else(
    postgres: Any, open_store: Any, event: Any
) -> None:
    callers = [{"name": "development", "services": ["directflow.gateway.v1."], "workspaces": ["mine"]}]
    store = await open_store(postgres, None, callers=callers)
    bucket = {"bucket": {"salt": "s", "last": 1}}
    for call in (store.append(), store.evaluate([bucket], ["p"]), store.events_of("p")):
        error = await store.failure(call)
        assert (error.code, error.reason) == (StatusCode.PERMISSION_DENIED, "IDENTITY_NOT_ALLOWED")


async def test_a_caller_whose_services_lack_the_store_cannot_call_it(postgres: Any, open_store: Any) -> None:
    """The conditions service has the prefix `directflow.gateway.v1.EngagementStoreService/`; segments has not."""
    callers = [{"name": "development", "services": ["directflow.gateway.v1.QueryService/"], "workspaces": ["*"]}]
    store = await open_store(postgres, None, callers=callers)
    error = await store.failure(store.events_of("p"))
    assert (error.code, error.reason) == (StatusCode.PERMISSION_DENIED, "IDENTITY_NOT_ALLOWED")


async def test_without_a_database_in_the_settings_every_method_says_so(
    open_store: Any, postgres: Any, event: Any
) -> None:
    store = await open_store(postgres, None)
    bucket = {"bucket": {"salt": "s", "last": 1}}
    for call in (store.append(event()), store.evaluate([bucket], ["p"]), store.events_of("p")):
        error = await store.failure(call)
        assert (error.code, error.reason) == (StatusCode.FAILED_PRECONDITION, "STORE_NOT_CONFIGURED")
