"""Each tuple of values has its own exact outcome: what one comes to, an error included, changes no other."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Any

import pytest
from directflow_cli.dev.postgres import PostgresServer
from directflow_gateway.queries.engine import QueryEngine
from directflow_gateway.queries.outcomes import Outcome
from directflow_gateway.queries.sets.evaluating import evaluate
from directflow_gateway.queries.sets.fetching import Fetched, FetchedRows, fetch
from directflow_gateway.queries.sets.tuples import Tuples
from directflow_gateway.queries.statement import Statement, StatementRole
from directflow_gateway.sql import Kind, Variable
from directflow_runtime.errors import DirectFlowError, StatusCode

CONDITION = "SELECT 10 / v >= 1 AS result FROM outcomes WHERE name = '<%= name %>'"
PROFILE = "SELECT 10 / v AS tenth, name FROM outcomes WHERE name = '<%= name %>' ORDER BY v"
EXPECTED = {
    "true": Outcome.TRUE,
    "false": Outcome.FALSE,
    "null": Outcome.NULL,
    "nobody": Outcome.NO_ROW,
    "many": Outcome.MULTIPLE_ROWS,
    "zero": Outcome.ERROR,
}

Evaluate = Callable[..., Awaitable[list[Outcome]]]
MakeStatement = Callable[..., Statement]


def tuples(**columns: Sequence[Any]) -> Tuples:
    return Tuples.of(len(next(iter(columns.values()))), {}, columns)


@pytest.fixture
def outcomes(engine: QueryEngine, statement: MakeStatement) -> Evaluate:
    async def run(names: Sequence[str], template: str = CONDITION) -> list[Outcome]:
        condition = statement(template, role=StatementRole.CONDITION)
        return (await evaluate(engine, condition, tuples(name=names))).outcomes()

    return run


@pytest.mark.parametrize("name", EXPECTED)
async def test_a_tuple_alone(outcomes: Evaluate, name: str) -> None:
    assert await outcomes([name]) == [EXPECTED[name]]


async def test_every_outcome_beside_every_other(outcomes: Evaluate) -> None:
    names = [*EXPECTED, *reversed(EXPECTED), "zero", "zero", "true"]
    assert await outcomes(names) == [EXPECTED[name] for name in names]


async def test_no_tuple_has_no_outcome(outcomes: Evaluate) -> None:
    assert await outcomes([]) == []


async def test_a_value_that_does_not_fit_is_its_tuples_error(engine: QueryEngine, statement: MakeStatement) -> None:
    """Found by us for the variable's kind, and by PostgreSQL for the type where it stands."""
    for variable in (Variable("n", Kind.INTEGER), Variable("n", Kind.TEXT)):
        condition = statement("SELECT id > 5 AS result FROM users WHERE id = <%= n %>", variable,
                              role=StatementRole.CONDITION)  # fmt: skip
        values = ["9", "private", "1"] if variable.kind is Kind.TEXT else [9, "private", 1]
        evaluated = await evaluate(engine, condition, tuples(n=values))
        assert evaluated.outcomes() == [Outcome.TRUE, Outcome.ERROR, Outcome.FALSE]
        [(index, error)] = evaluated.errors.items()
        assert (index, error.reason) == (1, "VARIABLE_REJECTED")
        assert "private" not in repr(evaluated) + str(error) + repr(error)


async def test_the_error_of_a_tuple_says_what_without_the_data(engine: QueryEngine, statement: MakeStatement) -> None:
    evaluated = await evaluate(engine, statement(CONDITION, role=StatementRole.CONDITION), tuples(name=["zero"]))
    assert (evaluated.errors[0].reason, evaluated.errors[0].sqlstate) == ("DATA_ERROR", "22012")


async def test_a_condition_without_a_boolean_result_does_not_run(outcomes: Evaluate) -> None:
    for template in ("SELECT v AS result FROM outcomes", "SELECT true AS ok", "SELECT true AS result, 1 AS more"):
        with pytest.raises(DirectFlowError) as refused:
            await outcomes(["true"], template)
        assert (refused.value.code, refused.value.reason) == (StatusCode.FAILED_PRECONDITION, "DEFINITION_BROKEN")


async def test_a_right_that_is_gone_is_the_status_of_the_call(
    outcomes: Evaluate, postgres: PostgresServer, customer: str
) -> None:
    """Nobody is served by ten thousand copies of it. The statement is prepared already: it is the run that fails."""
    assert await outcomes(["true"]) == [Outcome.TRUE]
    postgres.psql("REVOKE SELECT ON outcomes FROM PUBLIC", database=customer)
    try:
        with pytest.raises(DirectFlowError) as refused:
            await outcomes(["true", "false"])
    finally:
        postgres.psql("GRANT SELECT ON outcomes TO PUBLIC", database=customer)
    assert refused.value.reason == "PERMISSION_DENIED_BY_DATABASE"


async def test_fetch_gives_the_first_row_of_every_tuple_and_its_outcome(
    engine: QueryEngine, statement: MakeStatement
) -> None:
    names = ["true", "nobody", "zero", "many", "null", "false"]
    async with aclosing(fetch(engine, statement(PROFILE), tuples(name=names))) as events:
        opening, *parts, end = [event async for event in events]
    assert opening.schema.names == ["tenth", "name"]
    assert isinstance(end, Fetched)
    assert end.outcomes == [
        Outcome.ROW, Outcome.NO_ROW, Outcome.ERROR, Outcome.MULTIPLE_ROWS, Outcome.ROW, Outcome.ROW,
    ]  # fmt: skip
    rows: dict[int, Any] = {}
    for part in parts:
        assert isinstance(part, FetchedRows)
        rows |= dict(zip(part.indexes, map(tuple, (row.values() for row in part.batch.to_pylist())), strict=True))
    assert rows == {0: (2, "true"), 3: (2, "many"), 4: (None, "null"), 5: (0, "false")}


async def test_many_tuples_are_fetched_in_several_batches(engine: QueryEngine, statement: MakeStatement) -> None:
    each = tuples(n=range(1, 1_202))
    async with aclosing(fetch(engine, statement("SELECT <%= n %>::int AS n"), each)) as events:
        parts = [event async for event in events if isinstance(event, FetchedRows)]
    assert len(parts) > 1
    assert [index for part in parts for index in part.indexes] == list(range(1_201))
    assert [n for part in parts for n in part.batch.column(0).to_pylist()] == list(range(1, 1_202))


async def test_the_span_counts_people_and_neither_rows_nor_bytes_that_nobody_counted_and_names_no_value(
    outcomes: Evaluate, spans: Callable[[str], list[Any]]
) -> None:
    await outcomes(["true", "nobody"])
    [span] = spans("evaluate")
    assert span.attributes["directflow.profiles"] == 2
    assert not {"db.response.returned_rows", "directflow.bytes.returned"} & set(span.attributes)
    assert "nobody" not in repr(dict(span.attributes))
