"""Why a statement has a row for a key: what every conjunct of its WHERE is for the rows that its FROM has for it."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from directflow_cli.dev.postgres import PostgresServer
from directflow_gateway.connections import LimitOverrides
from directflow_gateway.queries.engine import QueryEngine
from directflow_gateway.queries.explaining import Explained, RowQuestion, explain_row
from directflow_gateway.queries.statement import Statement, StatementRole
from directflow_gateway.sql import Kind, Variable
from directflow_runtime.errors import DirectFlowError

Explain = Callable[..., Awaitable[Explained]]

PERSON = "SELECT p.id AS profile_id, p.email, p.phone FROM people p"
MEMBER = "SELECT p.id AS profile_id, p.email FROM people p JOIN members m ON m.person = p.id"


@pytest.fixture(scope="module")
def customer(postgres: PostgresServer, postgres_database: str) -> str:
    postgres.psql(file=Path(__file__).with_name("explain.sql"), database=postgres_database)
    return postgres_database


@pytest.fixture
def explain(engine: QueryEngine, statement: Callable[..., Statement]) -> Explain:
    async def ask(template: str, key: str, *variables: Variable, limit_s: float = 15, **values: Any) -> Explained:
        asked = RowQuestion("profile_id", key, ("profile_id", "email", "phone"))
        limits = LimitOverrides(statement_timeout_s=limit_s)
        generator = statement(template, *variables, role=StatementRole.GENERATOR, limits=limits)
        return await explain_row(engine, generator, values, asked)

    return ask


def outcomes(explained: Explained) -> dict[str, str]:
    """The nearest candidate row's outcomes by the conjunct's text."""
    assert explained.candidates.nearest
    texts = [conjunct.text for conjunct in explained.conjuncts]
    return dict(zip(texts, explained.candidates.nearest[0], strict=True))


# --- what a conjunct is -----------------------------------------------------------------------------------------------


async def test_each_top_level_conjunct_is_true_false_or_null(explain: Explain) -> None:
    explained = await explain(f"{PERSON} WHERE p.email IS NOT NULL AND p.active AND p.plan = 'pro'", "2")
    assert explained.rows.num_rows == 0
    assert outcomes(explained) == {"p.email IS NOT NULL": "t", "p.active": "n", "p.plan = 'pro'": "f"}


async def test_the_row_itself_comes_with_the_columns_that_there_are(explain: Explain) -> None:
    explained = await explain(f"{MEMBER} WHERE m.club = 'chess'", "1")
    assert explained.rows.to_pylist() == [{"profile_id": 1, "email": "ada@x.io"}]
    assert outcomes(explained) == {"m.club = 'chess'": "t"}


async def test_what_or_joins_is_one_conjunct_and_a_between_is_not_cut(explain: Explain) -> None:
    where = "(p.plan = 'pro' OR p.active) AND p.id BETWEEN 1 AND 2 AND CASE WHEN true AND true THEN p.active END"
    assert outcomes(await explain(f"{PERSON} WHERE {where}", "3")) == {
        "(p.plan = 'pro' OR p.active)": "n",
        "p.id BETWEEN 1 AND 2": "f",
        "CASE WHEN true AND true THEN p.active END": "f",
    }
    whole = await explain(f"{PERSON} WHERE p.active AND p.id = 4 OR p.id = 3", "3")
    assert outcomes(whole) == {"p.active AND p.id = 4 OR p.id = 3": "t"}


async def test_texts_are_the_authors_with_tags_comments_around_them_left_out(explain: Explain) -> None:
    template = (
        f"{PERSON}\nWHERE /* first */ '<%= plan %>' = p.plan -- AND never\n"
        "  AND p.email LIKE '%<%= host %>' /* the <%= end %> */\nORDER BY p.id -- done\n;"
    )
    explained = await explain(template, "1", plan="pro", host="x.io")
    assert [(c.text, c.line, c.column) for c in explained.conjuncts] == [
        ("'<%= plan %>' = p.plan", 2, 19),
        ("p.email LIKE '%<%= host %>'", 3, 7),
    ]
    assert explained.candidates.nearest == ("tt",)


@pytest.mark.parametrize("end", ["", ";", " -- end", "\n;\n/* ; */", " ORDER BY p.id"])
async def test_a_tag_at_the_edge_of_a_conjunct_is_whole(explain: Explain, end: str) -> None:
    template = f"{PERSON} WHERE <%= n %> = p.id AND p.plan = '<%= plan %>' AND p.id = <%= n %>{end}"
    explained = await explain(template, "1", n="1", plan="pro")
    texts = [conjunct.text for conjunct in explained.conjuncts]
    assert texts == ["<%= n %> = p.id", "p.plan = '<%= plan %>'", "p.id = <%= n %>"]


async def test_variables_are_bound_in_conjuncts_as_in_the_statement(explain: Explain) -> None:
    template = (
        f"{MEMBER} WHERE p.plan = '<%= plan %>' AND m.since > now() - INTERVAL '<%= days %>' DAY"
        " AND m.level IN (<%= levels %>) AND p.email LIKE '<%= name %>%' AND p.born > DATE '<%= year %>-01-01'"
    )
    declared = (Variable("days", Kind.INTEGER), Variable("levels", Kind.INTEGER, is_list=True))
    values = {"plan": "pro", "days": 30, "levels": [1, 2], "name": "ada", "year": "1985"}
    assert set(outcomes(await explain(template, "1", *declared, **values)).values()) == {"t"}
    changed = await explain(template, "1", *declared, **{**values, "days": 5, "levels": [7], "year": "1995"})
    assert changed.candidates.nearest == ("ttftf", "tfftf", "tnftf")


async def test_a_value_stays_a_value(explain: Explain) -> None:
    explained = await explain(f"{PERSON} WHERE p.plan = '<%= plan %>' AND p.active", "1", plan="x' OR true --")
    assert outcomes(explained) == {"p.plan = '<%= plan %>'": "f", "p.active": "t"}


async def test_subqueries_and_ctes_mean_what_they_mean_in_the_statement(explain: Explain) -> None:
    template = (
        "WITH recent AS (SELECT person FROM members WHERE since > now() - interval '100 days')"
        f" {PERSON} WHERE EXISTS (SELECT 1 FROM recent r WHERE r.person = p.id AND true)"
        " AND p.id IN (SELECT person FROM members WHERE club = 'chess')"
    )
    assert list(outcomes(await explain(template, "1")).values()) == ["t", "t"]
    assert list(outcomes(await explain(template, "2")).values()) == ["f", "t"]


# --- which row --------------------------------------------------------------------------------------------------------


async def test_of_several_rows_the_one_that_comes_nearest_is_first(explain: Explain) -> None:
    explained = await explain(f"{MEMBER} WHERE m.club = 'golf' AND m.level < 5 AND m.since IS NOT NULL", "1")
    assert explained.rows.num_rows == 0
    assert explained.candidates.count == 3
    assert explained.candidates.nearest == ("ftt", "tft", "ttf")


async def test_candidates_are_counted_all_and_shown_up_to_twenty(explain: Explain) -> None:
    explained = await explain("SELECT id AS profile_id, email FROM many WHERE n > 1400 AND email IS NOT NULL", "1")
    assert (explained.rows.num_rows, explained.truncated) == (100, False)
    assert explained.candidates.count == 1500
    assert explained.candidates.nearest == ("tt",) * 20


async def test_rows_beyond_a_thousand_are_told_and_not_sent(explain: Explain) -> None:
    explained = await explain("SELECT id AS profile_id, email FROM many WHERE n > 0", "1")
    assert (explained.rows.num_rows, explained.truncated) == (1000, True)


@pytest.mark.parametrize(
    "key", ["99", "abc", "", "1e1", "01", "99999999999999999999", "1; DROP TABLE people", "\u0661"]
)
async def test_somebody_who_does_not_come_out_of_from_has_no_candidates(explain: Explain, key: str) -> None:
    explained = await explain(f"{PERSON} WHERE p.active", key)
    assert (explained.rows.num_rows, explained.candidates.count, explained.candidates.nearest) == (0, 0, ())
    assert [conjunct.text for conjunct in explained.conjuncts] == ["p.active"]


async def test_a_join_that_drops_somebody_is_told_from_a_condition_that_does(explain: Explain) -> None:
    assert (await explain(f"{MEMBER} WHERE m.level > 0", "4")).candidates.count == 0
    outer = MEMBER.replace("JOIN", "LEFT JOIN")
    assert outcomes(await explain(f"{outer} WHERE m.level > 0", "4")) == {"m.level > 0": "n"}


async def test_keys_are_what_postgresql_prints(explain: Explain) -> None:
    named = "SELECT id AS profile_id, email FROM named WHERE email <> ''"
    assert (await explain(named, "a")).rows.to_pylist() == [{"profile_id": "a", "email": "a@x.io"}]
    assert (await explain(named, "it's")).rows.num_rows == 1
    padded = "SELECT id AS profile_id, email FROM padded WHERE true"
    assert [(await explain(padded, key)).rows.num_rows for key in ("ab    ", "ab")] == [1, 0]
    number = "SELECT id * 1.10 AS profile_id, email FROM people WHERE id < 3"
    assert [(await explain(number, key)).rows.num_rows for key in ("1.10", "1.1")] == [1, 0]


async def test_a_key_may_be_a_star_an_expression_or_a_subquery(explain: Explain) -> None:
    for template in (
        "SELECT n.*, n.id AS profile_id FROM named n WHERE email LIKE 'a%'",
        "SELECT lower(id) AS profile_id, email FROM named WHERE email LIKE 'a%'",
        "SELECT (SELECT n.id) AS profile_id, email FROM named n WHERE email LIKE 'a%'",
        "SELECT DISTINCT id AS profile_id, email FROM named WHERE email LIKE 'a%' ORDER BY email, 1",
    ):
        explained = await explain(template, "a")
        assert (explained.rows.num_rows, explained.candidates.nearest[0]) == (1, "t")


# --- what fails when it stands alone ----------------------------------------------------------------------------------


async def test_a_conjunct_that_where_never_gets_to_is_not_known(explain: Explain) -> None:
    guarded = f"{PERSON} WHERE CASE WHEN p.code ~ '^[0-9]+$' THEN true ELSE false END AND p.code::int > 5"
    explained = await explain(guarded, "2")
    assert explained.rows.num_rows == 0
    assert list(outcomes(explained).values()) == ["f", "e"]
    assert list(outcomes(await explain(guarded, "1")).values()) == ["t", "t"]


async def test_a_conjunct_that_takes_too_long_costs_no_more_than_itself(explain: Explain) -> None:
    """WHERE stops at the first conjunct and never counts."""
    slow = "(SELECT count(*) FROM generate_series(1, p.id + 1000000000) g) > 5"
    explained = await explain(f"{PERSON} WHERE p.id = 99 AND {slow}", "1", limit_s=0.4)
    assert (explained.rows.num_rows, explained.conjuncts) == (0, ())
    assert "longer than a statement may" in explained.unexplained


async def test_a_statement_that_fails_is_no_explanation(explain: Explain) -> None:
    with pytest.raises(DirectFlowError) as failed:
        await explain(f"{PERSON} WHERE p.code::int > 5", "2")
    assert failed.value.reason == "DATA_ERROR"


# --- what is not explained --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("template", "because"),
    [
        (f"{PERSON} WHERE p.active UNION SELECT id, email, phone FROM people WHERE id = 2", "set operation"),
        ("SELECT id AS profile_id, max(email) AS email FROM people WHERE id > 0 GROUP BY id", "GROUP BY"),
        ("SELECT DISTINCT ON (email) id AS profile_id, email FROM people WHERE id > 0", "DISTINCT ON"),
        (f"{PERSON} WHERE p.id > 0 ORDER BY p.id LIMIT 3", "LIMIT"),
        ("SELECT max(id) AS profile_id, max(email) AS email FROM people WHERE id = 2", "several rows"),
        (
            "SELECT id AS profile_id, email, row_number() OVER (ORDER BY id) AS r FROM people WHERE r <= 2 AND active",
            "window function",
        ),
        (PERSON, "no WHERE"),
        (f"({PERSON} WHERE p.id > 0)", "in brackets"),
        (f"{PERSON} WHERE {' AND '.join(f'p.id <> {n}' for n in range(10, 120))}", "more than 100"),
        ("SELECT 2 AS profile_id, max(email) AS email FROM people WHERE false", "do not agree"),
    ],
)
async def test_other_statements_say_why_there_is_no_more(explain: Explain, template: str, because: str) -> None:
    explained = await explain(template, "2")
    assert because in explained.unexplained
    assert explained.conjuncts == ()


async def test_a_row_that_is_there_is_found_in_whatever_statement(explain: Explain) -> None:
    for template in (
        f"{PERSON} WHERE p.id = 1 UNION ALL SELECT id, email, phone FROM people WHERE id = 2",
        f"{PERSON} WHERE p.id > 0 ORDER BY p.id LIMIT 2",
        "SELECT max(id) AS profile_id, max(email) AS email FROM people WHERE id = 2",
    ):
        assert (await explain(template, "2")).rows.column("profile_id").to_pylist() == [2]
        assert (await explain(template, "4")).rows.num_rows == 0


# --- what an attacker may try -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "where",
    [
        "p.active -- ) AND true END) FROM people; DELETE FROM people",
        "p.active /* ) AS x FROM (SELECT 1 /* */ */",
        "p.plan = $x$) AND true END AS c FROM people --$x$ AND p.active",
        "p.plan = ') AND true END AS _df_c1, (1=1' AND p.active",
        'p.plan = (SELECT 1::text AS "_df_c1) AND true END") AND p.active',
        "(p.active) AND ((p.plan = 'pro') AND (p.active))",
        "p.active AND (SELECT true AND false AND true)",
        "NOT p.active AND NOT (p.active AND p.active) AND p.id IS NOT DISTINCT FROM 1",
        "p.plan LIKE 'a AND b' AND p.active IS NOT TRUE",
        "p.id BETWEEN SYMMETRIC 3 AND 1 AND p.active",
    ],
)
async def test_text_that_looks_like_ours_changes_nothing(explain: Explain, where: str) -> None:
    """What WHERE says as a whole, PostgreSQL says too when all conjuncts are taken together."""
    for key in ("1", "2", "3", "4"):
        explained = await explain(f"{PERSON} WHERE {where}", key)
        assert explained.unexplained == ""
        assert (set(explained.candidates.nearest[0]) == {"t"}) == (explained.rows.num_rows == 1)


async def test_what_the_guard_refuses_is_refused(explain: Explain) -> None:
    with pytest.raises(DirectFlowError) as refused:
        await explain(f"{PERSON} WHERE pg_sleep(1) IS NULL", "1")
    assert refused.value.reason == "STATEMENT_REFUSED"


async def test_a_customers_operator_does_not_compare_keys(explain: Explain, postgres_dsn: str) -> None:
    """A `=` for bigint in a schema that the search_path puts first would call everybody the person."""
    with psycopg.connect(postgres_dsn, autocommit=True) as admin:
        admin.execute(
            "CREATE SCHEMA trick; CREATE FUNCTION trick.yes(bigint, bigint) RETURNS boolean IMMUTABLE LANGUAGE sql"
            " AS 'SELECT true'; CREATE OPERATOR trick.= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = trick.yes);"
            " GRANT USAGE ON SCHEMA trick TO PUBLIC"
        )
        (database,) = admin.execute("SELECT quote_ident(current_database())").fetchone() or ("",)
        try:
            admin.execute(f"ALTER DATABASE {database} SET search_path = trick, pg_catalog, public".encode())
            explained = await explain(f"{PERSON} WHERE p.email IS NOT NULL", "1")
        finally:
            admin.execute(f"ALTER DATABASE {database} RESET search_path".encode())
            admin.execute("DROP SCHEMA trick CASCADE")
    assert explained.rows.column("profile_id").to_pylist() == [1]
    assert explained.candidates.count == 1


# --- one snapshot, and nothing shown ----------------------------------------------------------------------------------


async def test_values_are_in_no_span_and_no_repr(explain: Explain, exported: Any) -> None:
    explained = await explain(f"{PERSON} WHERE p.plan = '<%= plan %>' AND p.code = 'seven'", "2", plan="free")
    told = " ".join(str(span.attributes) for span in exported.get_finished_spans())
    assert "free" not in told
    assert "seven" not in told + repr(explained)
    assert "bob@x.io" not in repr(explained)
