"""Row, byte, single-row and time limits of a stream, enforced while it is received."""

import asyncio
import time
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

import pytest
from directflow_gateway.connections import Limits
from directflow_gateway.execution import StreamPlan, StreamProgress, stream
from directflow_runtime.errors import DirectFlowError, StatusCode

NUMBERS = "SELECT i, 'row ' || i AS t FROM generate_series(1, 10000) i"


async def refused(collect: Callable[..., Any], session: Any, sql: str, **limits: Any) -> DirectFlowError:
    with pytest.raises(DirectFlowError) as error:
        await collect(session, sql, **limits)
    return error.value


async def test_one_row_more_than_the_limit_is_an_error(stand: Any, collect: Callable[..., Any]) -> None:
    async with stand.transaction() as session:
        _, progress = await collect(session, NUMBERS, max_rows=10_000)
        assert (progress.rows, progress.truncated) == (10_000, False)
    async with stand.transaction() as session:
        error = await refused(collect, session, NUMBERS, max_rows=9_999)
    assert (error.code, error.reason) == (StatusCode.RESOURCE_EXHAUSTED, "ROW_LIMIT_EXCEEDED")
    assert error.metadata == {"limit": "9999"}
    assert await stand.quiet_within(1)


async def test_one_byte_more_than_the_limit_is_an_error(stand: Any, collect: Callable[..., Any]) -> None:
    async with stand.transaction() as session:
        _, progress = await collect(session, NUMBERS)
    async with stand.transaction() as session:
        assert (await collect(session, NUMBERS, max_bytes=progress.bytes))[1].rows == 10_000
    async with stand.transaction() as session:
        error = await refused(collect, session, NUMBERS, max_bytes=progress.bytes - 1)
    assert (error.code, error.reason) == (StatusCode.RESOURCE_EXHAUSTED, "BYTE_LIMIT_EXCEEDED")


@pytest.mark.parametrize("wanted", [1, 100, 9_999])
async def test_a_truncated_stream_ends_in_good_order_at_the_row_limit(
    stand: Any, collect: Callable[..., Any], wanted: int
) -> None:
    async with stand.transaction() as session:
        batches, progress = await collect(session, NUMBERS, max_rows=wanted, truncate=True)
    assert [n for batch in batches for n in batch.column("i").to_pylist()] == list(range(1, wanted + 1))
    assert (progress.rows, progress.truncated) == (wanted, True)
    assert progress.bytes == sum(len(f"{i}row {i}") for i in range(1, wanted + 1))
    assert await stand.quiet_within(1)


async def test_a_truncated_stream_ends_in_good_order_at_the_byte_limit(stand: Any, collect: Callable[..., Any]) -> None:
    sizes = "SELECT repeat('x', 100) AS t FROM generate_series(1, 10000)"
    async with stand.transaction() as session:
        batches, progress = await collect(session, sizes, max_bytes=5_050, truncate=True)
    assert sum(batch.num_rows for batch in batches) == progress.rows == 50
    assert (progress.bytes, progress.truncated) == (5_000, True)


async def test_a_limit_that_is_just_met_truncates_nothing(stand: Any, collect: Callable[..., Any]) -> None:
    async with stand.transaction() as session:
        _, progress = await collect(session, NUMBERS, max_rows=10_000, truncate=True)
    assert (progress.rows, progress.truncated) == (10_000, False)


async def test_no_row_may_be_larger_than_its_limit(stand: Any, collect: Callable[..., Any]) -> None:
    three = "SELECT repeat('x', n) AS a, repeat('y', n) AS b, NULL AS c FROM unnest(ARRAY[1, {}, 1]) n"
    async with stand.transaction() as session:
        _, progress = await collect(session, three.format(500), max_row_bytes=1_000)
        assert progress.rows == 3
    async with stand.transaction() as session:
        error = await refused(collect, session, three.format(501), max_row_bytes=1_000)
    assert (error.code, error.reason, error.metadata) == (
        StatusCode.RESOURCE_EXHAUSTED, "ROW_TOO_LARGE", {"limit": "1000"},
    )  # fmt: skip


@pytest.mark.parametrize("width", [32, 1024 * 1024])
async def test_a_row_that_is_larger_than_any_allowed_ends_the_stream_early(
    stand: Any, collect: Callable[..., Any], width: int
) -> None:
    bomb = "SELECT repeat('x', 100000000) AS t"
    async with stand.transaction() as session:
        error = await refused(collect, session, bomb, width=width)
        # Who notices first depends on who is slower: the thread, which cuts the connection, or the loop between reads.
        assert session.closed or session.wire.bytes_read < 50_000_000
    assert error.reason == "ROW_TOO_LARGE"
    assert await stand.quiet_within(1)
    async with stand.transaction() as session:
        assert (await collect(session, "SELECT 1 AS a"))[1].rows == 1


