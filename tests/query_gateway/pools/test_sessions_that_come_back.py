"""Whoever waits is served by sessions that come back, whatever keeps the pool from opening others."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from directflow_cli.dev.postgres import PostgresServer
from directflow_gateway.execution import fetch_first
from directflow_gateway.pools import opening
from directflow_gateway.pools.database import ATTEMPT_S
from directflow_runtime.errors import DirectFlowError

LONG_S = 30.0
"""A patience that no test can wait for."""


def limit(stand: Any, sessions: int) -> None:
    stand.server.psql(f"ALTER ROLE {stand.role.name} CONNECTION LIMIT {sessions}")


async def call(stand: Any, takes_s: float = 0.0) -> str:
    """OK, or why not."""
    try:
        async with stand.transaction(20) as session:
            await fetch_first(session, f"SELECT pg_sleep({takes_s})", (), 1)
    except DirectFlowError as error:
        return f"{error.reason} {error.metadata.get('cause', '')}".strip()
    return "OK"


@asynccontextmanager
async def load(stand: Any, callers: int, told: "Counter[str]") -> AsyncIterator[None]:
    """Calls without an end: more than there are sessions."""
    is_over = False

    async def caller() -> None:
        while not is_over:
            told[await call(stand, 0.01)] += 1
            await asyncio.sleep(0.02)

    async with asyncio.TaskGroup() as group:
        for _ in range(callers):
            group.create_task(caller())
        yield
        is_over = True


async def waits(stand: Any) -> "asyncio.Task[str]":
    """A call that has met what keeps the pool from opening a session, and waits all the same."""
    task = asyncio.create_task(call(stand))
    (pool,) = stand.pools._pools.values()
    ends_at = time.monotonic() + 10
    while not pool._pause.is_on:
        assert time.monotonic() < ends_at
        assert not task.done(), task.result()
        await asyncio.sleep(0.005)
    return task


async def test_a_connection_limit_below_the_pools_size_fails_nobody(
    make_stand: Callable[..., Any], postgres: PostgresServer
) -> None:
    stand = make_stand(postgres, pool_size=8)
    limit(stand, 2)
    told: Counter[str] = Counter()
    async with load(stand, 6, told):
        await asyncio.sleep(2)  # long enough for the breaker to open
    assert set(told) == {"OK"}
    assert told["OK"] > 50


async def test_a_password_that_its_source_has_seconds_after_the_database_fails_nobody_whom_a_session_can_serve(
    make_stand: Callable[..., Any], postgres: PostgresServer
) -> None:
    """The credential is read again twice, in the first two seconds: here it comes later, as a person stores it."""
    stand = make_stand(postgres, pool_size=4)
    async with stand.transaction() as session:
        old = session.generation
    told: Counter[str] = Counter()
    await asyncio.to_thread(postgres.psql, f"ALTER ROLE {stand.role.name} PASSWORD 'fresh'")
    async with load(stand, 4, told):
        await asyncio.sleep(3.5)
        (pool,) = stand.pools._pools.values()
        assert pool.figures().is_broken, "no login was refused for good: nothing was shown"
        assert set(told) == {"OK"}
        stand.write_secret("fresh")
        ends_at = time.monotonic() + 10
        while pool.figures().is_broken:
            assert time.monotonic() < ends_at, "the new password was not noticed"
            await asyncio.sleep(0.05)
    assert set(told) == {"OK"}
    async with stand.transaction() as session:
        assert session.generation != old


async def test_who_waits_gets_a_session_of_his_own_as_soon_as_nothing_keeps_it_away(
    make_stand: Callable[..., Any], postgres: PostgresServer
) -> None:
    stand = make_stand(postgres, pool_size=2, acquire_timeout_s=LONG_S)
    limit(stand, 1)
    async with stand.lease():  # for longer than anybody waits
        waiting = await waits(stand)
        limit(stand, 2)
        assert await waiting == "OK"


async def test_a_slow_login_behind_an_open_breaker_is_no_reason_to_fail_anybody(
    make_stand: Callable[..., Any], postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("directflow_gateway.pools.breaker.FAILURES", 1)
    monkeypatch.setattr("directflow_gateway.pools.breaker.PROBE_S", 0.0)
    stand = make_stand(postgres, pool_size=2, acquire_timeout_s=LONG_S)
    limit(stand, 1)
    under_way, may_go_on, login = asyncio.Event(), asyncio.Event(), opening.login

    async def slow(*args: Any) -> Any:
        under_way.set()
        await may_go_on.wait()
        return await login(*args)

    async with stand.lease():
        waiting = [await waits(stand)]
        monkeypatch.setattr(opening, "login", slow)
        await under_way.wait()
        waiting.append(asyncio.create_task(call(stand)))
        await asyncio.sleep(4 * ATTEMPT_S)
        assert not any(task.done() for task in waiting)
        may_go_on.set()
    assert await asyncio.gather(*waiting) == ["OK", "OK"]


async def test_when_the_last_session_does_not_come_back_who_waits_is_told_why_there_is_no_other(
    make_stand: Callable[..., Any], postgres: PostgresServer
) -> None:
    stand = make_stand(postgres, pool_size=2, acquire_timeout_s=LONG_S)
    async with stand.lease() as session:
        limit(stand, 0)
        waiting = await waits(stand)
        session.abort()
    async with asyncio.timeout(10):
        assert await waiting == "DATABASE_UNREACHABLE TOO_MANY_CONNECTIONS"


async def test_who_waits_too_long_is_told_what_keeps_the_pool_small(
    make_stand: Callable[..., Any], postgres: PostgresServer
) -> None:
    stand = make_stand(postgres, pool_size=2, acquire_timeout_s=0.3)
    limit(stand, 1)
    async with stand.lease():
        assert await call(stand) == "DATABASE_UNREACHABLE TOO_MANY_CONNECTIONS"


async def test_while_sessions_come_back_few_attempts_are_made(
    make_stand: Callable[..., Any], postgres: PostgresServer, attempts: list[float]
) -> None:
    stand = make_stand(postgres, pool_size=8)
    limit(stand, 1)
    told: Counter[str] = Counter()
    async with stand.lease():
        attempts.clear()
    began = time.monotonic()
    async with load(stand, 6, told):
        await asyncio.sleep(1.5)
    assert set(told) == {"OK"}
    assert 0 < len(attempts) <= 2 + (time.monotonic() - began) / 0.4


async def test_a_database_that_is_down_is_told_at_once_though_a_session_seems_to_be_out(
    make_stand: Callable[..., Any], private_postgres: Callable[..., PostgresServer]
) -> None:
    """Nobody has looked at that session's socket yet."""
    server = private_postgres()
    stand = make_stand(server, pool_size=4, acquire_timeout_s=LONG_S)
    async with stand.lease():
        await asyncio.to_thread(server.stop)
        async with asyncio.timeout(10):
            told = await asyncio.gather(*(call(stand) for _ in range(20)))
    assert set(told) == {"DATABASE_UNREACHABLE REFUSED"}


async def test_a_credential_that_is_not_to_be_had_fails_nobody_whom_a_session_can_serve(
    make_stand: Callable[..., Any], postgres: PostgresServer
) -> None:
    stand = make_stand(postgres, pool_size=4, acquire_timeout_s=LONG_S)
    async with stand.lease():
        await asyncio.to_thread(postgres.psql, f"ALTER ROLE {stand.role.name} PASSWORD 'fresh'")
        stand.secret.unlink()
        waiting = await waits(stand)
    assert await waiting == "OK"
