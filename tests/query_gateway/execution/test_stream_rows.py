"""What a stream delivers: every value, in batches of bounded size, and a count that the server confirms."""

import asyncio
import math
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import psycopg
import pyarrow as pa
import pytest
from directflow_gateway.description import ColumnType, WireType
from directflow_gateway.execution import StreamPlan, ValueForm, schema_of
from directflow_runtime.errors import DirectFlowError, StatusCode

MIB = 1024 * 1024

ONE_OF_EACH = """
SELECT true AS b, false AS b2, 7::int2 AS i2, -7::int4 AS i4, 9223372036854775807 AS i8, 4294967295::oid AS o,
       0.1::float4 AS f4, 'Infinity'::float8 AS f8, '-Infinity'::float8 AS f8b, 1e-300::float8 AS f8c,
       timestamp '2024-02-29 12:34:56.789' AS ts, timestamptz '2024-02-29 12:34:56.789+02' AS tz,
       'NaN'::numeric AS nan, 12345678901234567890.123456789::numeric AS n, date '2024-02-29' AS d,
       '{"a": [1, null]}'::jsonb AS j, ARRAY['x', NULL, 'y z'] AS a, '\\x00ff'::bytea AS by,
       'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid AS u, interval '1 day 2 hours' AS iv, '' AS empty, NULL AS nothing,
       NULL::int AS no_int, NULL::boolean AS no_bool, NULL::timestamptz AS no_time, E'tab\\t newline\\n ü 🐘' AS text
"""


async def test_each_type_travels_as_it_is_documented(
    stand: Any, collect: Callable[..., Any], values: Callable[..., Any]
) -> None:
    async with stand.transaction() as session:
        batches, _ = await collect(session, ONE_OF_EACH)
    (row,) = values(batches)
    assert row == (
        True, False, 7, -7, 9223372036854775807, 4294967295,
        0.1, math.inf, -math.inf, 1e-300,
        datetime(2024, 2, 29, 12, 34, 56, 789000),
        datetime(2024, 2, 29, 10, 34, 56, 789000, tzinfo=UTC),
        "NaN", "12345678901234567890.123456789", "2024-02-29",
        '{"a": [1, null]}', '{x,NULL,"y z"}', "\\x00ff",
        "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "1 day 02:00:00", "", None,
        None, None, None, "tab\t newline\n ü 🐘",
    )  # fmt: skip


async def test_the_text_form_is_what_postgres_prints(
    stand: Any, collect: Callable[..., Any], values: Callable[..., Any], postgres_dsn: str
) -> None:
    async with stand.transaction() as session:
        batches, _ = await collect(session, ONE_OF_EACH, form=ValueForm.TEXT)
    with psycopg.connect(postgres_dsn) as admin:
        result = admin.pgconn.exec_params(ONE_OF_EACH.encode(), None)
        printed = [result.get_value(0, n) for n in range(result.nfields)]
    (row,) = values(batches)
    assert [cell if cell is None else cell.encode() for cell in row] == printed
    assert set(batches[0].schema.types) == {pa.string()}


async def test_the_schema_names_postgres_types(stand: Any, collect: Callable[..., Any]) -> None:
    async with stand.transaction() as session:
        batches, _ = await collect(
            session, "SELECT 1::int2 AS id, now() AS at, 'x'::text AS t, true AS b, 1.5::float8 AS f"
        )
    assert batches[0].schema.types == [
        pa.int64(), pa.timestamp("us", "UTC"), pa.string(), pa.bool_(), pa.float64()
    ]  # fmt: skip
    assert batches[0].schema.field("id").metadata == {b"pg_type": b"int2", b"pg_oid": b"21"}


async def test_nan_and_negative_zero_survive(
    stand: Any, collect: Callable[..., Any], values: Callable[..., Any]
) -> None:
    async with stand.transaction() as session:
        batches, _ = await collect(session, "SELECT 'NaN'::float8 AS a, '-0'::float8 AS b")
    ((nan, zero),) = values(batches)
    assert math.isnan(nan)
    assert math.copysign(1, zero) == -1


async def test_many_rows_arrive_in_the_authors_order_in_batches_of_bounded_size(
    stand: Any, collect: Callable[..., Any]
) -> None:
    count = 50_000
    async with stand.transaction() as session:
        batches, progress = await collect(
            session, f"SELECT i, 'user' || i || '@example.com' AS email FROM generate_series(1, {count}) i", width=30
        )
    assert [n for batch in batches for n in batch.column("i").to_pylist()] == list(range(1, count + 1))
    assert all(256 * 1024 <= batch.nbytes <= MIB for batch in batches[:-1])
    assert batches[-1].nbytes <= MIB
    assert len(batches) > 2
    assert progress.rows == count
    assert progress.bytes == sum(len(str(i)) + len(f"user{i}@example.com") for i in range(1, count + 1))
    assert progress.first_row_s is not None
    assert not progress.truncated


async def test_no_rows_are_no_batches_and_still_an_end(stand: Any, collect: Callable[..., Any]) -> None:
    async with stand.transaction() as session:
        batches, progress = await collect(session, "SELECT 1 AS a WHERE false")
    assert batches == []
    assert (progress.rows, progress.bytes, progress.first_row_s) == (0, 0, None)


async def test_rows_without_columns_are_counted(stand: Any, collect: Callable[..., Any]) -> None:
    async with stand.transaction() as session:
        batches, progress = await collect(session, "SELECT FROM generate_series(1, 1000)", plan=StreamPlan(()))
    assert sum(batch.num_rows for batch in batches) == progress.rows == 1000


