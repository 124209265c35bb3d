"""Which statements have a set form, and how it is written. tests/query_gateway/sets judges what they come to."""

from collections.abc import Sequence

import pytest
from directflow_gateway.sql import Variable, compile_template
from directflow_gateway.sql.parser import ParseFailure, parse
from directflow_gateway.sql.set_form import (
    Elements,
    Outcomes,
    SetWriter,
    array_text,
    risks_of,
    semi_join_of,
)

ROW = "SELECT 1 FROM orders o WHERE o.customer = <%= id %>"


def semi_join(sql: str) -> tuple[str, str, str] | None:
    """The subquery, and what its having a row and not having one mean."""
    compiled = compile_template(sql)
    found = semi_join_of(compiled.text, compiled.body_end)
    return (
        None if found is None else (found.before + compiled.text[found.start : found.end], found.found, found.missing)
    )


def risky(sql: str) -> set[str]:
    """Variables that may not differ from profile to profile."""
    compiled = compile_template(sql)
    tree = parse(compiled.text)
    assert not isinstance(tree, ParseFailure)
    groups = risks_of(tree).groups
    return {name for group in groups for number in group for name in compiled.parameters[number - 1].variables}


@pytest.mark.parametrize(
    ("sql", "found", "missing"),
    [
        (f"SELECT EXISTS ({ROW}) AS result", "t", "f"),
        (f"select not exists({ROW}) as result", "f", "t"),
        (f"SELECT NOT NOT EXISTS ({ROW}) result;", "t", "f"),
        (f"SELECT (EXISTS ({ROW})) AS result", "t", "f"),
        (f"SELECT CASE WHEN EXISTS ({ROW}) THEN true ELSE false END AS result", "t", "f"),
        (f"SELECT CASE WHEN NOT EXISTS ({ROW}) THEN true END AS result -- else NULL", "n", "t"),
        (f"SELECT CASE WHEN EXISTS ({ROW}) THEN NULL ELSE false END AS result", "n", "f"),
    ],
)
def test_an_exists_is_a_semi_join(sql: str, found: str, missing: str) -> None:
    assert semi_join(sql) == (ROW.replace("<%= id %>", "$1"), found, missing)


def test_a_constant_of_one_row_is_a_semi_join_over_the_whole_statement() -> None:
    sql = "SELECT true AS result FROM orders WHERE customer = <%= id %> ORDER BY placed_at LIMIT 1"
    assert semi_join(sql) == (sql.replace("<%= id %>", "$1"), "t", "x")


@pytest.mark.parametrize(("count", "found"), [("> 0", "t"), (">= 1", "t"), ("<> 0", "t"), ("= 0", "f"), ("< 1", "f")])
def test_a_count_against_zero_is_a_semi_join(count: str, found: str) -> None:
    rest = "FROM orders o JOIN lines l ON l.order_id = o.id WHERE o.customer = $1 AND l.amount IN (1, 2)"
    told = semi_join(f"SELECT count(*) {count} AS result {rest.replace('$1', '<%= id %>')}")
    assert told == (f"SELECT {rest}", found, {"t": "f", "f": "t"}[found])


@pytest.mark.parametrize(
    "sql",
    [
        f"SELECT EXISTS ({ROW}) AND true AS result",
        f"SELECT EXISTS ({ROW}) AS result WHERE true",
        f"SELECT EXISTS ({ROW}) AS result LIMIT 0",
        f"SELECT CASE WHEN EXISTS ({ROW}) THEN <%= id %> > 1 ELSE false END AS result",
        f"SELECT EXISTS ({ROW}) AS result UNION ALL SELECT true",
        "SELECT true AS result FROM orders WHERE customer = <%= id %>",
        "SELECT true AS result FROM orders WHERE customer = <%= id %> LIMIT 2",
        "SELECT true AS result FROM orders WHERE customer = <%= id %> LIMIT 1 OFFSET 1",
        "SELECT true AS result FROM orders WHERE customer = <%= id %> ORDER BY 1 / amount LIMIT 1",
        "SELECT true AS result FROM orders WHERE customer = <%= id %> GROUP BY customer LIMIT 1",
        "SELECT open AS result FROM orders WHERE customer = <%= id %> LIMIT 1",
        "SELECT count(*) > 1 AS result FROM orders WHERE customer = <%= id %>",
        "SELECT count(amount) > 0 AS result FROM orders WHERE customer = <%= id %>",
        "SELECT count(*) FILTER (WHERE open) > 0 AS result FROM orders WHERE customer = <%= id %>",
        "SELECT count(*) > 0 AS result FROM orders WHERE customer = <%= id %> GROUP BY customer",
        "SELECT count(*) > 0 AS result FROM orders WHERE 10 / amount > 1 AND customer = <%= id %>",
        "SELECT count(*) > 0 AS result FROM orders WHERE note::int > 1 AND customer = <%= id %>",
    ],
)
def test_what_is_no_exact_semi_join_is_none(sql: str) -> None:
    assert semi_join(sql) is None


