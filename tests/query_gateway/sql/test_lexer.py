"""Our lexer cuts where PostgreSQL's scan.l cuts; libpg_query's scanner is the judge wherever it accepts the text."""

import json
from pathlib import Path

import pytest
from directflow_gateway.sql.lexer import TokenKind, tokenize
from directflow_gateway.sql.parser import ParseFailure, scan
from hypothesis import given, settings
from hypothesis import strategies as st

CORPUS = Path(__file__).parent.parent / "corpus"

PIECES = [
    *("'", "''", '"', "$$", "$a$", "$1", "E'", "e'", "U&'", 'U&"', "u&", "B'", "x'", "N'", "n'", "\\", "\\'"),
    *("--", "/*", "*/", "\n", "\r", " ", "\t", "\f", "\v", "a", "_", "é", "\u00a0", "😀", "select", "b", "ab"),
    *("1", "1.5", ".", "..", "1..2", "0x1F", "1_000", "1e5", "5.", "::", ":=", "=>", "<=", "{", "}"),
    *"=<>%+-*/!?@~|#^&`(),;[]:$",
]


def ours(text: str) -> list[tuple[int, int]]:
    places: list[tuple[int, int]] = []
    for token in tokenize(text):
        if token.kind is TokenKind.NATIONAL_LITERAL:
            # scan.l makes two of it: the keyword NCHAR and a literal.
            places += [(token.start, token.start + 1), (token.start + 1, token.end)]
        elif token.kind is not TokenKind.WHITESPACE:
            places.append((token.start, token.end))
    return places


def agrees(text: str) -> bool:
    """Whether scan.l accepts the text; it must then cut it as we do."""
    theirs = scan(text)
    # libpg_query makes tokens of comments, so it knows no literal that goes on behind one; PostgreSQL does.
    if isinstance(theirs, ParseFailure) or continues_behind_a_comment(text):
        return False
    assert ours(text) == [(token.start, token.end) for token in theirs], text
    return True


def continues_behind_a_comment(text: str) -> bool:
    return any(token.continued and "--" in text[token.start : token.end] for token in tokenize(text))


def kinds(text: str) -> list[tuple[str, str]]:
    return [
        (token.kind.name, text[token.start : token.end])
        for token in tokenize(text)
        if token.kind is not TokenKind.WHITESPACE
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x=-1", [("IDENTIFIER", "x"), ("OPERATOR", "="), ("OPERATOR", "-"), ("NUMBER", "1")]),
        ("a?-b", [("IDENTIFIER", "a"), ("OPERATOR", "?-"), ("IDENTIFIER", "b")]),
        ("a<--b\nc", [("IDENTIFIER", "a"), ("OPERATOR", "<"), ("COMMENT", "--b"), ("IDENTIFIER", "c")]),
        ("a+/*b*/c", [("IDENTIFIER", "a"), ("OPERATOR", "+"), ("COMMENT", "/*b*/"), ("IDENTIFIER", "c")]),
        ("--x\ry", [("COMMENT", "--x"), ("IDENTIFIER", "y")]),
        ("/* a /* b */ c */d", [("COMMENT", "/* a /* b */ c */"), ("IDENTIFIER", "d")]),
        ("/*/*/ */*/x", [("COMMENT", "/*/*/ */*/"), ("IDENTIFIER", "x")]),
        ("b'1''0'", [("BIT_LITERAL", "b'1'"), ("LITERAL", "'0'")]),
        ("E'\\''", [("ESCAPE_LITERAL", "E'\\''")]),
        ("'\\'", [("LITERAL", "'\\'")]),
        ("'a'\n'b'", [("LITERAL", "'a'\n'b'")]),
        ("'a' 'b'", [("LITERAL", "'a'"), ("LITERAL", "'b'")]),
        ("'a' /*\n*/ 'b'", [("LITERAL", "'a'"), ("COMMENT", "/*\n*/"), ("LITERAL", "'b'")]),
        ("U&'\\0041'", [("UNICODE_LITERAL", "U&'\\0041'")]),
        ("u&x", [("IDENTIFIER", "u"), ("OPERATOR", "&"), ("IDENTIFIER", "x")]),
        ("x$$y", [("IDENTIFIER", "x$$y")]),
        ("$a$ $b$ $a$", [("DOLLAR_LITERAL", "$a$ $b$ $a$")]),
        ("$1$$x$$", [("PARAMETER", "$1"), ("DOLLAR_LITERAL", "$$x$$")]),
        ("a\u00a0b", [("IDENTIFIER", "a\u00a0b")]),
        ('"a""b"', [("QUOTED_IDENTIFIER", '"a""b"')]),
        ("1..10", [("NUMBER", "1"), ("SIGN", ".."), ("NUMBER", "10")]),
        ("a::int", [("IDENTIFIER", "a"), ("SIGN", "::"), ("IDENTIFIER", "int")]),
        ("'open", [("UNTERMINATED", "'open")]),
        ("$a$open$b$", [("UNTERMINATED", "$a$open$b$")]),
        ("/* open /* */", [("UNTERMINATED", "/* open /* */")]),
        ('"open', [("UNTERMINATED", '"open')]),
    ],
)
def test_tokens_are_those_of_scan_l(text: str, expected: list[tuple[str, str]]) -> None:
    assert kinds(text) == expected
    assert agrees(text) == (expected[-1][0] != "UNTERMINATED")


def test_a_tag_ends_an_operator_and_is_content_elsewhere() -> None:
    text = "x=<%= a %>-'<%= b %>'--<%= c %>"
    tags = [(2, 10), (12, 20), (23, 31)]
    assert [token.kind.name for token in tokenize(text, tags)] == [
        "IDENTIFIER", "OPERATOR", "TAG", "OPERATOR", "LITERAL", "COMMENT",
    ]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
@settings(max_examples=1000, deadline=None)
def test_any_mixture_of_the_grammar_s_own_pieces_is_cut_as_scan_l_cuts_it(text: str) -> None:
    agrees(text)


@given(st.text(max_size=200), st.data())
@settings(max_examples=300, deadline=None)
def test_tokens_cover_any_text_without_gaps(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, max(len(text) - 1, 0)))
    tags = [(start, min(start + 6, len(text)))] if text else []
    place = 0
    for token in tokenize(text, tags):
        assert token.start == place
        assert token.end > token.start
        place = token.end
    assert place == len(text)


def test_every_statement_of_the_corpus_is_cut_as_scan_l_cuts_it() -> None:
    accepted = 0
    for name in ("sql_legit.jsonl", "sql_attacks.jsonl"):
        for line in (CORPUS / name).read_text().splitlines():
            sql = json.loads(line)["sql"]
            # Without the marks of the tags the rest is SQL, and their names are identifiers.
            accepted += isinstance(sql, str) and agrees(sql.replace("<%=", " ").replace("%>", " "))
    assert accepted > 250


@pytest.mark.parametrize(
    "text",
    [
        "-" * 16_000,
        "'a'" + "-" * 16_000,
        "'a' " * 4_000,
        "/*" * 8_000,
        "$a$" * 5_000,
        "'a'--\n" * 3_000,
        "<%= " * 4_000,
    ],
)
def test_no_text_takes_more_than_linear_time(text: str) -> None:
    # Backtracking over these would take longer than anybody waits: the test ends or it does not.
    assert sum(1 for _ in tokenize(text)) >= 1
