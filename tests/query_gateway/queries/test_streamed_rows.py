"""Rows of a statement from end to end: which columns, in which order, in which form, and how the stream ends."""

from collections.abc import Awaitable, Callable
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

import psycopg
import pyarrow as pa
import pytest
from directflow_gateway.connections import LimitOverrides
from directflow_gateway.execution import ValueForm
from directflow_gateway.queries.engine import QueryEngine
from directflow_gateway.queries.rows import Arrangement, stream_rows
from directflow_gateway.queries.statement import Statement
from directflow_runtime.errors import DirectFlowError, StatusCode

Collect = Callable[..., Awaitable[Any]]
ALL_KEYS = "SELECT k, n, u, exact FROM keyed"


async def test_a_stream_is_an_opening_then_batches_then_an_ending(collect: Collect) -> None:
    before = datetime.now(UTC)
    streamed = await collect("SELECT id, email, score FROM users WHERE id <= <%= n %> ORDER BY id", {"n": 3})
    assert streamed.rows == [(1, "u1@x.io", "1.50"), (2, "u2@x.io", "3.00"), (3, "u3@x.io", "4.50")]
    assert streamed.opening.schema.types == [pa.int64(), pa.string(), pa.string()]
    assert [column.pg_type for column in streamed.opening.columns] == ["bigint", "text", "numeric(12,2)"]
    assert abs((streamed.opening.snapshot_time - before).total_seconds()) < 10
    assert 1 <= streamed.opening.estimated_rows <= 10
    assert (streamed.ending.row_count, streamed.ending.truncated) == (3, False)
    assert streamed.ending.byte_count > 0
    assert 0 < streamed.ending.first_row_s <= streamed.ending.elapsed_s


async def test_a_statement_without_rows_still_opens_and_ends(collect: Collect) -> None:
    streamed = await collect("SELECT id FROM users WHERE false")
    assert (streamed.rows, streamed.ending.row_count) == ([], 0)
    assert streamed.opening.schema.names == ["id"]


async def test_only_the_wanted_columns_come_in_the_wanted_order(collect: Collect) -> None:
    streamed = await collect('SELECT *, 1 AS "A b" FROM users WHERE id = 7 -- all', columns=("A b", "email", "id"))
    assert streamed.rows == [(1, "u7@x.io", 7)]
    assert streamed.opening.schema.names == ["A b", "email", "id"]


async def test_every_cell_is_text_in_text_form(collect: Collect) -> None:
    streamed = await collect("SELECT id, created_at, plan, id > 1 AS b FROM users WHERE id = 2", form=ValueForm.TEXT)
    assert set(streamed.opening.schema.types) == {pa.string()}
    assert streamed.rows == [("2", "2024-01-01 00:00:00+00", None, "t")]


@pytest.mark.parametrize(
    ("column", "keys"),
    [
        ("k", [None, None, "10", "9", "B", "a", "é"]),
        ("n", [None, None, -5, 1, 2, 9, 10]),
        ("exact", [None, None, "1.0", "1.00", "10", "2", "9"]),
        (
            "u",
            [None] * 5 + ["00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002"],
        ),
    ],
)
async def test_keys_come_in_their_own_order_with_null_first(collect: Collect, column: str, keys: list[object]) -> None:
    streamed = await collect(f"{ALL_KEYS} ORDER BY n DESC", columns=(column,), order_by=column)
    assert [key for (key,) in streamed.rows] == keys


@pytest.mark.parametrize(
    ("column", "after", "keys"),
    [
        ("k", "9", ["B", "a", "é"]),
        ("k", "", ["10", "9", "B", "a", "é"]),
        ("k", "é", []),
        ("n", "1", [2, 9, 10]),
        ("n", "-100", [-5, 1, 2, 9, 10]),
        ("exact", "1.0", ["1.00", "10", "2", "9"]),
        ("u", "00000000-0000-0000-0000-000000000001", ["00000000-0000-0000-0000-000000000002"]),
    ],
)
async def test_a_stream_resumes_behind_a_key_and_null_is_behind_none(
    collect: Collect, column: str, after: str, keys: list[object]
) -> None:
    streamed = await collect(ALL_KEYS, columns=(column,), order_by=column, after=after)
    assert [key for (key,) in streamed.rows] == keys


