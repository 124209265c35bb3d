"""The planner is asked with the values bound, and a value that PostgreSQL cannot read is found there already."""

import psycopg
import pytest
from directflow_gateway.description import describe, plan
from directflow_gateway.sql import bind, compile_template
from directflow_runtime.errors import DirectFlowError, StatusCode


async def test_rows_width_and_tables(conn: psycopg.AsyncConnection[object]) -> None:
    compiled = compile_template(
        "SELECT u.id, m.plan_type FROM users u LEFT JOIN crm.memberships m ON m.user_id = u.id;"
    )
    estimate = await plan(conn, compiled, ())
    assert estimate.rows >= 100
    assert estimate.width >= 8
    assert estimate.relations == {"users", "memberships"}


async def test_the_estimate_knows_the_value(conn: psycopg.AsyncConnection[object]) -> None:
    compiled = (await describe(conn, compile_template("SELECT id FROM users WHERE id <= <%= n %>"))).compiled
    few, many = [(await plan(conn, compiled, bind(compiled, {"n": n}))).rows for n in ("2", "90")]
    assert few < 10 < many


async def test_nothing_runs(conn: psycopg.AsyncConnection[object]) -> None:
    await plan(conn, compile_template("SELECT pg_sleep(20)", allowed_functions={"pg_sleep"}), ())
    await conn.execute("SELECT 1")


async def test_a_value_that_does_not_fit_is_rejected_by_name(conn: psycopg.AsyncConnection[object]) -> None:
    compiled = (await describe(conn, compile_template("SELECT id FROM users WHERE id = <%= n %>"))).compiled
    with pytest.raises(DirectFlowError) as refused:
        await plan(conn, compiled, bind(compiled, {"n": "private"}))
    assert (refused.value.code, refused.value.reason) == (StatusCode.INVALID_ARGUMENT, "VARIABLE_REJECTED")
    assert refused.value.metadata["variable"] == "n"
    assert "private" not in str(refused.value)


async def test_a_table_that_is_gone_is_a_broken_definition_at_its_place(conn: psycopg.AsyncConnection[object]) -> None:
    with pytest.raises(DirectFlowError) as refused:
        await plan(conn, compile_template("SELECT id\nFROM dropped"), ())
    [problem] = refused.value.problems
    assert (problem.line, problem.column, problem.token) == (2, 6, "dropped")
