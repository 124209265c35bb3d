"""Of several mistakes in a statement all are told that can be, each at its place; and no mistake too many."""

from collections.abc import Awaitable, Callable

import pytest
from directflow_gateway.queries.diagnosis import Diagnosis
from directflow_gateway.sql import Variable
from directflow_runtime.errors import Problem, Severity

Problems = Callable[..., Awaitable[list[Problem]]]
Diagnose = Callable[..., Awaitable[Diagnosis]]
At = tuple[str, str]


def told(problems: list[Problem]) -> list[At]:
    return [(problem.rule, problem.token) for problem in problems]


def well_placed(problems: list[Problem], template: str) -> bool:
    lines = template.split("\n")
    return all(lines[p.line - 1][p.column - 1 :].startswith(p.token) for p in problems)


async def test_every_column_that_does_not_exist_is_told_with_its_own_place_and_hint(problems: Problems) -> None:
    template = (
        "SELECT u.idd AS profile_id, u.emial, u.frist_name::text\nFROM users u\n"
        "WHERE u.lastlogin > now() AND u.id = 5\nGROUP BY u.idd, u.emial, u.frist_name ORDER BY u.creatd_at"
    )
    found = await problems("generator", template)
    assert well_placed(found, template)
    assert [(p.token, p.hint) for p in found if p.line < 4] == [
        ("u.idd", "Did you mean u.id?"),
        ("u.emial", "Did you mean u.email?"),
        ("u.frist_name", "Did you mean u.first_name?"),
        ("u.lastlogin", "Did you mean u.last_login?"),
    ]
    assert [p.token for p in found if p.line == 4] == ["u.idd", "u.emial", "u.frist_name", "u.creatd_at"]
    assert {p.rule for p in found} == {"UNDEFINED_COLUMN"}


@pytest.mark.parametrize(
    ("template", "tokens"),
    [
        # the name stays for the query around it
        ("SELECT s.idd AS profile_id, s.email FROM (SELECT u.idd, u.email FROM users u) s", ["u.idd"]),
        ("SELECT s.idd AS profile_id, s.email FROM (SELECT u.idd::bigint, u.email FROM users u) s", ["u.idd"]),
        ("WITH w AS (SELECT idd, email FROM users) SELECT w.idd AS profile_id, w.email FROM w ORDER BY w.idd", ["idd"]),
        # what no NULL fits is ours, not the author's
        ("SELECT u.id AS profile_id, u.email FROM users u WHERE lower(u.emial) = 'x' AND abs(u.idd) > sqrt(u.idd)",
         ["u.emial", "u.idd", "u.idd"]),
        ("SELECT sum(u.idd) AS profile_id, u.email FROM users u", ["u.idd"]),
        ("SELECT u.id AS profile_id, u.email FROM users u WHERE u.metadta->>'a' = 'b'", ["u.metadta"]),
        ("SELECT u.id AS profile_id, u.email FROM users u JOIN memberships m ON m.usr_id = u.id "
         "WHERE m.x = <%= x %>", ["m.usr_id", "m.x"]),
        # an alias that does not exist
        ("SELECT u.id AS profile_id, x.email FROM users u WHERE y.plan_type = 'pro'", ["x.email", "y.plan_type"]),
        # a window's alias in WHERE is no mistake
        ("SELECT u.id AS profile_id, u.emial AS email, row_number() OVER (ORDER BY u.idd) AS r "
         "FROM users u WHERE r < 9", ["u.emial", "u.idd"]),
        ("SELECT u.id AS profile_id, u.email FROM users u WHERE u.plan_type = 'pro' AND u.a AND u.b OR NOT u.c",
         ["u.a", "u.b", "u.c"]),
    ],
)  # fmt: skip
async def test_a_column_out_of_the_way_makes_no_new_mistake(
    problems: Problems, template: str, tokens: list[str]
) -> None:
    found = await problems("generator", template)
    assert told(found) == [(rule_of(token), token) for token in tokens]


def rule_of(token: str) -> str:
    return "UNDEFINED_TABLE" if token[0] in "xy" and token != "x" else "UNDEFINED_COLUMN"


async def test_ten_are_enough(problems: Problems) -> None:
    columns = ", ".join(f"u.missing_{n}" for n in range(30))
    found = await problems("generator", f"SELECT u.id AS profile_id, u.email, {columns} FROM users u")
    assert len(found) == 10


