"""Large tables that are read from beginning to end for one person."""

from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
import pytest
from directflow_cli.dev.postgres import PostgresServer
from directflow_gateway.advice.generic_plan import sequential_scans
from directflow_gateway.sql import compile_template
from directflow_runtime.errors import Problem

Problems = Callable[..., Awaitable[list[Problem]]]

CONCURRENTLY = "Give this to the database's administrator: CREATE INDEX CONCURRENTLY ON {};"


@pytest.mark.parametrize(
    ("template", "index"),
    [
        ("SELECT true AS result FROM shop.orders WHERE buyer = '<%= profile_id %>' LIMIT 1", "shop.orders (buyer)"),
        ("SELECT EXISTS (SELECT FROM shop.orders WHERE paid AND buyer = <%= profile_id %>) AS result",
         "shop.orders (buyer)"),
        # the planner's own conclusion: orders.buyer is the person as well
        ("SELECT count(*) > 3 AS result FROM users u JOIN shop.orders o ON o.buyer = u.id "
         "WHERE u.id = '<%= profile_id %>'", "shop.orders (buyer)"),
        # a varchar is compared as text, and is none the less the column itself
        ("SELECT true AS result FROM shop.orders WHERE \"Buyer Code\" = '<%= profile_id %>'",
         'shop.orders ("Buyer Code")'),
        ("SELECT true AS result FROM shop.orders WHERE lower(email) = lower('<%= email %>')",
         "shop.orders (lower(email))"),
        # the person's, where there are several
        ("SELECT true AS result FROM shop.orders WHERE email = '<%= email %>' AND buyer = '<%= profile_id %>'",
         "shop.orders (buyer)"),
        # no statistics: its size tells
        ("SELECT true AS result FROM shop.never_analysed WHERE buyer = '<%= profile_id %>'",
         "shop.never_analysed (buyer)"),
    ],
)  # fmt: skip
async def test_the_index_that_is_missing_is_written_for_the_administrator(
    problems: Problems, template: str, index: str
) -> None:
    [problem] = await problems("condition", template)
    assert problem.rule == "MISSING_INDEX"
    assert problem.hint == CONCURRENTLY.format(index)
    assert problem.token.startswith("<%=")
    assert template[problem.column - 1 :].startswith(problem.token)


async def test_a_preload_misses_one_as_well(problems: Problems) -> None:
    [problem] = await problems("preload", "SELECT paid FROM shop.orders\nWHERE buyer = '<%= profile_id %>'")
    assert (problem.rule, problem.line, problem.column) == ("MISSING_INDEX", 2, 16)
    assert problem.message == (
        "All of shop.orders (about 20,000 rows) is read for each person: it has no index that begins with buyer."
    )


async def test_an_index_that_a_cast_keeps_from_being_used_is_told_and_not_asked_for_again(problems: Problems) -> None:
    [problem] = await problems("condition", "SELECT true AS result FROM users WHERE id::text = '<%= profile_id %>'")
    assert problem.rule == "CAST_HIDES_INDEX"
    assert (
        problem.hint
        == "Compare the column as it is: id = '<%= profile_id %>'. DirectFlow gives the value the column's type."
    )


async def test_a_cast_of_a_column_without_an_index_is_told_both(problems: Problems) -> None:
    [problem] = await problems(
        "condition", "SELECT true AS result FROM shop.orders WHERE buyer::text = '<%= profile_id %>'"
    )
    assert problem.rule == "CAST_HIDES_INDEX"
    assert "CREATE INDEX CONCURRENTLY ON shop.orders (buyer);" in problem.hint


async def test_partitions_together_are_one_table_whose_index_is_not_built_concurrently(problems: Problems) -> None:
    [problem] = await problems("condition", "SELECT true AS result FROM shop.visits WHERE person = '<%= profile_id %>'")
    assert "shop.visits (about 8,000 rows)" in problem.message
    assert "CREATE INDEX ON shop.visits (person);" in problem.hint


@pytest.mark.parametrize(
    ("role", "template"),
    [
        ("condition", "SELECT true AS result FROM shop.orders WHERE id = '<%= profile_id %>'"),
        ("condition", "SELECT true AS result FROM shop.orders WHERE reference = '<%= profile_id %>'"),
        ("condition", "SELECT true AS result FROM shop.small WHERE buyer = '<%= profile_id %>'"),
        # half of the table has the value: an index would not help
        ("condition", "SELECT true AS result FROM shop.orders WHERE paid = '<%= paid %>'"),
        # found by its key; the rest is a matter of one row
        ("condition", "SELECT email = '<%= email %>' AS result FROM users WHERE id = '<%= profile_id %>'"),
        # many people are wanted: reading the table is right
        ("generator", "SELECT id AS profile_id, email FROM shop.orders WHERE buyer = '<%= buyer %>'"),
    ],
)
async def test_what_an_index_would_not_help_is_left_alone(problems: Problems, role: str, template: str) -> None:
    assert await problems(role, template) == []


async def test_asking_leaves_nothing_behind_in_the_session(postgres: PostgresServer, customer: str) -> None:
    """A prepared statement would stay with a pooler's session, settings with the transaction."""
    compiled = compile_template("SELECT id FROM users WHERE id::text = '<%= a %>' AND email = '<%= b %>'; -- done")
    connection = await psycopg.AsyncConnection.connect(postgres.admin_dsn(customer), autocommit=True)
    async with connection as conn:
        await conn.execute("BEGIN READ ONLY")
        found = await sequential_scans(conn, compiled, 5.0)
        left = await (
            await conn.execute("SELECT count(*) FROM pg_prepared_statements WHERE name LIKE '_df%'")
        ).fetchone()
        shown = await (await conn.execute("SHOW plan_cache_mode")).fetchone()
        timeout = await (await conn.execute("SHOW statement_timeout")).fetchone()
    assert [(scan.schema, scan.table) for scan in found] == [("public", "users")]
    assert (left, shown, timeout) == ((0,), ("auto",), ("0",))


async def test_planning_that_takes_too_long_costs_the_advice_only(
    postgres: PostgresServer, customer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    joins = "".join(f" JOIN users u{n} USING (id)" for n in range(1, 13))
    compiled = compile_template(f"SELECT id FROM users u0{joins} WHERE id = '<%= a %>'")
    connection = await psycopg.AsyncConnection.connect(postgres.admin_dsn(customer), autocommit=True)
    async with connection as conn:
        await conn.execute("SET join_collapse_limit = 20")
        await conn.execute("SET geqo = off")
        await conn.execute("BEGIN READ ONLY")
        assert await sequential_scans(conn, compiled, 0.001) == []
        row: Any = await (await conn.execute("SELECT 1")).fetchone()
    assert row == (1,)