async def test_wide_rows_late_in_the_stream_do_not_fill_the_memory(stand: Any, collect: Callable[..., Any]) -> None:
    late = "SELECT repeat('x', CASE WHEN i < 5000 THEN 1 ELSE 3000000 END) AS t FROM generate_series(1, 5100) i"
    async with stand.transaction() as session:
        error = await refused(collect, session, late, width=32)
    assert error.reason == "ROW_TOO_LARGE"
    async with stand.transaction() as session:  # where the planner knows, they pass
        _, progress = await collect(session, late, width=1_000_000)
    assert progress.rows == 5_100


async def test_the_time_that_the_server_works_is_limited(stand: Any, collect: Callable[..., Any]) -> None:
    slow = "SELECT i, pg_sleep(0.05)::text AS s FROM generate_series(1, 1000) i"
    started = time.monotonic()
    async with stand.transaction() as session:
        error = await refused(collect, session, slow, statement_timeout_s=0.5, width=1024 * 1024)
    assert (error.code, error.reason) == (StatusCode.DEADLINE_EXCEEDED, "STATEMENT_TIMEOUT")
    assert error.metadata == {"limit_seconds": "0.5"}
    assert 0.4 < time.monotonic() - started < 3
    assert await stand.quiet_within(1)


async def test_the_time_of_a_slow_reader_is_not_the_servers(stand: Any, plan_of: Callable[..., StreamPlan]) -> None:
    many = "SELECT i, repeat('x', 100) AS t FROM generate_series(1, 40000) i"
    rows = 0
    async with stand.transaction() as session:
        within = Limits(statement_timeout_s=1)
        async with aclosing(stream(session, many, (), plan_of(many, width=100), within)) as batches:
            async for batch in batches:
                rows += batch.num_rows
                await asyncio.sleep(0.2)  # nine batches: 1.8 s
    assert rows == 40_000


ENDLESS = "SELECT generate_series(1, 100000000) AS i, repeat('x', 100) AS t"
LIKE_ENDLESS = "SELECT 1::int AS i, 't'::text AS t"


async def test_a_stream_grows_no_older_than_its_limit_however_slow_the_reader(
    stand: Any, plan_of: Callable[..., StreamPlan]
) -> None:
    async def read_slowly(session: Any) -> None:
        batches = stream(session, ENDLESS, (), plan_of(LIKE_ENDLESS), Limits(max_stream_age_s=0.5))
        async with aclosing(batches):
            async for _ in batches:
                await asyncio.sleep(0.1)

    async with stand.transaction() as session:
        with pytest.raises(DirectFlowError) as error:
            await read_slowly(session)
    assert (error.value.code, error.value.reason) == (StatusCode.DEADLINE_EXCEEDED, "STREAM_TOO_OLD")
    assert await stand.quiet_within(1)


async def test_the_age_ends_the_statement_also_while_the_reader_does_not_come_back(
    stand: Any, plan_of: Callable[..., StreamPlan]
) -> None:
    async def go_away_and_come_back(session: Any) -> None:
        batches = stream(session, ENDLESS, (), plan_of(LIKE_ENDLESS), Limits(max_stream_age_s=0.5))
        async with aclosing(batches):
            await anext(batches)
            await asyncio.sleep(0.5)
            assert await stand.quiet_within(2)
            async for _ in batches:
                pass

    async with stand.transaction() as session:
        with pytest.raises(DirectFlowError, match="maximum age"):
            await go_away_and_come_back(session)


async def test_the_calls_deadline_comes_first(stand: Any, collect: Callable[..., Any]) -> None:
    async with stand.transaction(within_s=0.5) as session:
        error = await refused(collect, session, "SELECT pg_sleep(30)::text AS s")
    assert (error.code, error.reason) == (StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED")
    assert await stand.quiet_within(1)


async def test_progress_is_told_before_each_batch(stand: Any, plan_of: Callable[..., StreamPlan]) -> None:
    many = "SELECT i, repeat('x', 100) AS t FROM generate_series(1, 20000) i"
    last: list[StreamProgress] = []
    rows = 0
    async with stand.transaction() as session:
        batches = stream(session, many, (), plan_of(many, width=100), Limits(), last.append)
        async for batch in batches:
            rows += batch.num_rows
            assert last[-1].rows >= rows
    assert last[-1].rows == rows == 20_000


async def test_rows_of_a_slow_statement_do_not_wait_for_a_full_batch(
    stand: Any, plan_of: Callable[..., StreamPlan]
) -> None:
    drip = "SELECT i, pg_sleep(0.3)::text AS s FROM generate_series(1, 6) i"
    async with stand.transaction() as session:
        batches = stream(session, drip, (), plan_of(drip, width=1024 * 1024), Limits())
        arrived = [batch.num_rows async for batch in batches]
    assert sum(arrived) == 6
    assert len(arrived) > 1
