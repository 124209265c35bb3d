"""One statement a message, and no value in its text: nothing behind a semicolon ever runs."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from directflow_gateway.execution import fetch_first
from directflow_gateway.execution.wire import Statement
from directflow_runtime.errors import DirectFlowError

TWO = "SELECT 1; SELECT pg_advisory_lock(1)"


async def test_a_second_statement_is_a_syntax_error_without_parameters(stand: Any) -> None:
    async with stand.lease() as session:
        with pytest.raises(psycopg.errors.SyntaxError):
            await session.wire.run(Statement(TWO))


async def test_a_second_statement_is_a_syntax_error_with_parameters(stand: Any) -> None:
    async with stand.lease() as session:
        with pytest.raises(psycopg.errors.SyntaxError):
            await session.wire.run(Statement("SELECT $1::int; SELECT 2", ("1",)))


async def test_a_second_statement_is_refused_by_stream_and_fetch_first(
    stand: Any, collect: Callable[..., Any], plan_of: Callable[..., Any]
) -> None:
    async with stand.transaction() as session:
        with pytest.raises(DirectFlowError) as refused:
            await fetch_first(session, TWO, (), 2)
        assert refused.value.sqlstate == "42601"
    async with stand.transaction() as session:
        with pytest.raises(DirectFlowError) as refused:
            await collect(session, TWO, plan=plan_of("SELECT 1"))
        assert refused.value.sqlstate == "42601"
    async with stand.lease() as session:
        (locks,) = await session.wire.run(Statement("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"))
        assert locks.get_value(0, 0) == b"0"


@pytest.mark.parametrize("value", ["'; DROP TABLE x; --", "\\'", "$1", "%s", "ü\u2028", "", "x" * 200_000])
async def test_a_value_arrives_as_it_is(stand: Any, value: str) -> None:
    async with stand.transaction() as session:
        assert await fetch_first(session, "SELECT $1::text, length($2)", (value, value), 1) == [
            (value, str(len(value)))
        ]


async def test_a_parameter_has_the_type_that_its_place_gives_it(stand: Any) -> None:
    async with stand.transaction() as session:
        row = await fetch_first(
            session,
            "SELECT pg_typeof($1 + 1::int8), date '2024-01-01' > $2, 5 = ANY($3), $4::text",
            ("1", "2023-12-31", "{1,5}", None),
            1,
        )
    assert row == [("bigint", "t", "t", None)]


async def test_several_statements_share_a_round_trip_and_the_first_error_ends_them(stand: Any) -> None:
    async with stand.lease() as session:
        one, two = await session.wire.run(Statement("SELECT 1"), Statement("SELECT $1", ("b",)))
        assert (one.get_value(0, 0), two.get_value(0, 0)) == (b"1", b"b")
        with pytest.raises(psycopg.errors.DivisionByZero):
            await session.wire.run(Statement("SELECT 1"), Statement("SELECT 1/0"), Statement("SELECT 3"))
        assert session.wire.idle


async def test_a_large_statement_is_sent_while_the_server_already_answers(stand: Any) -> None:
    async with stand.lease() as session:
        results = await session.wire.run(
            *(Statement("SELECT length($1), repeat('y', 200000)", ("x" * 1_000_000,)) for _ in range(30))
        )
        assert {result.get_value(0, 0) for result in results} == {b"1000000"}
