"""A WHERE taken apart: the text that asks about it holds the author's statement, and the proof of it can fail."""

import pytest
from directflow_gateway.sql import compile_template
from directflow_gateway.sql.explanation import NotExplained, conjuncts_of, plain_select, write_candidates
from directflow_gateway.sql.explanation.same_meaning import is_split_of
from directflow_gateway.sql.keys import may_be_key
from directflow_gateway.sql.parser import ParseFailure, parse

TEMPLATE = "SELECT u.id AS profile_id, u.email FROM users u WHERE u.a = '<%= x %>' AND (u.b OR u.c) ORDER BY u.id"


def written(template: str = TEMPLATE) -> str:
    compiled = compile_template(template)
    return write_candidates(compiled, plain_select(compiled), "profile_id", "bigint", frozenset()).text


@pytest.mark.parametrize(
    ("part", "other"),
    [
        ("(u.b OR u.c)", "(u.b AND u.c)"),
        ("(u.b OR u.c)", "(u.b OR u.c) AND u.d"),
        ("u.a = $1", "u.a = $2"),
        ("u.a = $1", "u.a <> $1"),
        ("FROM users u", "FROM users u, users v"),
        ("FROM users u", "FROM others u"),
        ("ORDER BY u.id\n", "LIMIT 1\n"),
        ("u.email,", "u.phone,"),
        ("SELECT u.id", "SELECT DISTINCT u.id"),
        ("FROM users u", "FROM users u WHERE u.d"),
    ],
)
def test_a_text_that_says_something_else_is_noticed(part: str, other: str) -> None:
    compiled = compile_template(TEMPLATE)
    plain, text = plain_select(compiled), written()
    assert part in text
    for changed, holds in ((text, True), (text.replace(part, other), False)):
        tree = parse(changed)
        assert not isinstance(tree, ParseFailure)
        assert is_split_of(plain.select, tree, 2) is holds


def test_conjuncts_of_nested_ands_are_taken_as_they_are_written() -> None:
    compiled = compile_template(TEMPLATE.replace("ORDER", "AND (u.d AND (u.e AND u.f)) ORDER"))
    texts = [conjunct.text for conjunct in conjuncts_of(compiled, plain_select(compiled))]
    assert texts == ["u.a = '<%= x %>'", "(u.b OR u.c)", "(u.d AND (u.e AND u.f))"]
    assert "_df_c3" in written(compiled.template)


@pytest.mark.parametrize("template", [TEMPLATE.replace("u.id AS", "1 AS") + " LIMIT 1", "VALUES (1)", "SELECT 1 AS a"])
def test_what_is_no_plain_select_says_so(template: str) -> None:
    with pytest.raises(NotExplained):
        plain_select(compile_template(template))


@pytest.mark.parametrize(
    ("key", "key_type", "may"),
    [
        ("-5", "bigint", True),
        ("-0", "bigint", False),
        ("+5", "bigint", False),
        ("32768", "smallint", False),
        ("-32768", "smallint", True),
        ("9223372036854775808", "bigint", False),
        ("5 ", "integer", False),
        ("\u0665", "integer", False),
        ("00000000-0000-0000-0000-00000000000a", "uuid", True),
        ("00000000-0000-0000-0000-00000000000A", "uuid", False),
        ("anything", "text", True),
        ("1.10", "numeric", True),
    ],
)
def test_a_key_that_no_value_prints_as_is_known_before_it_is_asked(key: str, key_type: str, may: bool) -> None:
    assert may_be_key(key, key_type) is may
