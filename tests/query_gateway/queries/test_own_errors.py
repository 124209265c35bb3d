"""For which conditions the error of the set form is believed: only where PostgreSQL's own catalogue bears it out."""

from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest
from directflow_cli.dev.postgres import PostgresServer
from directflow_gateway.description import describe
from directflow_gateway.queries.sets.preparing import set_plan
from directflow_gateway.sql import compile_template

SCHEMA = """
CREATE TABLE people (id bigint, credits int, name text, key text GENERATED ALWAYS AS (name) STORED);
CREATE VIEW rich AS SELECT * FROM people WHERE 100 / credits < 5;
CREATE TABLE guarded (id bigint, credits int);
ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
CREATE POLICY solvent ON guarded USING (100 / credits > 0);
CREATE TABLE parents (id bigint, credits int);
CREATE TABLE children () INHERITS (parents);
CREATE FUNCTION share(people) RETURNS int LANGUAGE sql STABLE AS 'SELECT 100 / ($1).credits';
"""
SHARE = "SELECT 100 / credits > 10 AS result FROM {} WHERE id = '<%= id %>'"


@pytest.fixture(scope="module")
def database(postgres: PostgresServer, postgres_database: str) -> str:
    postgres.psql(SCHEMA, database=postgres_database)
    return postgres_database


@pytest.fixture
async def tells(postgres: PostgresServer, database: str) -> AsyncIterator[Any]:
    """`await tells(template)`: whether what a profile fails with in the set form is taken for its own error."""
    async with await psycopg.AsyncConnection.connect(postgres.admin_dsn(database), autocommit=True) as conn:
        await conn.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")

        async def ask(template: str) -> bool:
            compiled = compile_template(template, (), allowed_functions=frozenset({"public.share"}))
            return (await set_plan(conn, await describe(conn, compiled), is_condition=True)).tells_own_errors

        yield ask


@pytest.mark.parametrize(
    "template",
    [
        SHARE.format("people"),
        SHARE.format("public.people p"),
        "SELECT CASE WHEN name IS NULL THEN false ELSE name::int > 5 END AS result FROM people WHERE id = '<%= id %>'",
        "SELECT 100 / credits > 10 AS result FROM people WHERE key = '<%= id %>' AND name <> 'x' AND credits < 7",
    ],
)
async def test_what_is_computed_of_the_rows_of_one_table(tells: Any, template: str) -> None:
    assert await tells(template)


@pytest.mark.parametrize("table", ["rich", "guarded", "parents"])
async def test_a_relation_with_conditions_of_its_own(tells: Any, table: str) -> None:
    """Which rows meet them first, and fail, is the plan's affair."""
    assert not await tells(SHARE.format(table).replace("id =", "credits ="))


@pytest.mark.parametrize(
    "template",
    [
        "SELECT 100 / credits > 10 OR id = '<%= id %>' AS result FROM people WHERE id = 7",
        "SELECT 100 / credits > 10 AS result FROM people WHERE id = '<%= id %>' LIMIT 1",
        "SELECT 100 / credits > 10 AS result FROM people WHERE id = '<%= id %>' AND 10 / credits > 1",
        "SELECT 100 / sum(credits) > 10 AS result FROM people WHERE id = '<%= id %>'",
        "SELECT (SELECT 100 / credits) > 10 AS result FROM people WHERE id = '<%= id %>'",
        "SELECT DISTINCT 100 / credits > 10 AS result FROM people WHERE id = '<%= id %>'",
        "SELECT p.credits > 10 AS result FROM people p WHERE p.id = '<%= id %>' AND p.share > 1",
        "SELECT 100 / p.credits > 10 AS result FROM people p, people q WHERE p.id = '<%= id %>' AND q.id = p.id",
        "WITH people AS (SELECT 1 AS id, 0 AS credits) SELECT 1 / credits > 0 AS result FROM people"
        " WHERE id = '<%= id %>'",
    ],
)
async def test_a_statement_whose_plan_decides_on_what_is_computed(tells: Any, template: str) -> None:
    assert not await tells(template)
