"""Statements of one transaction in one round trip: each may fail, none takes another along, nothing is left behind."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing
from typing import Any

import psycopg
import pytest
from directflow_gateway.connections import Limits
from directflow_gateway.execution import AllowanceExceeded, SqlStatement, Together, Unresponsive
from directflow_gateway.execution.first_rows import fetch_first
from directflow_gateway.execution.pipeline import Pipeline
from directflow_gateway.execution.together import HEAD_TRIES, RESULT_ALLOWANCE

SHARE = "SELECT 10 / $1::int"
CELLS = "SELECT chr(96 + 10 / n) FROM unnest($1::int[]) n"
HANG = "SELECT length(format('%900000000s', 'x'))"
"""PostgreSQL does not look at its timeout while it pads."""


def statements(*numbers: int) -> list[SqlStatement]:
    return [SqlStatement(SHARE, (str(number),)) for number in numbers]


def readable(told: Sequence[Any]) -> list[str]:
    return [one.sqlstate or "lost" if isinstance(one, psycopg.Error) else one.first[0][0] for one in told]


async def all_cells(
    together: Together, text: str, each: Sequence[Any], *, hides: bool = False, limit_s: float = 5.0
) -> list[Any]:
    told: list[Any] = []
    waiting = iter(each)
    await together.cells(text, lambda: next(waiting, None), told.append, limit_s, hides=hides)
    return told


async def into(rows: list[Any], chunks: Any) -> None:
    async for chunk in chunks:
        rows += chunk


@pytest.mark.parametrize("apart", [True, False])
async def test_what_stands_behind_a_failure_runs_all_the_same(stand: Any, apart: bool) -> None:
    async with stand.transaction() as session:
        together = Together(session, Limits())
        for _ in range(2):
            told = await together.each(statements(1, 0, 2, 0, 0, 5), 5.0, apart=apart)
            assert readable(told) == ["10", "22012", "5", "22012", "22012", "2"]


async def test_all_of_them_see_one_snapshot(stand: Any) -> None:
    same = SqlStatement("SELECT pg_current_snapshot()::text || now()::text")
    async with stand.transaction() as session:
        together = Together(session, Limits())
        told = await together.each([same, *statements(0), same], 5.0, apart=False)
        assert told[0].first == told[2].first


async def test_each_has_its_own_time(stand: Any) -> None:
    """And behind one that took too long nothing is run, for it may be a lock that holds up all of them."""
    naps = [SqlStatement("SELECT pg_sleep($1)::text", (text,)) for text in ("0.05", "0.05", "9", "0.05")]
    async with stand.transaction() as session:
        together = Together(session, Limits())
        told = await together.each(naps, 0.4, apart=False)
        assert [isinstance(one, psycopg.errors.QueryCanceled) for one in told] == [False, False, True]
        told = await together.each(naps, 0.4, apart=True)
        assert [isinstance(one, psycopg.errors.QueryCanceled) for one in told] == [False, False, True, False]


async def test_a_time_limit_ends_with_the_statements_it_was_for(stand: Any) -> None:
    async with stand.transaction() as session:
        together = Together(session, Limits())
        await together.each(statements(1), 0.3, apart=False)
        await together.back()
        assert await fetch_first(session, "SELECT current_setting('statement_timeout')", (), 1) == [("20s",)]


async def test_the_server_tells_how_long_it_worked(stand: Any) -> None:
    async with stand.transaction() as session:
        together = Together(session, Limits())
        await together.each([SqlStatement("SELECT pg_sleep(0.2)::text")], 5.0, apart=False)
        assert 0.2 <= together.worked_s < 5
        await together.each(statements(1), 5.0, apart=False)
        assert together.worked_s < 0.2


async def test_a_server_that_keeps_no_limit_is_left(stand: Any) -> None:
    async with stand.transaction() as session:
        together = Together(session, Limits())
        with pytest.raises(Unresponsive):
            await together.each([SqlStatement(HANG)] * 3, 0.05, apart=False)
        assert together.lost


async def test_a_result_that_is_far_too_large_ends_the_connection(stand: Any) -> None:
    async with stand.transaction() as session:
        together = Together(session, Limits())
        much = SqlStatement("SELECT repeat('x', 100) FROM generate_series(1, 900000)")
        with pytest.raises(AllowanceExceeded):
            await together.each([much], 20, apart=True)
        assert together.lost


@pytest.mark.parametrize("hides", [True, False])
async def test_cells_before_an_error_arrive_before_it(stand: Any, hides: bool) -> None:
    each = [("{1,2,5}",), ("{10,5,0,1}",), ("{0}",), ("{2,x}",), ("{}",), ("{5}",)]
    async with stand.transaction() as session:
        together = Together(session, Limits())
        for _ in range(2):
            told = await all_cells(together, CELLS, each, hides=hides)
            assert [(one.cells, one.error and one.error.sqlstate) for one in told] == [
                (b"jeb", None), (b"ab", "22012"), (b"", "22012"), (b"", "22P02"), (b"", None), (b"b", None),
            ]  # fmt: skip


async def test_a_text_that_is_refused_is_an_error_of_all(stand: Any) -> None:
    async with stand.transaction() as session:
        together = Together(session, Limits())
        with pytest.raises(psycopg.errors.UndefinedColumn):
            await all_cells(together, "SELECT nothing FROM unnest($1::int[]) n", [("{1}",)] * 3)
        assert readable(await together.each(statements(1), 5.0, apart=True)) == ["10"]


async def test_rows_before_an_error_arrive_before_it_and_the_next_statement_follows(stand: Any) -> None:
    rows: list[Any] = []
    async with stand.transaction() as session:
        together = Together(session, Limits())
        async with aclosing(together.chunks(SqlStatement(CELLS, ("{1,2,0,5}",)), 1, 5.0)) as chunks:
            with pytest.raises(psycopg.errors.DivisionByZero):
                await into(rows, chunks)
        assert rows == [(b"j",), (b"e",)]
        assert readable(await together.each(statements(1), 5.0, apart=True)) == ["10"]


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """`late(times)`: so often the server gets no turn while it takes up what stands before the statements; the limit is
    in force by then, and strikes there."""
    left = [0]
    groups, cells = Pipeline.groups, Pipeline.cells

    def held_up(head: Sequence[SqlStatement]) -> list[SqlStatement]:
        left[0] -= 1
        return [*head, SqlStatement("SELECT pg_sleep(9)")] if left[0] >= 0 else [*head]

    monkeypatch.setattr(Pipeline, "groups", lambda self, head, *rest: groups(self, held_up(head), *rest))
    monkeypatch.setattr(Pipeline, "cells", lambda self, head, *rest: cells(self, held_up(head), *rest))
    return lambda times: left.__setitem__(0, times)


@pytest.mark.parametrize("apart", [True, False])
async def test_a_limit_that_strikes_before_the_statements_is_not_theirs(
    stand: Any, late: Callable[[int], None], apart: bool
) -> None:
    """A batch of many people's would fail for all of them, since a busy machine let the server wait for 5 ms."""
    async with stand.transaction() as session:
        together = Together(session, Limits())
        late(HEAD_TRIES - 1)
        assert readable(await together.each(statements(1, 0, 2), 0.05, apart=apart)) == ["10", "22012", "5"]


