"""DirectFlow's own database away, restarted, refusing or slow: typed errors meanwhile, healing without a restart."""

import asyncio
import json
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import psycopg
import pytest
from directflow.gateway.v1 import engagement_store_service_pb2 as pb
from directflow_cli.dev.postgres import PostgresServer
from directflow_gateway.credentials.content import parse
from directflow_runtime.errors import StatusCode
from directflow_runtime.remote import RemoteError, remote_error

UNAVAILABLE = (StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE")
OPENED = {"event": {"type": "EVENT_TYPE_OPENED"}}


@pytest.fixture(scope="module")
def server(postgres_installation: Any) -> Iterator[PostgresServer]:
    """A server of this module's own, to stop and to kill."""
    with PostgresServer.create(postgres_installation) as one:
        yield one


def login_of(store: Any, role: str) -> tuple[Path, str]:
    """The role's credential file, and the user in it."""
    file = Path(store.settings[f"{role}_credential"])
    return file, parse(file.read_bytes()).user


def write(file: Path, user: str, password: str) -> None:
    file.write_text(json.dumps({"username": user, "password": password}))


async def outcome(call: Any) -> RemoteError | None:
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return remote_error(error)
    return None


async def healed(make_call: Any, within_s: float = 15) -> bool:
    """True when a call succeeds within this time; every failure before it is an outage with RetryInfo."""
    ends_at = time.monotonic() + within_s
    while error := await outcome(make_call()):
        assert (error.code, error.reason) == UNAVAILABLE
        assert error.retry_after
        if time.monotonic() > ends_at:
            return False
        await asyncio.sleep(0.05)
    return True


async def test_a_gateway_starts_without_its_database_and_prepares_it_when_it_comes(
    server: Any, own_database: Any, open_store: Any, event: Any
) -> None:
    section = own_database(server)
    server.stop()
    store = await open_store(server, section)

    for call in (store.append(event()), store.evaluate([OPENED], ["ada"]), store.events_of("ada")):
        error = await store.failure(call)
        assert (error.code, error.reason) == UNAVAILABLE
        assert error.retry_after
        assert server.host not in error.message

    server.start()
    assert await healed(lambda: store.append(event()))
    assert list((await store.evaluate([OPENED], ["ada"])).counts) == [1]


async def test_stops_and_crashes_of_the_database_heal_by_themselves(
    server: Any, own_database: Any, open_store: Any, event: Any
) -> None:
    store = await open_store(server, own_database(server))
    await store.append(event(event_id="before"))
    for name in ("stop", "kill"):
        await store.events_of("ada")
        getattr(server, name)()
        for call in (store.append(event()), store.events_of("ada")):
            error = await store.failure(call)
            assert (error.code, error.reason) == UNAVAILABLE
        server.start()
        later = event(event_id=f"after {name}")
        assert await healed(partial(store.append, later))
    found = (await store.events_of("ada")).events
    assert {"before", "after stop", "after kill"} <= {one.event_id for one in found}


async def test_a_killed_session_costs_no_call(store: Any, event: Any) -> None:
    await store.append(event())
    await store.events_of("ada")
    with store.admin() as admin:
        admin.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename ~ '^{store.database}'")

    assert (await store.append(event())).accepted_count == 1
    assert len((await store.events_of("ada")).events) == 2


async def test_a_session_killed_within_a_statement_costs_no_event(store: Any, event: Any) -> None:
    await store.append(event(event_id="first"))
    with store.admin() as admin, store.admin() as locker:
        with locker.transaction():
            locker.execute("LOCK TABLE directflow.engagement_identities IN EXCLUSIVE MODE")
            running = asyncio.create_task(store.append(event(event_id="second")))
            killed = None
            while not killed:
                await asyncio.sleep(0.02)
                killed = admin.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    f" WHERE usename = '{store.database}_writer' AND wait_event_type = 'Lock'"
                ).fetchone()
        answer = await running
    assert (answer.accepted_count, answer.duplicate_count) == (1, 0)


async def test_a_rotated_password_is_read_when_the_old_one_is_refused(store: Any, event: Any) -> None:
    await store.append(event())
    file, user = login_of(store, "reader")
    with store.admin() as admin:
        admin.execute(psycopg.sql.SQL("ALTER ROLE {} PASSWORD 'fresh'").format(psycopg.sql.Identifier(user)))
    write(file, user, "fresh")

    assert await healed(lambda: store.events_of("ada"))


async def test_a_right_that_was_lost_is_granted_again(store: Any, event: Any) -> None:
    await store.append(event())
    _, user = login_of(store, "reader")
    with store.admin() as admin:
        revoke = "REVOKE ALL ON ALL TABLES IN SCHEMA directflow FROM {}"
        admin.execute(psycopg.sql.SQL(revoke).format(psycopg.sql.Identifier(user)))

    error = await store.failure(store.events_of("ada"))

    assert (error.code, error.reason) == UNAVAILABLE
    assert await healed(lambda: store.events_of("ada"))


async def test_the_deadline_of_a_call_ends_its_statement(store: Any, event: Any) -> None:
    await store.append(event())
    request = pb.AppendEventsRequest(parent="workspaces/demo", events=[event()])
    with store.admin() as locker, locker.transaction():
        locker.execute("LOCK TABLE directflow.engagement_events")
        error = await store.failure(store.stub.AppendEvents(request, timeout=0.5))
        assert error.code is StatusCode.DEADLINE_EXCEEDED

    user = login_of(store, "writer")[1]
    running = f"SELECT count(*) FROM pg_stat_activity WHERE usename = '{user}' AND xact_start IS NOT NULL"
    ends_at = time.monotonic() + 10
    while store.rows(running) != [(0,)]:
        assert time.monotonic() < ends_at
        await asyncio.sleep(0.02)
    assert (await store.append(event())).accepted_count == 1


async def test_a_wrong_password_is_an_outage_and_no_secret(
    postgres: Any, own_database: Any, open_store: Any, event: Any
) -> None:
    store = await open_store(postgres, own_database(postgres))
    file, user = login_of(store, "writer")
    with store.admin() as admin:  # else the password before would go on serving
        admin.execute(psycopg.sql.SQL("ALTER ROLE {} PASSWORD 'third'").format(psycopg.sql.Identifier(user)))
    write(file, user, "wrong-canary")

    error = await store.failure(store.append(event()))

    assert (error.code, error.reason) == UNAVAILABLE
    assert error.metadata["cause"] == "CREDENTIALS_REJECTED"
    assert "canary" not in str(error.message) + str(error.metadata)
    assert user not in str(error.message) + str(error.metadata)
