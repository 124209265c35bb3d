"""PostgreSQL's grammar, called so that no text can hurt: trees, failures as values, places in characters."""

import subprocess
import sys
import threading

import pytest
from directflow_gateway.sql.limits import HARD_MAX_SQL_BYTES, HARD_MAX_TOKENS, TextLimits
from directflow_gateway.sql.parser import ParseFailure, parse, scan, text_locator
from directflow_gateway.sql.tree import Node, ParseTree

WIDEST = TextLimits(max_sql_bytes=HARD_MAX_SQL_BYTES, max_tokens=HARD_MAX_TOKENS)


def tree_of(sql: str) -> ParseTree:
    tree = parse(sql)
    assert isinstance(tree, ParseTree), tree
    return tree


def failure_of(sql: str, limits: TextLimits = TextLimits()) -> ParseFailure:  # noqa: B008 (frozen)
    failure = parse(sql, limits)
    assert isinstance(failure, ParseFailure)
    return failure


def find(tree: ParseTree, tag: str) -> list[Node]:
    return [node for node in tree.nodes() if node.tag == tag]


def test_a_tree_names_its_nodes_as_postgresql_does() -> None:
    [call] = find(tree_of("SELECT a.lower(b) FROM t WHERE c = 'x'"), "FuncCall")
    assert (call.names("funcname"), call.location) == (("a", "lower"), 7)
    assert [ancestor.tag for ancestor in call.ancestors()] == ["ResTarget", "SelectStmt", "RawStmt"]


def test_fields_without_a_type_of_their_own_in_the_json_are_typed() -> None:
    tags = {node.tag for node in tree_of("SELECT a::int, sum(b) OVER (ORDER BY c) INTO x FROM t AS u(v)").nodes()}
    assert {"TypeName", "WindowDef", "IntoClause", "Alias"} <= tags


def test_every_statement_of_a_text_is_there_with_its_extent() -> None:
    tree = tree_of("/* é */ SELECT 1 ; SELECT 'ü' -- end")
    assert [tree.text[slice(*tree.extent(statement))].strip() for statement in tree.statements] == [
        "SELECT 1",
        "SELECT 'ü' -- end",
    ]


def test_places_are_counted_in_characters_though_postgresql_counts_bytes() -> None:
    tree = tree_of("SELECT 'ééé', '日本', foo")
    [reference] = find(tree, "ColumnRef")
    assert tree.text[tree.char_offset(reference.location) :] == "foo"


@pytest.mark.parametrize(
    ("sql", "message", "column", "token"),
    [
        ("SELECT 1 FRM t", 'Syntax error at or near "t".', 14, "t"),
        ("SELECT 'é日本' foo bar", 'Syntax error at or near "bar".', 18, "bar"),
        ("SELECT 1 +", "Syntax error.", 11, ""),
        ("SELECT 'secret", "Unterminated quoted string.", 8, "'"),
        ("SELECT 1 /* secret", "Unterminated /* comment.", 10, "/*"),
        ("SELECT $a$secret$b$", "Unterminated dollar-quoted string.", 8, "$"),
        ("SELECT 1 'secret'", "Syntax error.", 10, "'"),
        ("\ufeffSELECT 1", "Syntax error at or near \"\ufeffSELECT\".", 1, ""),
    ],
)  # fmt: skip
def test_a_syntax_error_has_a_place_and_shows_no_literal(sql: str, message: str, column: int, token: str) -> None:
    problem = failure_of(sql).problem(text_locator(sql))
    assert (problem.rule, problem.line, problem.column) == ("SYNTAX_ERROR", 1, column)
    assert "secret" not in problem.message
    if token:
        assert (problem.message.replace(f' at or near "{token}"', ""), problem.token) == (
            message.replace(f' at or near "{token}"', ""),
            token,
        )


@pytest.mark.parametrize(
    ("sql", "rule"),
    [
        ("SELECT 1 \x00 WHERE tenant = 1", "NUL_BYTE"),
        ("SELECT 1 \ud800", "INVALID_UTF8"),
        ("SELECT '" + "x" * 16_384 + "'", "SQL_TOO_LONG"),
        ("SELECT '" + "é" * 8_190 + "'", "SQL_TOO_LONG"),
        ("SELECT " + "1," * 2_000 + "1", "TOO_MANY_TOKENS"),
        ("/*" * 1_001 + "*/" * 1_001, "NESTS_TOO_DEEPLY"),
    ],
)
def test_what_does_not_fit_is_refused_before_the_native_parser_sees_it(sql: str, rule: str) -> None:
    problem = failure_of(sql).problem(text_locator(sql))
    assert problem.rule == rule
    assert (problem.message + problem.token).isprintable()


