"""What a call for many tuples may hold, and whom it may hold up: bounds that no outcome shows."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from contextlib import aclosing
from typing import Any

import pytest
from directflow_gateway.queries.engine import QueryEngine
from directflow_gateway.queries.outcomes import Outcome
from directflow_gateway.queries.sets import fetching, tuples
from directflow_gateway.queries.sets.fetching import HELD_BYTES, Fetched, FetchedRows, Window, fetch
from directflow_gateway.queries.sets.tuples import SHORT_WORK, Tuples, bind_tuples, bound_tuples
from directflow_gateway.queries.statement import Statement
from directflow_gateway.sql import CompiledStatement, compile_template

MakeStatement = Callable[..., Statement]
WIDE = 300_000
"""Bytes of a wide row: two hundred of them are more than a window may hold."""


def compiled() -> CompiledStatement:
    return compile_template("SELECT <%= a %> || <%= b %>", [])


def of(rows: int) -> Tuples:
    numbers = [str(number) for number in range(rows)]
    return Tuples.of(rows, {}, {"a": numbers, "b": numbers})


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """For every binding whether it happened in the event loop's own thread."""
    told: list[bool] = []

    def spied(*args: Any, **kwargs: Any) -> Any:
        told.append(threading.current_thread() is threading.main_thread())
        return bind_tuples(*args, **kwargs)

    monkeypatch.setattr(tuples, "bind_tuples", spied)
    return told


@pytest.mark.parametrize(("rows", "in_loop"), [(SHORT_WORK // 2, True), (SHORT_WORK // 2 + 1, False)])
async def test_many_values_are_bound_in_a_thread(threads: list[bool], rows: int, in_loop: bool) -> None:
    """Values, not tuples: ten thousand tuples of twenty variables would stop every other call."""
    bound = await bound_tuples(compiled(), of(rows), distinct=True)
    assert bound.count == rows
    assert threads == [in_loop]


async def test_the_event_loop_serves_others_while_many_values_are_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    others = threading.Event()

    def slow(*args: Any, **kwargs: Any) -> Any:
        assert others.wait(20), "nobody else had a turn"
        return bind_tuples(*args, **kwargs)

    monkeypatch.setattr(tuples, "bind_tuples", slow)
    binding = asyncio.ensure_future(bound_tuples(compiled(), of(SHORT_WORK), distinct=True))
    await asyncio.sleep(0)
    others.set()
    assert (await binding).count == SHORT_WORK


# --- a preload's window -----------------------------------------------------------------------------------------------


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The most bytes that each window held."""
    most: list[int] = []

    class Watched(Window):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            most.append(0)

        def _keep(self, *args: Any) -> None:
            try:
                super()._keep(*args)
            finally:
                most[-1] = max(most[-1], self.bytes)

    monkeypatch.setattr(fetching, "Window", Watched)
    return most


async def fetched(engine: QueryEngine, one: Statement, given: Tuples) -> tuple[list[int], Sequence[Outcome], list[int]]:
    """The indexes of all rows, the outcomes, and how wide each row's text is."""
    indexes: list[int] = []
    widths: list[int] = []
    outcomes: Sequence[Outcome] = []
    async with aclosing(fetch(engine, one, given)) as events:
        async for event in events:
            if isinstance(event, FetchedRows):
                indexes += event.indexes
                widths += [len(text) for text in event.batch.column(0).to_pylist()]
            elif isinstance(event, Fetched):
                outcomes = event.outcomes
    return indexes, outcomes, widths


async def test_a_window_of_rows_that_turn_out_wide_is_given_up_and_run_in_smaller_ones(
    engine: QueryEngine, statement: MakeStatement, held: list[int]
) -> None:
    """The first rows are narrow, so that the windows grow; each row arrives once all the same, in order."""
    narrow, wide = 340, 200
    template = f"SELECT repeat('x', CASE WHEN <%= n %>::int <= {narrow} THEN 1 ELSE {WIDE} END) AS text"
    given = Tuples.of(narrow + wide, {}, {"n": [str(n) for n in range(1, narrow + wide + 1)]})
    indexes, outcomes, widths = await fetched(engine, statement(template), given)
    assert indexes == list(range(narrow + wide))
    assert widths == [1] * narrow + [WIDE] * wide
    assert set(outcomes) == {Outcome.ROW}
    given_up = [most for most in held if most > HELD_BYTES]
    assert given_up, "no window grew too large: this shows nothing"
    assert max(held) <= HELD_BYTES + WIDE, "it was noticed late"


async def test_one_row_may_be_wider_than_a_window(
    engine: QueryEngine, statement: MakeStatement, held: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is its own window; what is too wide for a row is the limit of rows, and that row's own error."""
    monkeypatch.setattr(fetching, "HELD_BYTES", WIDE // 2)
    given = Tuples.of(5, {}, {"n": ["1", "2", "3", "4", "5"]})
    template = f"SELECT repeat('x', {WIDE} + <%= n %>::int) AS text"
    indexes, _, widths = await fetched(engine, statement(template), given)
    assert (indexes, widths) == ([0, 1, 2, 3, 4], [WIDE + n for n in range(1, 6)])
    assert max(held) < 3 * WIDE
