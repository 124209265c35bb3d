"""A condition on a window function's alias moves to an outer query; everything else of the author's text stays."""

import pytest
from directflow_gateway.sql import compile_template, rewrite_window_alias

RANKED = "SELECT id, rank() OVER (ORDER BY score) AS r FROM users u WHERE "


def rewritten(template: str, *missing: str) -> str | None:
    result = rewrite_window_alias(compile_template(template), missing)
    return None if result is None else " ".join(result.text.split())


def test_the_documented_example() -> None:
    assert rewritten(
        "SELECT u.id AS profile_id, u.email, "
        "ROW_NUMBER() OVER (PARTITION BY u.plan_type ORDER BY u.created_at) as user_rank\n"
        "FROM users u WHERE user_rank <= 100"
    ) == (
        "SELECT * FROM ( SELECT u.id AS profile_id, u.email, ROW_NUMBER() OVER (PARTITION BY u.plan_type ORDER BY "
        "u.created_at) as user_rank FROM users u ) AS _df_q WHERE user_rank <= 100"
    )


@pytest.mark.parametrize(
    ("condition", "kept", "moved"),
    [
        ("active AND r <= 3", "WHERE active ", "r <= 3"),
        ("r <= 3 AND active AND level > 1", "WHERE active AND level > 1 ", "r <= 3"),
        ("r BETWEEN 2 AND 5 AND active", "WHERE active ", "r BETWEEN 2 AND 5"),
        ("a BETWEEN 2 AND 5 AND r = 1", "WHERE a BETWEEN 2 AND 5 ", "r = 1"),
        ("r > 1 AND r < 5", "", "r > 1 AND r < 5"),
        (
            "CASE WHEN r = 1 AND true THEN true END AND active",
            "WHERE active ",
            "CASE WHEN r = 1 AND true THEN true END",
        ),
        ("(r = 1 AND true) AND active", "WHERE active ", "(r = 1 AND true)"),
        ("NOT r = 1 AND active", "WHERE active ", "NOT r = 1"),
        ("r IS DISTINCT FROM 1 AND active", "WHERE active ", "r IS DISTINCT FROM 1"),
        ("r IN (1, 2)", "", "r IN (1, 2)"),
    ],
)
def test_only_the_conjuncts_that_name_the_alias_move(condition: str, kept: str, moved: str) -> None:
    assert rewritten(RANKED + condition) == (
        f"SELECT * FROM ( SELECT id, rank() OVER (ORDER BY score) AS r FROM users u {kept}) AS _df_q WHERE {moved}"
    )


def test_what_a_condition_needs_besides_is_carried_in_hidden_columns() -> None:
    assert rewritten(RANKED + "r = 1 OR u . vip OR plan = 'x'") == (
        'SELECT "id", "r" FROM ( SELECT id, rank() OVER (ORDER BY score) AS r, u . vip AS _df_h1, plan AS _df_h2 '
        "FROM users u ) AS _df_q WHERE r = 1 OR _df_h1 OR _df_h2 = 'x'"
    )


@pytest.mark.parametrize(
    ("tail", "outside", "hidden"),
    [
        ("ORDER BY r DESC, id LIMIT 5", "ORDER BY r DESC, id LIMIT 5", ""),
        (
            "ORDER BY 2 OFFSET 1 ROWS FETCH FIRST 2 ROWS WITH TIES",
            "ORDER BY 2 OFFSET 1 ROWS FETCH FIRST 2 ROWS WITH TIES",
            "",
        ),
        ("LIMIT 3", "LIMIT 3", ""),
        ("ORDER BY u.score DESC NULLS LAST, r", "ORDER BY _df_h1 DESC NULLS LAST, r", ", u.score AS _df_h1"),
        ("ORDER BY lower(name), (a, b)", "ORDER BY _df_h1, _df_h2", ", lower(name) AS _df_h1, (a, b) AS _df_h2"),
        ("GROUP BY id ORDER BY count(*)", "ORDER BY _df_h1", ", count(*) AS _df_h1"),
        ("WINDOW w AS (ORDER BY id) ORDER BY id", "ORDER BY id", ""),
    ],
)
def test_order_and_limit_move_out_with_it(tail: str, outside: str, hidden: str) -> None:
    text = rewritten(RANKED + "r = 1 " + tail)
    assert text is not None
    inner, outer = text.split(") AS _df_q WHERE ")
    assert outer == f"r = 1 {outside}"
    assert f"AS r{hidden} FROM" in inner
    assert text.startswith('SELECT "id", "r" FROM' if hidden else "SELECT * FROM")


