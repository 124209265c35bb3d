"""Two statements' keyed rows side by side, read in one snapshot."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pytest
from directflow_cli.dev.postgres import PostgresServer
from directflow_gateway.queries.differing import Pair, PairOpening, stream_difference
from directflow_gateway.queries.engine import QueryEngine
from directflow_gateway.queries.rows import Ending
from directflow_gateway.queries.statement import Statement, StatementRole
from directflow_gateway.sql import Kind, Variable
from directflow_runtime.errors import DirectFlowError

Rows = list[tuple[Any, ...]]
Compare = Callable[..., Awaitable[tuple[PairOpening, Rows]]]


@pytest.fixture(scope="module")
def customer(postgres: PostgresServer, postgres_database: str) -> str:
    postgres.psql(file=Path(__file__).with_name("explain.sql"), database=postgres_database)
    return postgres_database


@pytest.fixture
def generator(statement: Callable[..., Statement]) -> Callable[..., Statement]:
    def make(template: str, *variables: Variable) -> Statement:
        return statement(template, *variables, role=StatementRole.GENERATOR)

    return make


@pytest.fixture
def compare(engine: QueryEngine) -> Compare:
    async def read(first: Statement, second: Statement, /, **values: Any) -> tuple[PairOpening, Rows]:
        pair = Pair(first, second, "profile_id", ("email", "phone"))
        async with aclosing(stream_difference(engine, pair, values)) as events:
            opening, *batches, ending = [event async for event in events]
        assert isinstance(opening, PairOpening)
        assert isinstance(ending, Ending)
        tables = [batch for batch in batches if isinstance(batch, pa.RecordBatch)]
        rows = [tuple(row.values()) for batch in tables for row in batch.to_pylist()]
        assert ending.row_count == len(rows)
        return opening, rows

    return read


async def test_rows_of_both_come_by_key_and_side(compare: Compare, generator: Callable[..., Statement]) -> None:
    opening, rows = await compare(
        generator("SELECT id AS profile_id, email FROM people WHERE id IN (1, 2) ORDER BY email DESC -- end"),
        generator("SELECT id AS profile_id, phone, email FROM people WHERE id IN (3, 2);"),
    )
    assert opening.opening.schema.names == ["_df_side", "profile_id", "email", "phone"]
    assert (opening.first_columns, opening.second_columns) == (("email",), ("email", "phone"))
    assert rows == [
        (1, "1", "ada@x.io", None),
        (1, "2", "bob@x.io", None),
        (2, "2", "bob@x.io", None),
        (2, "3", None, "+15550000003"),
    ]


async def test_each_has_its_own_parameters(compare: Compare, generator: Callable[..., Statement]) -> None:
    days, ids = Variable("days", Kind.INTEGER), Variable("ids", Kind.INTEGER, is_list=True)
    _, rows = await compare(
        generator(
            "SELECT person AS profile_id, club AS email FROM members WHERE club = '<%= club %>'"
            " AND since > now() - INTERVAL '<%= days %> days'",
            days,
        ),
        generator(
            "SELECT id AS profile_id, email FROM people WHERE id IN (<%= ids %>) AND plan || '<%= club %>' ~ 'pro'",
            ids,
        ),
        club="chess",
        days=30,
        ids=[1, 2],
    )
    assert rows == [(1, "1", "chess"), (2, "1", "ada@x.io")]


async def test_keys_and_cells_are_what_postgresql_prints(compare: Compare, generator: Callable[..., Statement]) -> None:
    _, rows = await compare(
        generator("SELECT id AS profile_id, id AS email FROM padded"),
        generator("SELECT id AS profile_id, email FROM named UNION ALL SELECT NULL, 'nobody'"),
    )
    assert rows == [
        (2, "A", "b@x.io"),
        (2, "a", "a@x.io"),
        (1, "ab    ", "ab    "),
        (2, "it's", "c@x.io"),
    ]


async def test_both_are_read_in_one_snapshot(
    compare: Compare, generator: Callable[..., Statement], postgres_dsn: str
) -> None:
    """One statement against itself while people come and go: in two snapshots the sides would differ."""
    same = generator("SELECT n AS profile_id, email FROM many")
    running = True

    async def churn() -> int:
        changes = 0
        async with await psycopg.AsyncConnection.connect(postgres_dsn, autocommit=True) as admin:
            while running:
                await admin.execute("UPDATE many SET n = n + 1")
                changes += 1
        return changes

    churning = asyncio.ensure_future(churn())
    seen = set()
    try:
        for _ in range(8):
            _, rows = await compare(same, same)
            first, second = ([row[1:] for row in rows if row[0] == side] for side in (1, 2))
            assert first == second
            assert len(first) == 1500
            seen.add(first[0])
    finally:
        running = False
        assert await churning > 1
    assert len(seen) > 1


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        ("SELECT id AS profile_id FROM people", "DEFINITION_BROKEN"),
        ("SELECT id AS profile_id, emial AS email FROM people", "DEFINITION_BROKEN"),
        ("SELECT id AS profile_id, pg_read_file('/etc/passwd') AS email FROM people", "STATEMENT_REFUSED"),
        ("SELECT id AS profile_id, email FROM people) AS _df_q; DELETE FROM people; --", "STATEMENT_REFUSED"),
        ("SELECT id AS profile_id, email FROM people; SELECT 1", "STATEMENT_REFUSED"),
    ],
)
async def test_the_second_is_checked_like_every_statement(
    compare: Compare, generator: Callable[..., Statement], second: str, reason: str
) -> None:
    with pytest.raises(DirectFlowError) as refused:
        await compare(generator("SELECT id AS profile_id, email FROM people"), generator(second))
    assert refused.value.reason == reason


async def test_statements_that_do_not_go_together_are_refused_with_all_reasons(
    compare: Compare, generator: Callable[..., Statement]
) -> None:
    template = "SELECT id AS profile_id, email FROM people WHERE id = <%= n %>"
    other = generator(template, Variable("n", Kind.TEXT))
    elsewhere = Statement("workspaces/acme/connections/other", template, other.role, other.variables)
    with pytest.raises(DirectFlowError) as refused:
        await compare(generator(template, Variable("n", Kind.INTEGER)), elsewhere, n=1)
    assert [v.field for v in refused.value.violations] == ["second.connection", "second.variables"]


async def test_a_value_that_does_not_fit_is_named(compare: Compare, generator: Callable[..., Statement]) -> None:
    first = generator("SELECT id AS profile_id, email FROM people")
    with pytest.raises(DirectFlowError) as refused:
        await compare(first, generator("SELECT id AS profile_id, email FROM people WHERE born = '<%= day %>'"), day="x")
    assert (refused.value.reason, refused.value.metadata["variable"]) == ("VARIABLE_REJECTED", "day")
