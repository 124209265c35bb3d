"""After any statement, also one that the guard would have refused, a pooled session is as a fresh one."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
import pytest
from directflow_gateway.execution import fetch_first
from directflow_gateway.execution.wire import Statement
from directflow_runtime.errors import DirectFlowError

STATE = """
SELECT json_build_object(
    -- PL/pgSQL adds its own settings when it is loaded, with their defaults.
    'settings', (SELECT json_object_agg(name, setting) FROM pg_settings WHERE name NOT LIKE 'plpgsql.%'),
    'users', current_user || ' ' || session_user,
    'schemas', current_schemas(true),
    'prepared', (SELECT count(*) FROM pg_prepared_statements),
    'cursors', (SELECT count(*) FROM pg_cursors),
    'listening', (SELECT count(*) FROM pg_listening_channels()),
    'advisory locks', (SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory'),
    'temporary', (SELECT count(*) FROM pg_class WHERE relpersistence = 't'))
"""
FUNCTION = """
CREATE FUNCTION {name}() RETURNS text LANGUAGE plpgsql AS $$ BEGIN {body} RETURN 'done'; END $$
"""
BODIES = {
    "listens": "LISTEN somewhere;",
    "sets": "SET search_path = nowhere; SET ROLE {role};",
    "opens": "EXECUTE 'DECLARE c CURSOR WITH HOLD FOR SELECT 1';",
}
SUCCEED = [
    "SELECT set_config('search_path', 'nowhere', false)",
    "SELECT set_config('timezone', 'Asia/Kathmandu', false), set_config('datestyle', 'German', false)",
    "SELECT set_config('statement_timeout', '0', false), set_config('work_mem', '64kB', false)",
    "SELECT set_config('application_name', 'mine', false), set_config('custom.thing', 'mine', true)",
    "SELECT pg_advisory_lock(1), pg_advisory_lock_shared(2), pg_advisory_xact_lock(3)",
    "SELECT pg_notify('somewhere', 'hello')",
    "SELECT listens()",
    "SELECT opens()",
]
FAIL = [
    "SELECT set_config('transaction_read_only', 'off', false)",
    "SELECT sets()",
    "SELECT 1 / 0",
    "SELECT no_such_column",
    "SELECT pg_advisory_lock(1), 1 / (random() * 0)::int",
]


@pytest.fixture(scope="module")
def functions(postgres: Any, postgres_database: str) -> None:
    role = postgres.create_role("LOGIN").name
    for name, body in BODIES.items():
        postgres.psql(FUNCTION.format(name=name, body=body.format(role=role)), database=postgres_database)


async def state(session: Any) -> dict[str, Any]:
    (shown,) = await (await session.execute(STATE)).fetchone()
    return dict(shown)


@pytest.mark.parametrize("statement", SUCCEED + FAIL)
@pytest.mark.usefixtures("functions")
async def test_a_session_equals_a_fresh_one(
    make_stand: Callable[..., Any], postgres: Any, postgres_database: str, statement: str
) -> None:
    stand = make_stand(postgres, postgres_database, pool_size=1)
    async with stand.lease() as session:
        pid, fresh = session.pgconn.backend_pid, await state(session)
    with contextlib.nullcontext() if statement in SUCCEED else pytest.raises(DirectFlowError):
        async with stand.transaction() as session:
            await fetch_first(session, statement, (), 2)
    async with stand.lease() as session:
        assert session.pgconn.backend_pid == pid
        assert await state(session) == fresh


async def test_a_notification_of_a_statement_is_not_sent(stand: Any, postgres_dsn: str) -> None:
    async with await psycopg.AsyncConnection.connect(postgres_dsn, autocommit=True) as listener:
        await listener.execute("LISTEN somewhere")
        async with stand.transaction() as session:
            await fetch_first(session, "SELECT pg_notify('somewhere', 'hello')", (), 2)
        await listener.execute("NOTIFY somewhere, 'the end'")
        heard = [notice.payload async for notice in listener.notifies(timeout=5, stop_after=1)]
    assert heard == ["the end"]


Leave = Callable[[Any], Awaitable[None]]


async def leave_by_cancel(session: Any) -> None:
    slow = "SELECT pg_advisory_lock(7), set_config('timezone', 'UTC', false), pg_sleep(30)"
    async with asyncio.timeout(0.2):
        await fetch_first(session, slow, (), 2)


async def leave_with_rows_unread(session: Any) -> None:
    many = "SELECT pg_advisory_lock(7), repeat('x', 1000) FROM generate_series(1, 100000)"
    await session.wire.start(Statement(many), 8)
    await session.wire.result()
    raise TimeoutError


async def leave_in_a_pipeline(session: Any) -> None:
    session.pgconn.enter_pipeline_mode()
    session.pgconn.send_query_params(b"SELECT pg_advisory_lock(7), pg_sleep(30)", None)
    session.pgconn.pipeline_sync()
    session.pgconn.flush()
    raise TimeoutError


@pytest.mark.parametrize("leave", [leave_by_cancel, leave_with_rows_unread, leave_in_a_pipeline])
async def test_a_session_that_was_left_in_the_middle_is_cleaned_and_used_again(
    make_stand: Callable[..., Any], postgres: Any, postgres_database: str, leave: Leave
) -> None:
    stand = make_stand(postgres, postgres_database, pool_size=1)
    async with stand.lease() as session:
        pid, fresh = session.pgconn.backend_pid, await state(session)
    with pytest.raises(TimeoutError):
        async with stand.transaction() as session:
            await leave(session)
    assert await stand.quiet_within(1)
    async with stand.lease() as session:
        assert session.pgconn.backend_pid == pid
        assert await state(session) == fresh
