"""The first rows of a statement, as evaluations read them."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from directflow_gateway.connections import Limits
from directflow_gateway.execution import fetch_first, to_record_batch
from directflow_gateway.execution.first_rows import MOST_SKIPPED_ROWS
from directflow_runtime.errors import DirectFlowError, StatusCode


@pytest.mark.parametrize(("there", "wanted"), [(0, 1), (1, 1), (1, 2), (2, 2), (3, 2), (8, 2), (9, 9), (500, 2)])
async def test_at_most_the_wanted_rows_come_and_the_transaction_goes_on(stand: Any, there: int, wanted: int) -> None:
    async with stand.transaction() as session:
        for _ in range(2):
            rows = await fetch_first(session, f"SELECT i FROM generate_series(1, {there}) i", (), wanted)
            assert rows == [(str(i),) for i in range(1, min(there, wanted) + 1)]


async def test_cells_are_text_as_postgres_prints_it(stand: Any) -> None:
    async with stand.transaction() as session:
        rows = await fetch_first(session, "SELECT true, NULL, '', 'ü', 1.50::numeric, ARRAY[1, NULL]", (), 2)
    assert rows == [("t", None, "", "ü", "1.50", "{1,NULL}")]


async def test_thousands_of_rows_too_many_are_an_error(stand: Any) -> None:
    many = f"SELECT i FROM generate_series(1, {MOST_SKIPPED_ROWS + 100}) i"
    async with stand.transaction() as session:
        with pytest.raises(DirectFlowError, match="LIMIT") as error:
            await fetch_first(session, many, (), 2)
    assert (error.value.code, error.value.reason) == (StatusCode.RESOURCE_EXHAUSTED, "ROW_LIMIT_EXCEEDED")
    assert await stand.quiet_within(1)
    async with stand.transaction() as session:
        assert await fetch_first(session, "SELECT 1", (), 1) == [("1",)]


async def test_a_row_may_not_be_larger_than_its_limit(stand: Any) -> None:
    async with stand.transaction() as session:
        limits = Limits(max_row_bytes=1000)
        assert len(await fetch_first(session, "SELECT repeat('x', 1000)", (), 1, limits=limits)) == 1
        with pytest.raises(DirectFlowError, match="row") as error:
            await fetch_first(session, "SELECT repeat('x', 1001)", (), 1, limits=limits)
    assert error.value.reason == "ROW_TOO_LARGE"


async def test_a_huge_row_costs_its_session_and_nobody_elses(stand: Any) -> None:
    async with stand.transaction() as session:
        with pytest.raises(DirectFlowError) as error:
            await fetch_first(session, "SELECT repeat('x', 200000000)", (), 1)
        assert session.closed
    assert error.value.reason == "ROW_TOO_LARGE"
    async with stand.transaction() as session:
        assert await fetch_first(session, "SELECT 1", (), 1) == [("1",)]


async def test_the_servers_time_is_limited(stand: Any) -> None:
    async with stand.transaction() as session:
        with pytest.raises(DirectFlowError) as error:
            await fetch_first(session, "SELECT pg_sleep(30)", (), 1, limits=Limits(statement_timeout_s=0.2))
    assert error.value.reason == "STATEMENT_TIMEOUT"
    assert await stand.quiet_within(1)


async def test_the_servers_own_limit_is_told_as_ours(stand: Any) -> None:
    async with stand.transaction() as session:
        await session.execute("SET LOCAL statement_timeout = 100")
        with pytest.raises(DirectFlowError) as error:
            await fetch_first(session, "SELECT pg_sleep(30)", (), 1)
    assert (error.value.code, error.value.reason) == (StatusCode.DEADLINE_EXCEEDED, "STATEMENT_TIMEOUT")


async def test_an_error_of_the_server_is_translated_and_names_no_value(stand: Any) -> None:
    async with stand.transaction() as session:
        with pytest.raises(DirectFlowError) as error:
            await fetch_first(session, "SELECT $1::int", ("hunter2",), 1)
    assert error.value.sqlstate == "22P02"
    assert "hunter2" not in str(error.value) + repr(error.value)
    assert error.value.__cause__ is None


async def test_a_session_that_comes_from_no_pool_is_not_accepted(postgres_dsn: str) -> None:
    async with await psycopg.AsyncConnection.connect(postgres_dsn) as connection:
        with pytest.raises(DirectFlowError, match="pooled"):
            await fetch_first(connection, "SELECT 1", (), 1)


async def test_fetched_rows_become_the_batch_that_a_stream_would_deliver(
    stand: Any, collect: Callable[..., Any], plan_of: Callable[..., Any]
) -> None:
    sql = "SELECT true AS b, 7 AS i, 0.5::float8 AS f, timestamptz '2024-01-01 00:00:00+00' AS at, NULL AS n, 'x' AS t"
    async with stand.transaction() as session:
        batches, _ = await collect(session, sql)
        rows = await fetch_first(session, sql, (), 1)
    batch = to_record_batch(plan_of(sql).columns, rows)
    assert batch.equals(batches[0])
    assert batch.schema.equals(batches[0].schema, check_metadata=True)
    assert batch.column("at")[0].as_py() == datetime(2024, 1, 1, tzinfo=UTC)


async def test_a_thousand_evaluations_take_turns_on_a_small_pool(
    make_stand: Callable[..., Any], postgres: Any, postgres_database: str
) -> None:
    stand = make_stand(postgres, postgres_database, pool_size=4, acquire_timeout_s=20)

    async def evaluate(n: int) -> str | None:
        async with stand.transaction() as session:
            ((cell,),) = await fetch_first(session, "SELECT $1::int + 1", (str(n),), 2)
            return cell

    answers = await asyncio.gather(*(evaluate(n) for n in range(1000)))
    assert answers == [str(n + 1) for n in range(1000)]
    assert len(stand.sessions()) <= 4
