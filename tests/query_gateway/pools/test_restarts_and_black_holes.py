"""A database that restarts, that is down, or that swallows everything: calls end in time, and it heals by itself."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
from directflow_gateway.execution import fetch_first
from directflow_gateway.execution.wire import Statement
from directflow_runtime.errors import DirectFlowError, StatusCode

STATEMENT = Statement("SELECT generate_series(1, 100000000), repeat('x', 100)")


async def ask(stand: Any, within_s: float = 10) -> Any:
    async with stand.transaction(within_s) as session:
        return await fetch_first(session, "SELECT 1", (), 1)


async def error_of(stand: Any, within_s: float = 10) -> DirectFlowError:
    with pytest.raises(DirectFlowError) as error:
        await ask(stand, within_s)
    return error.value


@pytest.mark.parametrize("size", [1, 8, 20])
async def test_after_a_restart_the_first_call_succeeds(
    make_stand: Callable[..., Any], private_postgres: Callable[..., Any], size: int
) -> None:
    server = private_postgres()
    stand = make_stand(server, pool_size=size)
    barrier = asyncio.Barrier(size)

    async def together() -> None:
        async with stand.transaction():
            await barrier.wait()

    await asyncio.gather(*(together() for _ in range(size)))
    assert len(stand.sessions()) == size
    server.stop()
    server.start()
    back_at = time.monotonic()
    assert await ask(stand) == [("1",)]
    assert time.monotonic() - back_at < 2
    assert len(stand.sessions()) == 1


async def test_a_session_that_dies_in_the_pool_without_a_word_is_replaced_once(
    stand: Any, postgres: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a failover whose last packets were lost: the socket looks fine until it is used."""
    monkeypatch.setattr("directflow_gateway.execution.wire.Wire.is_quiet", lambda wire: not wire.lost)
    async with stand.transaction(), stand.transaction():
        pass
    for pid, _, _ in stand.sessions():
        postgres.psql(f"SELECT pg_terminate_backend({pid}, 2000)")
    assert await ask(stand) == [("1",)]
    assert len(stand.sessions()) == 1


@pytest.mark.parametrize("down_s", [3, pytest.param(300, marks=pytest.mark.soak)])
async def test_while_the_database_is_down_calls_fail_fast_and_few_attempts_reach_it(
    make_stand: Callable[..., Any],
    private_postgres: Callable[..., Any],
    attempts: list[float],
    down_s: int,
) -> None:
    server = private_postgres()
    stand = make_stand(server)
    await ask(stand)
    server.stop()
    attempts.clear()
    took, ends_at = [], time.monotonic() + down_s
    while time.monotonic() < ends_at:
        started = time.monotonic()
        error = await error_of(stand)
        took.append(time.monotonic() - started)
        assert (error.code, error.reason) == (StatusCode.UNAVAILABLE, "DATABASE_UNREACHABLE")
        assert error.retry_after
        await asyncio.sleep(0.01)
    assert sorted(took)[len(took) // 2] < 0.1
    assert len(took) > 20
    assert len(attempts) <= 5 + down_s + 1  # five until the breaker opens, then one a second
    server.start()
    back_at = time.monotonic()
    while True:
        try:
            await ask(stand)
            break
        except DirectFlowError:
            assert time.monotonic() - back_at < 3
            await asyncio.sleep(0.05)


async def test_many_callers_share_one_failed_attempt(
    make_stand: Callable[..., Any], private_postgres: Callable[..., Any]
) -> None:
    server = private_postgres()
    stand = make_stand(server, pool_size=20)
    server.stop()
    started = time.monotonic()
    errors = await asyncio.gather(*(error_of(stand) for _ in range(100)))
    assert {error.reason for error in errors} == {"DATABASE_UNREACHABLE"}
    assert time.monotonic() - started < 3


async def test_a_black_hole_while_connecting_ends_with_the_calls_deadline(
    make_stand: Callable[..., Any], postgres: Any, proxy: Any, loop_lag: Callable[[], float]
) -> None:
    stand = await asyncio.to_thread(make_stand, postgres, connection={"port": proxy.port})
    proxy.stall()
    started = time.monotonic()
    assert (await error_of(stand, within_s=0.5)).reason == "DEADLINE_EXCEEDED"
    assert time.monotonic() - started < 1.5
    proxy.flow()
    assert await ask(stand) == [("1",)]
    assert loop_lag() < 0.5


async def test_a_black_hole_while_connecting_is_given_up_after_a_time(
    make_stand: Callable[..., Any], postgres: Any, proxy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("directflow_gateway.pools.login.CONNECT_S", 0.5)
    stand = make_stand(postgres, connection={"port": proxy.port})
    proxy.stall()
    error = await error_of(stand)
    assert (error.reason, error.metadata["cause"]) == ("DATABASE_UNREACHABLE", "TIMEOUT")


@pytest.mark.parametrize("when", ["begin", "query", "fetch", "end", "cancel"])
async def test_a_black_hole_ends_with_the_calls_deadline_and_the_slot_comes_back(
    make_stand: Callable[..., Any], postgres: Any, proxy: Any, loop_lag: Callable[[], float], when: str
) -> None:
    stand = await asyncio.to_thread(
        make_stand, postgres, connection={"port": proxy.port}, pool_size=1, acquire_timeout_s=5
    )
    await ask(stand)

    async def call() -> None:
        if when == "begin":
            proxy.stall()
        async with stand.transaction(within_s=0.5) as session:
            if when in ("query", "cancel"):
                proxy.stall()
            if when == "fetch":
                await session.wire.start(STATEMENT, 8)
                await session.wire.result()
                proxy.stall()
                while await session.wire.result() is not None:
                    pass
            elif when != "end":
                await fetch_first(session, "SELECT 1", (), 1)
            if when == "end":
                proxy.stall()

    started = time.monotonic()
    task = asyncio.create_task(call())
    if when == "cancel":
        await asyncio.sleep(0.2)
        task.cancel()
    (end,) = await asyncio.gather(task, return_exceptions=True)
    ended_at = time.monotonic()
    assert ended_at - started < 1.5
    if when == "cancel":
        assert isinstance(end, asyncio.CancelledError)
    else:
        assert isinstance(end, DirectFlowError)
        assert end.reason == "DEADLINE_EXCEEDED"
    proxy.flow()
    assert await ask(stand) == [("1",)]
    assert time.monotonic() - ended_at < 2.5
    assert loop_lag() < 0.5


async def test_the_watchdog_ends_an_await_that_nobody_bounds(
    make_stand: Callable[..., Any], postgres: Any, proxy: Any
) -> None:
    """A library that waits for the socket by itself, and knows nothing of our deadline."""
    stand = make_stand(postgres, connection={"port": proxy.port})
    loop = asyncio.get_running_loop()
    async with stand.lease(within_s=0.3) as session:
        readable = asyncio.Event()
        loop.add_reader(session.pgconn.socket, readable.set)
        proxy.stall()
        async with asyncio.timeout(3):
            await readable.wait()
        loop.remove_reader(session.pgconn.socket)
        with pytest.raises(DirectFlowError) as error:
            await fetch_first(session, "SELECT 1", (), 1)
    assert error.value.reason == "DEADLINE_EXCEEDED"
    proxy.flow()
