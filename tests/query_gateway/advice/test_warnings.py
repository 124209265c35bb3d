"""What DescribeQuery warns of, on a real server: each rule with what it is for and what it leaves alone."""

from collections.abc import Awaitable, Callable

import pytest
from directflow_gateway.queries.diagnosis import Diagnosis
from directflow_runtime.errors import Problem, Severity

from .documented import DISCOVERY, DOCUMENTED

Problems = Callable[..., Awaitable[list[Problem]]]
Diagnose = Callable[..., Awaitable[Diagnosis]]


@pytest.mark.parametrize(("role", "template"), DOCUMENTED)
async def test_the_documented_queries_are_free_of_warnings(diagnosed: Diagnose, role: str, template: str) -> None:
    diagnosis = await diagnosed(role, template)
    assert diagnosis.problems == ()
    assert diagnosis.description is not None


async def test_a_warning_refuses_nothing(diagnosed: Diagnose) -> None:
    diagnosis = await diagnosed("discovery", "SELECT id FROM communities")
    assert [problem.severity for problem in diagnosis.problems] == [Severity.WARNING]
    assert diagnosis.description is not None


# --- order ------------------------------------------------------------------------------------------------------------


async def test_segments_without_an_order_are_told_what_to_add(problems: Problems) -> None:
    [problem] = await problems("discovery", "SELECT plan_type AS code FROM users\nGROUP BY 1", key_column="code")
    assert (problem.rule, problem.line, problem.column, problem.token) == ("NO_ORDER_BY", 1, 1, "SELECT")
    assert problem.hint == "Add ORDER BY at the end, for example ORDER BY code."


@pytest.mark.parametrize(
    ("role", "template"),
    [
        ("discovery", DISCOVERY),
        ("discovery", "SELECT 1 AS id"),
        ("discovery", "SELECT id FROM communities LIMIT 1"),
        ("discovery", "SELECT id FROM communities UNION SELECT 0 ORDER BY id"),
        ("generator", "SELECT id AS profile_id, email FROM users"),
        ("preload", "SELECT plan_name FROM user_profiles WHERE user_id = <%= profile_id %>"),
    ],
)
async def test_what_has_an_order_or_needs_none_is_left_alone(problems: Problems, role: str, template: str) -> None:
    assert await problems(role, template) == []


@pytest.mark.parametrize(
    "template",
    [
        "SELECT id FROM (SELECT id FROM communities ORDER BY id) c",
        "SELECT id FROM communities UNION (SELECT 0 ORDER BY 1)",
        "VALUES (1), (2)",
    ],
)
async def test_an_order_further_inside_is_none(problems: Problems, template: str) -> None:
    rules = [problem.rule for problem in await problems("discovery", template, key_column="id")]
    assert "NO_ORDER_BY" in rules


# --- personal data ----------------------------------------------------------------------------------------------------


async def test_personal_data_in_the_list_of_segments_is_told_at_its_column(problems: Problems) -> None:
    template = (
        'SELECT c.id,\n  c.owner_email, "ownerPhone", last_seen AS visit, email_count, display_name '
        "FROM communities c ORDER BY 1"
    )
    found = await problems("discovery", template)
    assert {problem.rule for problem in found} == {"PERSONAL_DATA_IN_SEGMENTS"}
    assert [(p.line, p.column, p.token) for p in found] == [
        (2, 3, "c.owner_email"), (2, 18, '"ownerPhone"'), (2, 32, "last_seen"),
    ]  # fmt: skip
    assert (
        found[0].message
        == "The column owner_email looks like e-mail addresses: everybody who chooses segments sees it."
    )


async def test_people_in_a_generator_are_what_it_is_for(problems: Problems) -> None:
    assert await problems("generator", "SELECT id AS profile_id, email, phone, first_name FROM users") == []


# --- SELECT * ---------------------------------------------------------------------------------------------------------


async def test_a_star_is_answered_with_the_columns_that_it_stands_for(problems: Problems) -> None:
    [problem] = await problems(
        "preload", "SELECT 1 AS n, p.*, now() AS t FROM user_profiles p WHERE user_id = <%= profile_id %>"
    )
    assert (problem.rule, problem.column, problem.token) == ("SELECT_STAR", 16, "p")
    assert problem.hint == (
        "Write those that are needed: p.user_id, p.plan_name, p.last_login_at, p.total_purchases, p.preferred_language."
    )


@pytest.mark.parametrize(
    "template",
    [
        "SELECT * FROM user_profiles WHERE user_id = <%= profile_id %>",
        "SELECT * FROM (SELECT * FROM user_profiles) p WHERE user_id = <%= profile_id %>",
        "WITH p AS (SELECT * FROM user_profiles) SELECT p.* FROM p WHERE user_id = <%= profile_id %>",
        "SELECT s.*, p.* FROM (SELECT 1 AS one) s JOIN user_profiles p ON p.user_id = <%= profile_id %>",
    ],
)
async def test_a_star_over_a_table_is_told_however_deep_it_is(problems: Problems, template: str) -> None:
    assert [problem.rule for problem in await problems("preload", template)] == ["SELECT_STAR"]