@pytest.mark.parametrize(("apart", "told"), [(True, ["57014"] * 3), (False, ["57014"])])
async def test_a_limit_that_strikes_there_again_and_again_is_a_statements_that_took_too_long(
    stand: Any, late: Callable[[int], None], apart: bool, told: list[str]
) -> None:
    async with stand.transaction() as session:
        together = Together(session, Limits())
        late(HEAD_TRIES)
        assert readable(await together.each(statements(1, 2, 5), 0.05, apart=apart)) == told
        assert readable(await together.each(statements(1, 2, 5), 5.0, apart=apart)) == ["10", "5", "2"]


async def test_cells_are_asked_for_once_the_limit_stands(stand: Any, late: Callable[[int], None]) -> None:
    async with stand.transaction() as session:
        together = Together(session, Limits())
        late(HEAD_TRIES - 1)
        told = await all_cells(together, CELLS, [("{1,2}",), ("{5}",)], limit_s=0.05)
        assert [(one.cells, one.error) for one in told] == [(b"je", None), (b"b", None)]


async def test_rows_are_asked_for_once_the_limit_stands(stand: Any, late: Callable[[int], None]) -> None:
    rows: list[Any] = []
    async with stand.transaction() as session:
        together = Together(session, Limits())
        late(HEAD_TRIES - 1)
        async with aclosing(together.chunks(SqlStatement(CELLS, ("{1,2}",)), 1, 0.05)) as chunks:
            await into(rows, chunks)
        assert rows == [(b"j",), (b"e",)]
        late(HEAD_TRIES)
        with pytest.raises(psycopg.errors.QueryCanceled):
            async with aclosing(together.chunks(SqlStatement(CELLS, ("{1,2}",)), 1, 0.05)) as chunks:
                await into(rows, chunks)


