"""How many rows a statement has, counted by running it or estimated by planning it."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from directflow_gateway.queries.engine import QueryEngine
from directflow_gateway.queries.rows import count_rows, estimate_rows
from directflow_gateway.queries.statement import Statement
from directflow_runtime.errors import DirectFlowError

MakeStatement = Callable[..., Statement]


@pytest.mark.parametrize(
    ("template", "distinct", "counts"),
    [
        ("SELECT id FROM users", "", (30, 0)),
        ("SELECT id, plan FROM users ORDER BY id LIMIT 4 -- four", "", (4, 0)),
        ("SELECT plan FROM users", "plan", (30, 2)),  # NULL is no value
        ("SELECT id, plan FROM users WHERE plan = '<%= p %>'", "id", (10, 10)),
        ("SELECT id FROM users WHERE false", "id", (0, 0)),
        ("SELECT 1 AS a, 2 AS a", "", (1, 0)),
    ],
)
async def test_rows_and_different_values_are_counted(
    engine: QueryEngine, statement: MakeStatement, template: str, distinct: str, counts: tuple[int, int]
) -> None:
    assert await count_rows(engine, statement(template), {"p": "pro"}, distinct) == counts


async def test_an_unknown_column_cannot_be_counted(engine: QueryEngine, statement: MakeStatement) -> None:
    with pytest.raises(DirectFlowError) as refused:
        await count_rows(engine, statement("SELECT id FROM users"), {}, 'x" FROM users; --')
    assert refused.value.reason == "INVALID_REQUEST"
    assert [violation.field for violation in refused.value.violations] == ["distinct_column"]


async def test_an_estimate_knows_the_values_and_runs_nothing(engine: QueryEngine, statement: MakeStatement) -> None:
    few, all_of_them = [
        await estimate_rows(
            engine, statement("SELECT id, 1 / (id - id) AS x FROM users WHERE id <= <%= n %>"), {"n": n}
        )
        for n in (3, 30)
    ]
    assert few < 10 < 25 < all_of_them <= 30


async def test_data_that_fails_while_it_is_counted_is_the_datas_fault(
    engine: QueryEngine, statement: MakeStatement
) -> None:
    with pytest.raises(DirectFlowError) as refused:
        await count_rows(engine, statement("SELECT id FROM users WHERE 1 / (id - 7) > 0"), {})
    assert (refused.value.reason, refused.value.sqlstate) == ("DATA_ERROR", "22012")


@pytest.mark.parametrize("run", [count_rows, estimate_rows])
async def test_a_variable_without_a_value_is_rejected(
    engine: QueryEngine, statement: MakeStatement, run: Callable[..., Awaitable[Any]]
) -> None:
    with pytest.raises(DirectFlowError) as refused:
        await run(engine, statement("SELECT id FROM users WHERE plan = '<%= p %>'"), {})
    assert refused.value.reason == "VARIABLE_REJECTED"
