"""Where PostgreSQL refuses a statement only because a variable became a parameter, another way to bind it is found."""

from collections.abc import Awaitable, Callable

import psycopg
import pytest
from directflow_gateway.description import Description
from directflow_gateway.description.exchange import fetch
from directflow_gateway.sql import bind
from directflow_runtime.errors import DirectFlowError

Describe = Callable[..., Awaitable[Description]]


@pytest.mark.parametrize(
    "template",
    [
        "SELECT date_trunc('<%= u %>', seen) AS m, count(*) FROM users GROUP BY date_trunc('<%= u %>', seen)",
        "SELECT DISTINCT date_trunc('<%= u %>', created_at) FROM users ORDER BY date_trunc('<%= u %>', created_at)",
    ],
)
async def test_equal_occurrences_share_a_parameter_where_group_by_needs_it(
    described: Describe, conn: psycopg.AsyncConnection[object], template: str
) -> None:
    description = await described(template)
    assert len(description.parameter_types) == 1
    [rewrite] = description.rewrites
    assert "one parameter" in rewrite
    rows = await fetch(conn, description.compiled.text, bind(description.compiled, {"u": "month"}))
    assert len(rows) == 4  # January to April


@pytest.mark.parametrize(
    "template",
    [
        "SELECT <%= x %> IS NULL AS a",
        "SELECT format('%s-%s', '<%= x %>', <%= y %>) AS a",
        "SELECT jsonb_build_object('k', <%= x %>) AS a",
        "SELECT concat(<%= x %>, <%= x %>, <%= y %>) AS a",
    ],
)
async def test_a_parameter_without_a_type_is_text(described: Describe, template: str) -> None:
    description = await described(template)
    assert set(description.parameter_types) == {"text"}
    assert "The value of x was taken as text: nothing in the statement says its type." in description.rewrites
    assert len(description.rewrites) == len(description.compiled.variables), "one sentence a variable"


async def test_a_condition_on_a_window_alias_moves_outward(
    described: Describe, conn: psycopg.AsyncConnection[object]
) -> None:
    """The documented example, as written."""
    description = await described(
        "SELECT u.id AS profile_id, u.email, ROW_NUMBER() OVER (PARTITION BY u.plan ORDER BY u.created_at)"
        " as user_rank FROM users u WHERE user_rank <= 10"
    )
    assert [column.name for column in description.columns] == ["profile_id", "email", "user_rank"]
    assert len(description.rewrites) == 1
    assert len(await fetch(conn, description.compiled.text)) == 10


async def test_a_statement_that_is_accepted_as_it_is_is_not_rewritten(described: Describe) -> None:
    description = await described("SELECT id FROM users WHERE email = '<%= e %>' AND first_name = '<%= e %>'")
    assert (description.rewrites, len(description.parameter_types)) == ((), 2)


@pytest.mark.parametrize(
    ("template", "sqlstate", "line", "column", "token"),
    [
        # sharing does not help: the error is the author's own, at the author's place
        ("SELECT id, '<%= x %>'\nFROM users GROUP BY email", "42803", 1, 8, "id"),
        ("SELECT DISTINCT id FROM users\nORDER BY email", "42P10", 2, 10, "email"),
        # the alias of something that is no window function stays PostgreSQL's error
        ("SELECT id + 1 AS next FROM users\nWHERE next > 3", "42703", 2, 7, "next"),
        # after a window alias has been moved, what is wrong in the rest is told at its place in the template
        ("SELECT row_number() OVER () AS r FROM users\nWHERE r < 3 AND emial = 'x'", "42703", 2, 17, "emial"),
    ],
)
async def test_what_cannot_be_cured_is_told_as_the_author_wrote_it(
    described: Describe, template: str, sqlstate: str, line: int, column: int, token: str
) -> None:
    with pytest.raises(DirectFlowError) as refused:
        await described(template)
    [problem] = refused.value.problems
    assert refused.value.sqlstate == sqlstate
    assert (problem.line, problem.column, problem.token) == (line, column, token)


async def test_a_hundred_parameters_without_a_type_cost_a_bounded_number_of_questions(described: Describe) -> None:
    tags = ", ".join(f"<%= v{n} %>" for n in range(100))
    with pytest.raises(DirectFlowError) as refused:
        await described(f"SELECT concat({tags}) AS a")
    assert refused.value.sqlstate == "42P18"
