"""A caller that leaves, in any phase, takes its statement along: within a second the server is quiet again."""

import asyncio
import random
import time
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

import pytest
from directflow_gateway.connections import Limits
from directflow_gateway.execution import StreamPlan, fetch_first, stream

MANY = "SELECT generate_series(1, 100000000) AS i, repeat('x', 100) AS t"
SLEEP = "SELECT i, pg_sleep(30)::text AS t FROM generate_series(1, 10) i"


@pytest.fixture
def plan(plan_of: Callable[..., StreamPlan]) -> StreamPlan:
    return plan_of("SELECT 1::int AS i, 't'::text AS t")


async def read(stand: Any, sql: str, plan: StreamPlan, started: asyncio.Event | None = None, pause: float = 0) -> int:
    rows = 0
    async with stand.transaction() as session, aclosing(stream(session, sql, (), plan, Limits())) as batches:
        if started is not None and sql is SLEEP:
            asyncio.get_running_loop().call_later(0.2, started.set)
        async for batch in batches:
            rows += batch.num_rows
            if started is not None:
                started.set()
            await asyncio.sleep(pause)
    return rows


@pytest.mark.parametrize(
    ("sql", "pause"), [(SLEEP, 0), (MANY, 0), (MANY, 5)], ids=["before the first row", "mid-stream", "reader busy"]
)
async def test_a_cancelled_task_leaves_nothing_behind(stand: Any, plan: StreamPlan, sql: str, pause: float) -> None:
    started = asyncio.Event()
    task = asyncio.create_task(read(stand, sql, plan, started, pause))
    await started.wait()
    assert stand.busy()
    cancelled_at = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert time.monotonic() - cancelled_at < 0.5
    assert await stand.quiet_within(1)
    assert len(stand.sessions()) == 1  # the session was cleaned, not thrown away


async def test_a_closed_generator_leaves_nothing_behind(stand: Any, plan: StreamPlan) -> None:
    async with stand.transaction() as session, aclosing(stream(session, MANY, (), plan, Limits())) as batches:
        await anext(batches)
    assert await stand.quiet_within(1)
    async with stand.transaction() as session:
        assert await fetch_first(session, "SELECT 'again'", (), 1) == [("again",)]
    assert len(stand.sessions()) == 1


async def test_a_second_cancel_changes_nothing(stand: Any, plan: StreamPlan) -> None:
    started = asyncio.Event()
    task = asyncio.create_task(read(stand, SLEEP, plan, started))
    await started.wait()
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await stand.quiet_within(1)


async def test_a_statement_that_does_not_listen_costs_its_session_and_no_more(
    make_stand: Callable[..., Any], postgres: Any, postgres_database: str
) -> None:
    postgres.psql(
        "CREATE FUNCTION stubborn() RETURNS text LANGUAGE plpgsql AS $$ BEGIN LOOP "
        "BEGIN PERFORM pg_sleep(0.05); EXCEPTION WHEN query_canceled THEN NULL; END; "
        "EXIT WHEN clock_timestamp() > statement_timestamp() + interval '4 s'; END LOOP; RETURN 'done'; END $$",
        database=postgres_database,
    )
    stand = make_stand(postgres, postgres_database, pool_size=1, acquire_timeout_s=5)
    async with stand.transaction(within_s=0.3) as session:
        with pytest.raises(Exception, match="deadline"):
            await fetch_first(session, "SELECT stubborn()", (), 1)
    freed = time.monotonic()
    async with stand.transaction() as session:
        assert await fetch_first(session, "SELECT 1", (), 1) == [("1",)]
    assert time.monotonic() - freed < 2
    assert session.pgconn.backend_pid
    assert await stand.quiet_within(3)  # client_connection_check_interval ends the stubborn one


async def test_random_cancels_lose_no_slot_and_no_session(
    make_stand: Callable[..., Any], postgres: Any, postgres_database: str
) -> None:
    stand = make_stand(postgres, postgres_database, pool_size=4, acquire_timeout_s=10)
    chosen = random.Random(7)
    finished = 0

    async def call(patience_s: float) -> None:
        nonlocal finished
        statement = chosen.choice(["SELECT 1", "SELECT pg_sleep(0.003)", "SELECT i FROM generate_series(1, 3000) i"])
        async with asyncio.timeout(patience_s), stand.transaction() as session:
            await fetch_first(session, statement, (), 2)
            finished += 1

    for _ in range(20):
        calls = [call(chosen.uniform(0, 0.02 if n % 2 else 0.3)) for n in range(50)]  # some end, however slow it is
        ends = await asyncio.gather(*calls, return_exceptions=True)
        assert {type(end) for end in ends} <= {TimeoutError, type(None)}
    assert await stand.quiet_within(2)
    assert finished > 10
    assert len(stand.sessions()) <= 4
    async with asyncio.timeout(5):  # every slot is there: four at the same time
        barrier = asyncio.Barrier(4)

        async def together() -> None:
            async with stand.transaction():
                await barrier.wait()

        await asyncio.gather(*(together() for _ in range(4)))
