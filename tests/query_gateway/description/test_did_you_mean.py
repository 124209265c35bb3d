"""An author's slip is answered with what to write instead, from our own reading of the catalogue."""

from collections.abc import Awaitable, Callable

import pytest
from directflow_runtime.errors import Problem

Objection = Callable[[str], Awaitable[Problem]]


@pytest.mark.parametrize(
    ("template", "token", "hint"),
    [
        # columns
        ("SELECT u.emial FROM users u", "u.emial", "Did you mean u.email?"),
        ("SELECT emial FROM users", "emial", "Did you mean users.email?"),
        ("SELECT u.plan_type FROM users u JOIN crm.memberships m ON m.user_id = u.id", "u.plan_type",
         "Did you mean m.plan_type?"),
        ("SELECT mixed_case FROM users", "mixed_case", 'Did you mean users."Mixed Case"?'),
        ("SELECT s.totl FROM (SELECT count(*) AS total FROM users) s", "s.totl", "Did you mean s.total?"),
        ("WITH w AS (SELECT id AS profile FROM users) SELECT w.profil FROM w", "w.profil", "Did you mean w.profile?"),
        ("SELECT s.xyzzy FROM (SELECT 1 AS a, 2 AS b) s", "s.xyzzy", "There are s.a, s.b."),
        ("SELECT xyzzy FROM (SELECT 1 AS a) s, users", "xyzzy", ""),
        # tables
        ("SELECT id FROM usrs", "usrs", "Did you mean users?"),
        ("SELECT 1 FROM memberships", "memberships", "Did you mean crm.memberships?"),
        ("SELECT 1 FROM crm.membership", "crm.membership", "Did you mean crm.memberships?"),
        # an alias hides the table's name
        ("SELECT users.email FROM users u", "users.email", "Did you mean u.email?"),
        ("SELECT x.email FROM users u", "x.email", "FROM has no table or alias of this name."),
    ],
)  # fmt: skip
async def test_a_slip_gets_a_hint(objection: Objection, template: str, token: str, hint: str) -> None:
    problem = await objection(template)
    assert (problem.line, problem.column > 0, problem.token, problem.hint) == (1, True, token, hint)


async def test_the_place_is_the_templates_also_behind_variables_and_lines(objection: Objection) -> None:
    problem = await objection(
        "SELECT id -- <%= note %>\nFROM users u\nWHERE u.id = <%= some_long_name %> AND u.emial = 'é'"
    )
    assert (problem.line, problem.column, problem.token) == (3, 40, "u.emial")
    assert problem.rule == "UNDEFINED_COLUMN"
    assert problem.message == "The column u.emial does not exist."


async def test_arguments_of_the_wrong_type_get_the_functions_signatures(objection: Objection) -> None:
    problem = await objection("SELECT date_trunc(5, email) FROM users")
    assert problem.rule == "UNDEFINED_FUNCTION"
    assert "date_trunc(text, timestamp with time zone)" in problem.hint


async def test_a_name_of_the_select_list_is_explained(objection: Objection) -> None:
    problem = await objection("SELECT id + 1 AS next FROM users WHERE next > 3")
    assert problem.hint.startswith("next is a name of the select list")


@pytest.mark.parametrize(
    "literal", ["'private@x.io'::date", "DATE '2024-99-01'", "'{private'::int[]", "'private'::plan"]
)
async def test_a_bad_literal_is_not_repeated(objection: Objection, literal: str) -> None:
    """The server's own message repeats it; a literal may be personal data."""
    problem = await objection(f"SELECT {literal} AS x")
    told = f"{problem.message} {problem.token} {problem.hint}"
    assert "private" not in told
    assert "2024" not in told
    assert problem.column == 8 or literal.startswith("DATE")


async def test_a_hostile_name_is_only_a_name(objection: Objection) -> None:
    problem = await objection('SELECT t."a\\"",{}" FROM "we\\"",{}ird" t')
    assert problem.rule == "UNDEFINED_TABLE"