async def test_a_limit_that_strikes_at_the_end_costs_no_session(stand: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async with stand.transaction() as session:
        await Together(session, Limits()).each(statements(1), 0.05, apart=False)
        late, run = [SqlStatement("SELECT pg_sleep(9)")], session.wire.run

        async def late_once(*sent: SqlStatement, **more: Any) -> Any:
            return await run(*(late.pop(), *sent) if late else sent, **more)

        monkeypatch.setattr(session.wire, "run", late_once)
    monkeypatch.undo()
    async with stand.transaction() as again:
        assert again is session
        assert await fetch_first(again, "SELECT current_setting('statement_timeout')", (), 1) == [("20s",)]


async def test_a_limit_that_strikes_on_the_way_back_is_nobodys(stand: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async with stand.transaction() as session:
        together = Together(session, Limits())
        await together.each(statements(1), 0.05, apart=False)
        backs = [SqlStatement("SELECT pg_sleep(9)")]
        run = session.wire.run
        with monkeypatch.context() as patched:
            patched.setattr(session.wire, "run", lambda statement: run(backs.pop() if backs else statement))
            await together.back()
        assert await fetch_first(session, "SELECT current_setting('statement_timeout')", (), 1) == [("20s",)]


@pytest.mark.parametrize("after_s", [0.0, 0.01, 0.1, 0.3])
async def test_whoever_leaves_in_between_leaves_nothing_in_the_session(stand: Any, after_s: float) -> None:
    """Not the statement that was prepared, no setting, no transaction: it is the next caller's session."""
    slow = "SELECT pg_sleep(0.05)::text FROM unnest($1::int[])"

    async def work() -> None:
        async with stand.transaction() as session:
            await all_cells(Together(session, Limits()), slow, [("{1,2}",)] * 40)

    task = asyncio.ensure_future(work())
    await asyncio.sleep(after_s)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await stand.quiet_within(2)
    left = "SELECT (SELECT count(*) FROM pg_prepared_statements), current_setting('plan_cache_mode')"
    for _ in range(stand.connection.limits.pool_size):
        async with stand.transaction() as session:
            assert await fetch_first(session, left, (), 1) == [("0", "auto")]


# --- one text many times over ----------------------------------------------------------------------------------------


async def test_each_is_planned_for_its_own_value_however_many_there_are(stand: Any) -> None:
    """A division of constants fails when it is planned; with one plan for all it would not, for no row is read."""
    text = "SELECT 10 / $1::int FROM generate_series(1, 0)"
    values = [*range(1, 9), 0, *range(1, 9), 0]
    for apart in (True, False):
        async with stand.transaction() as session:
            told = await Together(session, Limits()).each(
                [SqlStatement(text, (str(n),)) for n in values], 5.0, apart=apart
            )
            failed = [isinstance(one, psycopg.errors.DivisionByZero) for one in told]
            assert failed == [n == 0 for n in values]


@pytest.mark.parametrize("apart", [True, False])
async def test_other_texts_in_between_take_nobodys_place(stand: Any, apart: bool) -> None:
    async with stand.transaction() as session:
        together = Together(session, Limits())
        mixed = [SqlStatement(f"SELECT {n} + $1::int", ("1",)) for n in range(3)]
        told = await together.each([*statements(1, 2), *mixed, *statements(5)], 5.0, apart=apart)
        assert readable(told) == ["10", "5", "1", "2", "3", "2"]


@pytest.mark.parametrize("apart", [True, False])
async def test_nothing_stays_prepared(stand: Any, apart: bool) -> None:
    async with stand.transaction() as session:
        await Together(session, Limits()).each(statements(*range(1, 13), 0, 4), 5.0, apart=apart)
        names = "SELECT count(*)::text FROM pg_prepared_statements WHERE name <> ''"
        assert await fetch_first(session, names, (), 1) == [("0",)]


# --- what is held ----------------------------------------------------------------------------------------------------


async def test_of_each_result_two_rows_are_kept_and_all_are_counted(stand: Any) -> None:
    async with stand.transaction() as session:
        many = SqlStatement("SELECT n::text FROM generate_series(1, $1::int) n", ("5000",))
        [told] = await Together(session, Limits()).each([many], 5.0, apart=False)
        assert (told.count, told.first) == (5000, [("1",), ("2",)])


async def test_results_that_are_large_only_all_together_end_the_connection(stand: Any) -> None:
    """Each is far below the allowance; they are held until the last one has come."""
    each = RESULT_ALLOWANCE // 8
    statement = SqlStatement("SELECT repeat('x', $1::int)", (str(each),))
    async with stand.transaction() as session:
        together = Together(session, Limits())
        assert len(await together.each([statement] * 4, 20, apart=True)) == 4
        with pytest.raises(AllowanceExceeded):
            await together.each([statement] * 24, 20, apart=True)
        assert together.lost


async def test_what_one_round_trip_held_does_not_count_in_the_next(stand: Any) -> None:
    statement = SqlStatement("SELECT repeat('x', $1::int)", (str(RESULT_ALLOWANCE // 8),))
    async with stand.transaction() as session:
        together = Together(session, Limits())
        for _ in range(5):
            assert len(await together.each([statement] * 4, 20, apart=True)) == 4


async def test_more_cells_than_go_ahead_are_told_in_their_order(stand: Any) -> None:
    """And what one came to decides on the next, while others are under way."""
    waiting, told = [str(n) for n in range(1, 60)], []
    async with stand.transaction() as session:

        def following() -> Any:
            return (f"{{{waiting.pop(0)}}}",) if waiting else None

        def took(one: Any) -> None:
            told.append(one.cells)
            if one.cells == b"5":
                waiting.extend(["100", "101"])

        await Together(session, Limits()).cells("SELECT unnest($1::int[])::text", following, took, 5.0, hides=False)
    assert told == [str(n).encode() for n in (*range(1, 60), 100, 101)]