def test_a_long_scoring_query_and_many_joins_pass() -> None:
    assert len(find(tree_of("SELECT " + " + ".join(f"a{i}" for i in range(301))), "A_Expr")) == 300
    assert len(find(tree_of("SELECT 1 FROM t" + " JOIN t ON true" * 60), "JoinExpr")) == 60
    assert len(find(tree_of("SELECT " + "(SELECT " * 100 + "1" + ")" * 100), "SubLink")) == 100


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT " + "1+" * 1_300 + "1",
        "SELECT " + "(SELECT " * 700 + "1" + ")" * 700,
        "SELECT 1" + " UNION SELECT 1" * 1_250,
    ],
    ids=["chain", "subselects", "unions"],
)
def test_beyond_the_limits_it_says_that_it_nests_too_deeply(sql: str) -> None:
    assert failure_of(sql, WIDEST).rule == "NESTS_TOO_DEEPLY"


def test_scanning_tells_parameters_operators_and_comments_apart() -> None:
    tokens = scan("x=$1--é\n<%'ü'")
    assert not isinstance(tokens, ParseFailure)
    assert [(t.kind, t.start, t.end) for t in tokens] == [
        ("IDENT", 0, 1),
        ("ASCII_61", 1, 2),
        ("PARAM", 2, 4),
        ("SQL_COMMENT", 4, 7),
        ("Op", 8, 10),
        ("SCONST", 10, 13),
    ]


def test_threads_may_parse_at_once() -> None:
    results: list[object] = []
    threads = [threading.Thread(target=lambda: results.append(parse("SELECT 1"))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert [isinstance(result, ParseTree) for result in results] == [True] * 16


def test_creating_the_parsers_thread_leaves_the_stack_size_of_other_threads_alone() -> None:
    parse("SELECT 1")
    assert threading.stack_size() == 0


BOMBS = [
    ("SELECT ", "1+", "1", ""), ("SELECT ", "(", "1", ")"), ("SELECT ", "ARRAY[", "1", "]"),
    ("SELECT ", "(SELECT ", "1", ")"), ("SELECT 1 FROM ", "(SELECT * FROM ", "x", ") q"),
    ("SELECT ", "NOT ", "true", ""),
    ("SELECT ", "CASE WHEN true THEN ", "1", " END"), ("SELECT ", "- ", "x", ""), ("SELECT x", "::int", "", ""),
    ("SELECT ", "f(", "1", ")"), ("SELECT a", " IS NULL", "", ""), ("SELECT a", "[1]", "", ""),
    ("SELECT a", ".b", "", ""),
    ("", "WITH a AS (", "SELECT 1", ") SELECT 1"), ("SELECT 1", " UNION SELECT 1", "", ""), ("SELECT ", "$", "1", ""),
    ("SELECT 1 FROM ", "(", "a", " JOIN b ON true)"), ("", "/*", "SELECT 1", "*/"), ("SELECT ", "'", "1", ""),
    ("SELECT ", "<%=", "1", "%>"), ("SELECT ", "E'\\", "1", "'"), ("SELECT ", '"', "1", ""),
    ("SELECT ", "XMLELEMENT(NAME a, ", "1", ")"),
]  # fmt: skip
EXPLODE = f"""
from directflow_gateway.sql.limits import TextLimits
from directflow_gateway.sql.parser import parse
widest = TextLimits(max_sql_bytes=32768, max_tokens=8000)
for head, left, core, right in {BOMBS!r}:
    for count in (1000, 2500, 8000, 100000, 1000000):
        parse(head + left * count + core + right * count, widest)
print("alive")
"""


def test_no_bomb_ends_the_process() -> None:
    """In a process of its own: a C stack overflow would take the tests with it."""
    done = subprocess.run([sys.executable, "-c", EXPLODE], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (0, "alive\n"), done.stderr[-500:]
