"""Sessions are leased, handed back, and never more than allowed."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from directflow_gateway.execution import fetch_first
from directflow_gateway.execution.wire import Statement
from directflow_runtime.errors import DirectFlowError, StatusCode


async def test_a_session_is_used_again(stand: Any) -> None:
    pids = set()
    for _ in range(5):
        async with stand.lease() as session:
            pids.add(session.pgconn.backend_pid)
    assert len(pids) == 1


async def test_the_last_used_session_comes_first_so_that_others_can_grow_old(stand: Any) -> None:
    async with stand.lease() as one, stand.lease() as two:
        pass
    last = one.pgconn.backend_pid  # contexts end in reverse order
    assert two.pgconn.backend_pid != last
    async with stand.lease() as session:
        assert session.pgconn.backend_pid == last


async def test_no_more_sessions_than_the_pool_has_and_the_next_waits_its_turn(stand: Any) -> None:
    order: list[int] = []

    async def work(n: int) -> None:
        async with stand.lease():
            order.append(n)
            await asyncio.sleep(0.02)

    async with stand.lease(), stand.lease(), stand.lease():
        pass  # logged in: a slow first login is no matter of turns
    await asyncio.gather(*(work(n) for n in range(12)))
    assert order == list(range(12))
    assert len(stand.sessions()) == 3


async def test_a_saturated_pool_says_so_and_when_to_come_back(
    make_stand: Callable[..., Any], postgres: Any, postgres_database: str
) -> None:
    stand = make_stand(postgres, postgres_database, pool_size=1, acquire_timeout_s=0.2)
    async with stand.lease():
        started = time.monotonic()
        with pytest.raises(DirectFlowError) as error:
            async with stand.lease():
                pytest.fail("there is one session only")
        assert 0.1 < time.monotonic() - started < 2
    assert (error.value.code, error.value.reason) == (StatusCode.RESOURCE_EXHAUSTED, "POOL_SATURATED")
    assert error.value.retry_after
    async with stand.lease():
        pass


async def test_the_calls_deadline_ends_the_wait_for_a_session(
    make_stand: Callable[..., Any], postgres: Any, postgres_database: str
) -> None:
    stand = make_stand(postgres, postgres_database, pool_size=1, acquire_timeout_s=30)
    async with stand.lease():
        with pytest.raises(DirectFlowError) as error:
            async with stand.lease(within_s=0.2):
                pytest.fail("there is one session only")
    assert error.value.reason == "DEADLINE_EXCEEDED"


async def test_the_calls_deadline_ends_whatever_runs_on_the_lease(stand: Any) -> None:
    started = time.monotonic()
    async with stand.lease(within_s=0.3) as session:
        with pytest.raises(DirectFlowError) as error:
            await session.execute("SELECT pg_sleep(30)")  # psycopg's own cursor, as the description uses it
    assert error.value.reason == "DEADLINE_EXCEEDED"
    assert time.monotonic() - started < 2
    assert await stand.quiet_within(1)


async def test_a_cancelled_psycopg_call_returns_at_once_and_its_statement_ends(stand: Any) -> None:
    async def sleep() -> None:
        async with stand.lease() as session:
            await session.execute("SELECT pg_sleep(30)")

    task = asyncio.create_task(sleep())
    await asyncio.sleep(0.3)
    cancelled_at = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert time.monotonic() - cancelled_at < 0.5
    assert await stand.quiet_within(1)
    assert len(stand.sessions()) == 1


async def test_a_session_that_its_user_closed_is_replaced(stand: Any) -> None:
    async with stand.lease() as session:
        pid = session.pgconn.backend_pid
        await session.close()
    async with stand.lease() as session:
        assert session.pgconn.backend_pid != pid
        await session.wire.run(Statement("SELECT 1"))
    assert len(stand.sessions()) == 1


async def test_changed_limits_make_a_new_pool_and_running_leases_end_in_their_own_time(stand: Any) -> None:
    async with stand.lease() as session:
        old = session.pgconn.backend_pid
        wider = replace(stand.connection, limits=replace(stand.connection.limits, pool_size=1))
        async with stand.pools.lease(wider, time.monotonic() + 5) as other:
            assert other.pgconn.backend_pid != old
        (result,) = await session.wire.run(Statement("SELECT 'still here'"))
        assert result.get_value(0, 0) == b"still here"
    async with stand.pools.lease(wider, time.monotonic() + 5) as session:
        assert session.pgconn.backend_pid != old
    assert [pid for pid, _, _ in stand.sessions()] == [session.pgconn.backend_pid]


async def test_an_old_session_is_replaced(stand: Any) -> None:
    async with stand.lease() as session:
        pid = session.pgconn.backend_pid
        session.opened_at -= 24 * 3600
    async with stand.lease() as session:
        assert session.pgconn.backend_pid != pid


async def test_closed_pools_leave_no_session_and_serve_nobody(
    make_stand: Callable[..., Any], postgres: Any, postgres_database: str
) -> None:
    stand = make_stand(postgres, postgres_database)
    async with stand.lease() as session:
        closing = asyncio.create_task(stand.pools.aclose())
        await asyncio.sleep(0.05)
        await session.wire.run(Statement("SELECT 1"))
    await closing
    ends_at = time.monotonic() + 5
    while stand.sessions():
        assert time.monotonic() < ends_at
        await asyncio.sleep(0.05)
    with pytest.raises(DirectFlowError) as error:
        async with stand.lease():
            pytest.fail("the pools are closed")
    assert error.value.code is StatusCode.UNAVAILABLE


async def test_workspaces_do_not_share_a_pool(stand: Any, tmp_path: Any) -> None:
    (tmp_path / "umbrella").mkdir()
    (tmp_path / "umbrella" / "main").write_text(stand.role.password)
    other = replace(stand.connection, workspace="umbrella")
    elsewhere = stand.pools.lease(other, time.monotonic() + 5)
    async with stand.lease() as one, stand.lease() as two, stand.lease() as three, elsewhere as four:
        assert len({session.pgconn.backend_pid for session in (one, two, three, four)}) == 4


async def test_the_first_session_is_examined_once_and_a_refusal_is_remembered(
    make_stand: Callable[..., Any], postgres: Any, postgres_database: str
) -> None:
    examined = []

    async def examine(connection: Any, session: Any) -> None:
        async with asyncio.timeout(5):
            examined.append(await (await session.execute("SELECT current_user")).fetchone())
        if connection.database != postgres_database:
            raise DirectFlowError(StatusCode.FAILED_PRECONDITION, "ROLE_REFUSED", "this role can do too much")

    stand = make_stand(postgres, postgres_database, examine=examine)
    async with stand.lease(), stand.lease():
        assert examined == [(stand.role.name,)]
    strict = replace(stand.connection, id="strict", database="postgres")
    stand.secret.with_name("strict").write_text(stand.role.password)
    for _ in range(3):
        with pytest.raises(DirectFlowError) as error:
            async with stand.pools.lease(strict, time.monotonic() + 5):
                pytest.fail("the role was refused")
        assert error.value.reason == "ROLE_REFUSED"
    assert len(examined) == 2


async def test_a_statement_of_one_call_cannot_delay_another_calls_session(stand: Any) -> None:
    async with stand.transaction(), stand.transaction(), stand.transaction() as session:
        assert await fetch_first(session, "SELECT 1", (), 1) == [("1",)]