@pytest.mark.parametrize(
    "template",
    [
        "SELECT * FROM (SELECT plan_name FROM user_profiles WHERE user_id = <%= profile_id %>) p",
        "WITH p AS (SELECT plan_name FROM user_profiles WHERE user_id = <%= profile_id %>) SELECT * FROM p",
        "SELECT count(*) AS n FROM user_profiles WHERE user_id = <%= profile_id %>",
        "SELECT plan_name FROM user_profiles p WHERE EXISTS (SELECT * FROM users u WHERE u.id = <%= profile_id %>)",
    ],
)
async def test_a_star_whose_columns_are_named_is_left_alone(problems: Problems, template: str) -> None:
    assert "SELECT_STAR" not in [problem.rule for problem in await problems("preload", template)]


async def test_a_table_of_many_columns_is_not_listed_without_end(problems: Problems) -> None:
    wide = ", ".join(f"{n} AS a_rather_long_name_{n}" for n in range(60))
    template = f"SELECT * FROM (SELECT c.*, {wide} FROM communities c) q ORDER BY 1"
    [problem] = [p for p in await problems("discovery", template) if p.rule == "SELECT_STAR"]
    assert len(problem.hint) < 450
    assert problem.hint.endswith(", ....")


# --- patterns ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("email LIKE '%<%= q %>%'", "% and _"),
        ("email ILIKE '%' || '<%= q %>'", "% and _"),
        ("email SIMILAR TO '<%= q %>'", "regular expression"),
        ("email ~ '^<%= q %>'", "regular expression"),
        ("regexp_replace(email, '<%= q %>', '') = 'x'", "regular expression"),
        ("metadata @? '$.<%= q %>'", "jsonpath"),
        ("to_tsvector('english', email) @@ to_tsquery('english', '<%= q %>')", "tsquery"),
    ],
)
async def test_a_variable_in_a_pattern_is_told_in_the_patterns_words(
    problems: Problems, condition: str, words: str
) -> None:
    template = f"SELECT id AS profile_id, email FROM users WHERE {condition}"
    [problem] = await problems("generator", template)
    assert (problem.rule, problem.token, problem.column) == (
        "VARIABLE_IN_PATTERN",
        "<%= q %>",
        template.index("<%=") + 1,
    )
    assert words in problem.message
    assert "'<%= q %>'" in problem.hint


@pytest.mark.parametrize(
    "condition",
    [
        "email = '%<%= q %>%'",
        "starts_with(email, '<%= q %>')",
        "metadata->>'<%= q %>' = 'x'",
        "email LIKE 'a%' AND phone = '<%= q %>'",
    ],
)
async def test_a_variable_that_is_compared_as_it_is_makes_no_pattern(problems: Problems, condition: str) -> None:
    assert await problems("generator", f"SELECT id AS profile_id, email FROM users WHERE {condition}") == []


# --- rights -----------------------------------------------------------------------------------------------------------


async def test_a_table_that_the_role_may_not_read_is_told_with_the_grant(problems: Problems) -> None:
    [problem] = await problems("generator", "SELECT id AS profile_id, email\nFROM hidden")
    assert (problem.rule, problem.line, problem.column, problem.token) == ("ROLE_MAY_NOT_READ", 2, 6, "hidden")
    assert "GRANT SELECT ON public.hidden TO" in problem.hint


async def test_a_with_query_of_a_hidden_tables_name_is_no_table(problems: Problems) -> None:
    template = "WITH hidden AS (SELECT id, email FROM users) SELECT id AS profile_id, email FROM hidden"
    assert await problems("generator", template) == []


# --- set form ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("template", "token", "words"),
    [
        ("SELECT random() < 0.5 AS result FROM users WHERE id = '<%= profile_id %>'", "random",
         "random, which is volatile"),
        ("SELECT chance < 0.5 AS result FROM random_people WHERE id = '<%= profile_id %>'", "SELECT", "volatile"),
        ("SELECT rn < 3 AS result FROM (SELECT id, row_number() OVER (ORDER BY id) rn FROM users) x "
         "WHERE id = '<%= profile_id %>'", "row_number", "window function"),
        ("SELECT 10 / '<%= profile_id %>'::int > 3 AS result FROM users", "<%= profile_id %>",
         "computes of profile_id"),
        ("SELECT 10 / '<%= profile_id %>'::int > 3 AS result FROM users WHERE plan_type = '<%= plan %>'",
         "<%= profile_id %>", "computes of profile_id"),
    ],
)  # fmt: skip
async def test_a_condition_without_a_set_form_is_told_why_and_where(
    problems: Problems, template: str, token: str, words: str
) -> None:
    [problem] = [p for p in await problems("condition", template) if p.rule == "NO_SET_FORM"]
    assert (problem.token, problem.line) == (token, 1)
    assert words in problem.message
    assert problem.hint


async def test_another_variable_than_the_persons_may_be_computed_with(problems: Problems) -> None:
    template = (
        "SELECT last_login > now() - INTERVAL '<%= days %> days' AS result FROM users WHERE id = '<%= profile_id %>'"
    )
    assert await problems("condition", template) == []


async def test_a_condition_without_a_variable_is_the_same_for_everybody(problems: Problems) -> None:
    [problem] = await problems("condition", "SELECT count(*) > 3 AS result FROM users")
    assert problem.rule == "SAME_FOR_EVERYBODY"
    assert "'<%= profile_id %>'" in problem.hint


async def test_other_roles_have_no_set_form_to_miss(problems: Problems) -> None:
    assert await problems("generator", "SELECT id AS profile_id, email FROM users WHERE random() < 0.5") == []