async def test_resuming_after_every_key_gives_every_row_once(collect: Collect) -> None:
    whole = [key for (key,) in (await collect(ALL_KEYS, columns=("k",), order_by="k")).rows]
    for place, key in enumerate(whole):
        if key is not None:
            rest = await collect(ALL_KEYS, columns=("k",), order_by="k", after=key)
            assert [behind for (behind,) in rest.rows] == whole[place + 1 :]


async def test_a_resume_behind_what_is_no_key_is_a_rejected_value(collect: Collect) -> None:
    with pytest.raises(DirectFlowError) as refused:
        await collect(ALL_KEYS, order_by="n", after="private")
    assert refused.value.reason == "VARIABLE_REJECTED"
    assert "private" not in str(refused.value)


async def test_an_own_order_keeps_its_limit_under_a_key_order(collect: Collect) -> None:
    """The author's LIMIT chooses the rows; ours only arranges them."""
    streamed = await collect("SELECT id FROM users ORDER BY id DESC LIMIT 3", order_by="id")
    assert streamed.rows == [(28,), (29,), (30,)]


async def test_the_variables_stay_bound_under_every_wrapper(collect: Collect) -> None:
    streamed = await collect(
        "SELECT id, plan FROM users WHERE plan = '<%= p %>' AND id > <%= n %>",
        {"p": "free", "n": 20}, columns=("id",), order_by="id", after="25",
    )  # fmt: skip
    assert streamed.rows == [(28,)]


async def test_sql_in_a_value_is_a_value(collect: Collect) -> None:
    streamed = await collect("SELECT '<%= x %>' AS x", {"x": "'; DROP TABLE users; --"})
    assert streamed.rows == [("'; DROP TABLE users; --",)]


@pytest.mark.parametrize(
    ("template", "arrangement", "field", "named"),
    [
        (ALL_KEYS, {"columns": ("k", "nope")}, "columns", "nope"),
        (ALL_KEYS, {"order_by": "nope"}, "order_by_column", "nope"),
        ("SELECT 1 AS a, 2 AS a", {"columns": ("a",)}, "columns", "a"),
        ("SELECT 1 AS a, 2 AS a", {"order_by": "a"}, "order_by_column", "a"),
    ],
)
async def test_a_column_that_is_not_there_once_is_an_invalid_request(
    collect: Collect, template: str, arrangement: dict[str, Any], field: str, named: str
) -> None:
    with pytest.raises(DirectFlowError) as refused:
        await collect(template, **arrangement)
    assert (refused.value.code, refused.value.reason) == (StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    [violation] = refused.value.violations
    assert violation.field == field
    assert named in violation.description


async def test_a_call_may_lower_the_rows_to_an_error_or_to_a_cut(collect: Collect) -> None:
    with pytest.raises(DirectFlowError) as refused:
        await collect("SELECT id FROM users", limits=LimitOverrides(max_rows=5))
    assert refused.value.reason == "ROW_LIMIT_EXCEEDED"
    cut = await collect("SELECT id FROM users ORDER BY id", limits=LimitOverrides(max_rows=5, truncate=True))
    assert ([key for (key,) in cut.rows], cut.ending.truncated) == ([1, 2, 3, 4, 5], True)


async def test_a_stream_that_is_left_early_leaves_nothing_behind(
    engine: QueryEngine, statement: Callable[..., Statement], stand: Any
) -> None:
    endless = statement("SELECT a.id FROM users a, users b, users c, users d, users e")
    async with aclosing(stream_rows(engine, endless, {}, Arrangement())) as events:
        async for event in events:
            if isinstance(event, pa.RecordBatch):
                break
    assert await stand.quiet_within(2)


async def test_the_customer_sees_our_trace_id_and_the_definition(
    engine: QueryEngine, statement: Callable[..., Statement], stand: Any
) -> None:
    async with engine.session(statement("SELECT id FROM users")):
        with psycopg.connect(stand.server.admin_dsn(stand.database)) as admin:
            names = admin.execute(
                "SELECT application_name FROM pg_stat_activity WHERE usename = %s", [stand.role.name]
            ).fetchall()
    assert names == [("directflow/0af7651916cd43dd8448eb211c80319c/weekly",)]


async def test_a_span_holds_the_shape_of_the_statement_and_no_literal(
    collect: Collect, spans: Callable[[str], list[Any]]
) -> None:
    await collect("SELECT id FROM users WHERE email = 'u1@x.io' AND plan <> '<%= p %>'", {"p": "private"})
    [span] = spans("stream")
    told = repr(dict(span.attributes))
    assert "u1@x.io" not in told
    assert "private" not in told
    assert span.attributes["db.response.returned_rows"] == 1
