"""Our queries around the author's: no comment, semicolon, name or bracket of theirs may break them."""

import pytest
from directflow_gateway.sql import (
    AFTER_VARIABLE,
    bind,
    compile_template,
    wrap_for_columns,
    wrap_for_count,
    wrap_for_key_order,
)
from directflow_gateway.sql.parser import ParseFailure, parse

AUTHORS = [
    "SELECT id AS k, '<%= x %>' AS v FROM t",
    "SELECT id AS k, '<%= x %>' AS v FROM t -- the end",
    "SELECT id AS k, '<%= x %>' AS v FROM t;",
    "SELECT id AS k, '<%= x %>' AS v FROM t ; -- the end",
    "SELECT id AS k, '<%= x %>' AS v FROM t /* ' */ ; /* ) */",
    "-- first é\nWITH a AS (SELECT 1) SELECT 1 AS k, <%= x %> AS v UNION SELECT 2, 'ü' ORDER BY 1 LIMIT 5",
    "VALUES (1, '<%= x %>')",
    "(SELECT 1 AS k, <%= x %> AS v);",
    "SELECT '--' AS k, '<%= x %>' AS v FROM _q AS p, c",
]


@pytest.mark.parametrize("template", AUTHORS)
def test_the_author_s_query_stands_between_our_lines(template: str) -> None:
    compiled = compile_template(template)
    for wrapped in (
        wrap_for_key_order(compiled, "k", after=False),
        wrap_for_key_order(compiled, "k", after=True),
        wrap_for_columns(compiled, ["v", "k"]),
        wrap_for_count(compiled),
        wrap_for_count(compiled, "k"),
    ):
        assert not isinstance(parse(wrapped.text), ParseFailure)
        first, *middle, last = wrapped.text.split("\n")
        assert first.startswith("SELECT ")
        assert first.endswith(" FROM (")
        assert "\n".join(middle) == compiled.text[: compiled.body_end]
        assert last.startswith(") AS _df_q")
        assert not "\n".join(middle).rstrip().endswith(";")
        # The author's places are still the author's.
        assert wrapped.position(wrapped.text.index("$1") + 1) == compiled.position(compiled.text.index("$1") + 1)


def test_a_key_order_resumes_behind_a_value() -> None:
    compiled = compile_template("SELECT a AS profile_id FROM t WHERE b = '<%= x %>'")
    wrapped = wrap_for_key_order(compiled, "profile_id", after=True)
    assert bind(wrapped, {"x": "b", AFTER_VARIABLE: "k'"}) == ("b", "k'")
    assert "> $2 " in wrapped.text
    assert wrapped.has_order_by
    assert wrap_for_key_order(compiled, "profile_id", after=False).parameters == compiled.parameters


def test_names_are_quoted() -> None:
    compiled = compile_template("SELECT 1")
    assert '_df_q."a""b; --"' in wrap_for_columns(compiled, ['a"b; --']).text
    assert '_df_q."select"' in wrap_for_count(compiled, "select").text
    assert '_df_q."x"" y"' in wrap_for_key_order(compiled, 'x" y', after=True).text


@pytest.mark.parametrize("name", ["", "a\x00b"])
def test_what_is_no_name_is_an_error_of_ours(name: str) -> None:
    with pytest.raises(ValueError, match="identifier"):
        wrap_for_columns(compile_template("SELECT 1"), [name])


def test_at_least_one_column_is_asked_for() -> None:
    with pytest.raises(ValueError, match="column"):
        wrap_for_columns(compile_template("SELECT 1"), [])