@pytest.mark.parametrize("rows", [1, 63, 64, 65, 127, 128, 2000, 2001])
@pytest.mark.parametrize("width", [0, 100_000, 2 * MIB])
async def test_every_count_is_complete_whatever_the_chunk(
    stand: Any, collect: Callable[..., Any], rows: int, width: int
) -> None:
    async with stand.transaction() as session:
        batches, progress = await collect(session, f"SELECT i FROM generate_series(1, {rows}) i", width=width)
    assert sum(batch.num_rows for batch in batches) == progress.rows == rows


async def test_wide_rows_are_split_until_a_batch_is_one_row(stand: Any, collect: Callable[..., Any]) -> None:
    async with stand.transaction() as session:
        sizes = "SELECT repeat('x', n * 200000) AS t FROM unnest(ARRAY[1, 2, 3, 4, 8, 1, 1, 1, 15]) n"
        batches, progress = await collect(session, sizes, width=32)
    assert [len(t) for batch in batches for t in batch.column("t").to_pylist()] == [
        n * 200_000 for n in (1, 2, 3, 4, 8, 1, 1, 1, 15)
    ]
    assert all(batch.nbytes <= MIB or batch.num_rows == 1 for batch in batches)
    assert progress.bytes == 36 * 200_000


async def test_rows_that_are_far_wider_than_planned_are_read_again_one_by_one(
    stand: Any, collect: Callable[..., Any]
) -> None:
    async with stand.transaction() as session:
        wide = "SELECT i, repeat('x', 2000000) AS t FROM generate_series(1, 20) i"
        batches, progress = await collect(session, wide, width=32)
        assert [batch.column("i")[0].as_py() for batch in batches] == list(range(1, 21))
        assert progress.rows == 20
        batches, _ = await collect(session, "SELECT 1 AS a")  # and the transaction goes on
        assert batches[0].num_rows == 1


async def test_a_parallel_plan_runs_in_parallel_workers(
    stand: Any, collect: Callable[..., Any], postgres: Any, postgres_dsn: str
) -> None:
    with psycopg.connect(postgres_dsn, autocommit=True) as admin:
        admin.execute(
            "CREATE FUNCTION worker() RETURNS int LANGUAGE plpgsql PARALLEL SAFE "
            "AS $$BEGIN RETURN pg_backend_pid(); END$$"
        )
    setting = "debug_parallel_query" if session_version(postgres) >= 16 else "force_parallel_mode"
    async with stand.transaction() as session:
        await session.execute(f"SET LOCAL {setting} = on")
        batches, _ = await collect(session, "SELECT worker() AS pid, $1::text AS v FROM pg_class", ("x",), plan=PIDS)
    pids = {pid for batch in batches for pid in batch.column("pid").to_pylist()}
    assert pids
    assert session.pgconn.backend_pid not in pids


PIDS = StreamPlan((ColumnType("pid", "integer", 23, WireType.INTEGER), ColumnType("v", "text", 25, WireType.TEXT)))


def session_version(postgres: Any) -> int:
    return int(postgres.installation.major)


async def test_a_table_that_was_altered_since_is_told_and_not_misread(
    stand: Any, collect: Callable[..., Any], plan_of: Callable[..., StreamPlan]
) -> None:
    described = plan_of("SELECT 1::int AS a")
    for altered in ("SELECT 1::bigint AS a", "SELECT 1::int AS a, 2 AS b"):
        async with stand.transaction() as session:
            with pytest.raises(DirectFlowError) as refused:
                await collect(session, altered, plan=described)
        assert (refused.value.code, refused.value.reason) == (StatusCode.FAILED_PRECONDITION, "DEFINITION_BROKEN")


async def test_the_event_loop_runs_on_while_rows_come(stand: Any, collect: Callable[..., Any]) -> None:
    lags: list[float] = []

    async def heartbeat() -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.005)
            lags.append(time.monotonic() - before - 0.005)

    async with stand.transaction() as session:
        plan = StreamPlan(schema_columns())
        beat = asyncio.create_task(heartbeat())
        await collect(
            session, "SELECT i, now() AS at, 'name' || i AS name FROM generate_series(1, 300000) i", plan=plan
        )
        beat.cancel()
    assert len(lags) > 10
    assert sorted(lags)[len(lags) // 2] < 0.05


def schema_columns() -> tuple[ColumnType, ...]:
    return (
        ColumnType("i", "integer", 23, WireType.INTEGER),
        ColumnType("at", "timestamp with time zone", 1184, WireType.TIMESTAMP),
        ColumnType("name", "text", 25, WireType.TEXT),
    )


def test_the_schema_is_known_before_the_first_row() -> None:
    schema = schema_of(schema_columns(), ValueForm.TYPED)
    assert schema.names == ["i", "at", "name"]
    assert schema.field("at").type == pa.timestamp("us", "UTC")


async def test_a_database_that_promises_no_encoding_checks_what_it_sends(
    make_stand: Callable[..., Any], postgres: Any, collect: Callable[..., Any]
) -> None:
    postgres.psql("CREATE DATABASE ascii TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'")
    stand = make_stand(postgres, "ascii")
    text = StreamPlan((ColumnType("t", "text", 25, WireType.TEXT),))
    async with stand.transaction() as session:
        batches, _ = await collect(session, "SELECT 'ü'::text AS t", plan=text)
        assert batches[0].column("t").to_pylist() == ["ü"]
    async with stand.transaction() as session:
        with pytest.raises(DirectFlowError) as refused:
            await collect(session, "SELECT convert_from('\\xff'::bytea, 'SQL_ASCII') AS t", plan=text)
    assert refused.value.reason == "DATA_ERROR"