async def test_a_table_that_does_not_exist_is_told_after_the_columns_before_it(problems: Problems) -> None:
    found = await problems("generator", "SELECT id AS profile_id, emial AS email FROM usrs")
    assert told(found) == [("UNDEFINED_TABLE", "usrs")]


async def test_a_broken_contract_is_told_with_columns_that_do_not_exist(problems: Problems) -> None:
    template = "SELECT u.id, u.emial\nFROM users u"
    found = await problems("generator", template)
    assert told(found) == [("PROFILE_ID_MISSING", "SELECT"), ("UNDEFINED_COLUMN", "u.emial")]


async def test_a_slip_in_the_contracts_own_column_is_one_mistake(problems: Problems) -> None:
    template = "SELECT p.id AS profile_id, p.emial FROM users p"
    assert told(await problems("generator", template)) == [("UNDEFINED_COLUMN", "p.emial")]


async def test_a_broken_contract_is_told_with_what_the_guard_refuses(problems: Problems) -> None:
    template = "SELECT id, pg_sleep(1), E'<%= x %>' AS e FROM users FOR UPDATE"
    assert ("PROFILE_ID_MISSING", "SELECT") in told(await problems("generator", template))
    template = "SELECT id, pg_sleep(1),\n nextval('s') FROM users, <%= t %>\nWHERE id = <%= id %>"
    found = await problems("generator", "SELECT id, pg_sleep(1),\n nextval('s') FROM users FOR UPDATE")
    assert told(found) == [
        ("PROFILE_ID_MISSING", "SELECT"),
        ("CONTACT_MISSING", "SELECT"),
        ("FUNCTION_NOT_ALLOWED", "pg_sleep"),
        ("FUNCTION_NOT_ALLOWED", "nextval"),
        ("LOCKING_CLAUSE", "FOR"),
    ]
    assert all(problem.hint for problem in found)


async def test_bad_places_of_tags_are_told_with_the_contract(problems: Problems) -> None:
    template = "SELECT plan_type AS result FROM users WHERE id = <%= id %> ORDER BY <%= by %>, <%= then %>"
    found = await problems("discovery", template)
    assert told(found) == [
        ("KEY_COLUMN_MISSING", "SELECT"),
        ("VARIABLE_POSITION", "<%= by %>"),
        ("VARIABLE_POSITION", "<%= then %>"),
    ]


@pytest.mark.parametrize(
    "template",
    [
        "SELECT * FROM usrs",
        "SELECT u.*, pg_sleep(1) FROM users u",
        "SELECT FROM",
        "DELETE FROM users",
        "SELECT 1; SELECT 2",
    ],
)
async def test_nothing_is_guessed_where_the_text_does_not_tell_the_columns(problems: Problems, template: str) -> None:
    rules = [problem.rule for problem in await problems("generator", template)]
    assert rules
    assert not {"PROFILE_ID_MISSING", "CONTACT_MISSING"} & set(rules)


async def test_a_broken_contract_does_not_hide_the_warnings(diagnosed: Diagnose) -> None:
    diagnosis = await diagnosed("discovery", "SELECT owner_email FROM communities")
    assert [(p.severity, p.rule) for p in diagnosis.problems] == [
        (Severity.ERROR, "KEY_COLUMN_MISSING"),
        (Severity.WARNING, "NO_ORDER_BY"),
        (Severity.WARNING, "PERSONAL_DATA_IN_SEGMENTS"),
    ]
    assert diagnosis.description is None


async def test_what_is_refused_is_not_planned(diagnosed: Diagnose, customer: str) -> None:
    """EXPLAIN would call an IMMUTABLE function of the customer's: the refusal stands alone."""
    [problem] = (await diagnosed("condition", "SELECT shop.writes(1) AS result FROM users")).problems
    assert (problem.rule, problem.severity) == ("FUNCTION_NOT_ALLOWED", Severity.ERROR)


async def test_the_answer_is_asked_anew_each_time(problems: Problems) -> None:
    template = "SELECT id AS profile_id, email FROM users WHERE id = <%= id %>"
    first = await problems("generator", template, Variable("id"))
    assert first == await problems("generator", template, Variable("id")) == []