@pytest.mark.parametrize(
    ("sql", "variables"),
    [
        ("SELECT CASE WHEN vip THEN 10 / <%= n %> > 1 ELSE false END AS result FROM users", {"n"}),
        ("SELECT now() - <%= days %> * interval '1 day' < seen AS result FROM users", {"days"}),
        ("SELECT seen > now() - INTERVAL '<%= days %> days' AS result FROM users", {"days"}),
        ("SELECT name ~ <%= re %> AS result FROM users", {"re"}),
        ("SELECT name ~ ('^' || <%= re %>) AS result FROM users", {"re"}),
        ("SELECT amount = '<%= n %>'::numeric(4, 2) AS result FROM users", {"n"}),
        ("SELECT 'x' LIKE <%= pattern %> AS result", {"pattern"}),
        ("SELECT a = <%= n %>::text::int AS result FROM users", {"n"}),
    ],
)
def test_what_the_planner_may_compute_and_may_fail_must_be_equal_for_all(sql: str, variables: set[str]) -> None:
    assert risky(sql) == variables


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 10 / amount > 1 AS result FROM users WHERE id = <%= id %>",
        "SELECT born = DATE '<%= day %>' OR id IN (1, <%= id %>) AS result FROM users",
        "SELECT lower(email) = lower(<%= email %>) AND name LIKE '%<%= part %>%' AS result FROM users",
        "SELECT id = <%= id %>::bigint AND code = <%= code %>::varchar(3) AS result FROM users",
        "SELECT id BETWEEN <%= low %> AND <%= high %> AS result FROM users",
        "SELECT plan = COALESCE(<%= plan %>, 'free') AS result FROM users LIMIT <%= n %>",
        "SELECT CASE WHEN vip THEN 1 / 0 > 1 END AS result FROM users WHERE id = <%= id %>",
    ],
)
def test_what_cannot_fail_or_needs_a_row_may_differ(sql: str) -> None:
    assert risky(sql) == set()


@pytest.mark.parametrize(
    ("sql", "is_inner"),
    [
        ("SELECT row_number() OVER (ORDER BY id) > 1 AS result FROM t WHERE id = <%= id %>", False),
        ("SELECT EXISTS (SELECT 1 FROM (SELECT rank() OVER () r FROM t) q WHERE r <= <%= id %>) AS result", True),
        ("WITH q AS (SELECT rank() OVER w AS r FROM t WINDOW w AS ()) SELECT r < <%= id %> AS result FROM q", True),
    ],
)
def test_a_window_function_in_a_subquery_is_computed_for_each_profile_alone(sql: str, is_inner: bool) -> None:
    """PostgreSQL 15 gives one profile another's rows where only the run condition depends on the profile."""
    tree = parse(compile_template(sql).text)
    assert not isinstance(tree, ParseFailure)
    assert risks_of(tree).has_inner_window is is_inner
    assert risks_of(tree).forbid(frozenset({1})) is is_inner
    assert not risks_of(tree).forbid(frozenset())


def writer(sql: str, differing: Sequence[int], kind: str = "bigint") -> SetWriter:
    compiled = compile_template(sql, [Variable("id"), Variable("plan")])
    return SetWriter(compiled, [kind] * len(compiled.parameters), differing)


def test_what_differs_is_a_column_and_what_is_equal_stays_a_scalar() -> None:
    sql = "SELECT plan = <%= plan %> AS result FROM users WHERE id = <%= id %> OR ref = <%= id %>"
    written = writer(sql, [2, 3]).lateral(Outcomes.TOGETHER)
    assert (written.arrays, written.scalars) == ((2, 3), (1,))
    assert "plan = $3 AS result FROM users WHERE id = _df_p._df_1 OR ref = _df_p._df_2" in written.text
    assert "unnest($1::bigint[]), pg_catalog.unnest($2::bigint[])" in written.text


def test_a_trailing_comment_does_not_eat_the_bracket_and_a_semicolon_stays_outside() -> None:
    sql = "SELECT true AS result FROM users WHERE id = <%= id %> -- the person"
    for text in (writer(sql, [1]).lateral(Outcomes.ROW_BY_ROW).text, writer(sql, [1]).rows(fenced=True).text):
        assert "-- the person\n)" in text
    assert ";" not in writer("SELECT true AS result WHERE 1 = <%= id %>;", [1]).join().text


def test_only_our_own_names_and_pg_catalogs_are_around_the_authors_text() -> None:
    """A search_path may put a customer's own count() or = before PostgreSQL's."""
    body = "SELECT ok AS result FROM t WHERE id = _df_p._df_1"
    written = writer("SELECT ok AS result FROM t WHERE id = <%= id %>", [1])
    for statement in (written.lateral(Outcomes.TOGETHER), written.join()):
        around = statement.text.replace(body, "")
        for name in ("count(", "bool_or(", "string_agg(", "unnest("):
            assert around.count(name) == around.count(f"pg_catalog.{name}"), name
        assert " = " not in around
        assert " > " not in around


def test_elements_of_an_array_are_values_whatever_is_in_them() -> None:
    assert array_text(["1", "-2"], "bigint") == "{1,-2}"
    assert array_text(["a", None, "NULL", 'q"b\\', "{,}", ""], "text") == r'{"a",NULL,"NULL","q\"b\\","{,}",""}'
    assert array_text(["(1,1),(0,0)", "x"], "box") == '{"(1,1),(0,0)";"x"}'
    assert array_text(["1", None], "bigint") == '{"1",NULL}'
    assert array_text(["1,2", "3"], "bigint") == '{"1,2","3"}'
    assert array_text(["1", "", "3"], "integer") == '{"1","","3"}'


@pytest.mark.parametrize(
    ("texts", "type_name"),
    [
        (["1", "-22", "333", "4"], "bigint"),
        (["a,b", "", None, 'say "x"', "back\\slash", "NULL", "ü€"], "text"),
        (["(1,1),(0,0)", "(2,2),(1,1)"], "box"),
    ],
)
def test_a_run_of_elements_is_the_array_of_their_texts(texts: list[str | None], type_name: str) -> None:
    elements = Elements(texts, type_name)
    for start in range(len(texts)):
        for stop in range(start + 1, len(texts) + 1):
            assert elements.array_text(start, stop) == array_text(texts[start:stop], type_name)