def test_a_star_in_the_list_leaves_the_columns_to_postgresql() -> None:
    assert rewritten("SELECT u.*, rank() OVER () r FROM users u WHERE r = 1 OR u.vip ORDER BY u.score, name") == (
        "SELECT * FROM ( SELECT u.*, rank() OVER () r FROM users u ) AS _df_q "
        'WHERE r = 1 OR "vip" ORDER BY "score", name'
    )


def test_comments_parameters_and_layout_survive() -> None:
    compiled = compile_template(
        "/* a */ WITH x AS (SELECT 1)\nSELECT id, rank() OVER (ORDER BY score) AS r -- why\n"
        "FROM users WHERE plan = '<%= plan %>' AND r <= <%= n %> -- top\n ORDER BY id LIMIT <%= m %> -- end"
    )
    result = rewrite_window_alias(compiled)
    assert result is not None
    assert result.text == (
        "SELECT * FROM (\n/* a */ WITH x AS (SELECT 1)\nSELECT id, rank() OVER (ORDER BY score) AS r -- why\n"
        "FROM users WHERE plan = $1 \n) AS _df_q\nWHERE r <= $2 -- top\n \nORDER BY id LIMIT $3 -- end"
    )
    assert result.parameters == compiled.parameters


def test_a_place_in_the_new_text_is_shown_in_the_template() -> None:
    template = "SELECT rank() OVER () AS r\nFROM users WHERE r <= nonsense ORDER BY 1"
    result = rewrite_window_alias(compile_template(template))
    assert result is not None
    assert result.position(result.text.index("_df_h1 \n") + 1)[:2] == (2, 23)


def test_only_names_that_the_server_missed_move_when_it_is_said_which() -> None:
    template = "SELECT rank() OVER () AS r, ntile(4) OVER () AS level FROM users WHERE r = 1 AND level = 2"
    assert rewritten(template, "r") == (
        "SELECT * FROM ( SELECT rank() OVER () AS r, ntile(4) OVER () AS level FROM users WHERE level = 2 ) AS _df_q "
        "WHERE r = 1"
    )
    assert rewritten(template, "other") is None


@pytest.mark.parametrize(
    "template",
    [
        "SELECT id FROM users WHERE r = 1",
        "SELECT id, score AS r FROM users WHERE r = 1",
        "SELECT id, rank() OVER () AS r FROM users",
        "SELECT id, rank() OVER () AS r FROM users WHERE active",
        "SELECT id, rank() OVER () AS r FROM users u WHERE u.r = 1",
        "SELECT id, rank() OVER () AS r FROM users WHERE r = (SELECT 1)",
        "SELECT id, rank() OVER () AS r FROM users u WHERE r = 1 OR (u.*) IS NULL",
        "SELECT DISTINCT ON (id) id, rank() OVER () AS r FROM users WHERE r = 1",
        "SELECT DISTINCT id, rank() OVER () AS r FROM users WHERE r = 1 ORDER BY score",
        "SELECT id, id, rank() OVER () AS r FROM users WHERE r = 1 ORDER BY score",
        "SELECT 1, 2, rank() OVER () AS r FROM users WHERE r = 1 ORDER BY score",
        "SELECT *, rank() OVER () AS r FROM users WHERE r = 1 ORDER BY lower(name)",
        "SELECT id, rank() OVER () AS r FROM users WHERE r = 1 UNION SELECT 1, 2",
        "SELECT * FROM (SELECT id, rank() OVER () AS r FROM users WHERE r = 1) x",
        "(SELECT id, rank() OVER () AS r FROM users WHERE r = 1)",
        "SELECT id, rank() OVER () AS r FROM users WHERE r = 1 ORDER BY score USING >",
    ],
)
def test_what_does_not_fit_is_left_alone(template: str) -> None:
    assert rewritten(template) is None
