"""What telemetry may show of a statement: its shape, and no value."""

import json
from pathlib import Path

import pytest
from directflow_gateway.sql import normalise_for_telemetry
from hypothesis import given, settings
from hypothesis import strategies as st

CORPUS = Path(__file__).parents[1] / "corpus"


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("SELECT a,\n  'x' FROM  t WHERE b = $1", "SELECT a, ? FROM t WHERE b = $1"),
        ("SELECT E'a\\'b', U&'x', B'1', x'F', N'n', $$y$$, $a$z$a$", "SELECT ?, ?, ?, ?, ?, ?, ?"),
        ("SELECT 1, -2.5e3, 0x1F, .5, a1", "SELECT ?, -?, ?, ?, a1"),
        ("SELECT 'a'\n'b'||'c''d'", "SELECT ?||?"),
        ('SELECT "Col umn" -- ada@example.org\nFROM t /* +49 30 */', 'SELECT "Col umn" FROM t'),
        ("SELECT 'open", "SELECT ?"),
        ("SELECT /* open", "SELECT ?"),
        ("SELECT a -> 'b' ->> 'c' ? 'd' FROM t LIMIT 10", "SELECT a -> ? ->> ? ? ? FROM t LIMIT ?"),
        ("", ""),
    ],
)
def test_every_literal_becomes_a_question_mark(text: str, shape: str) -> None:
    assert normalise_for_telemetry(text) == shape


@given(st.sampled_from(["'{}'", "E'{}'", "$${}$$", "$q${}$q$", "-- {}\n", "/* {} */"]), st.text("abcdef", min_size=12))
def test_what_is_in_a_literal_or_comment_is_not_shown(form: str, value: str) -> None:
    assert value not in normalise_for_telemetry(f"SELECT x, {form.format(value)} FROM t")


@given(st.text(max_size=300))
@settings(max_examples=300, deadline=None)
def test_any_text_has_a_shape(text: str) -> None:
    assert "'" not in normalise_for_telemetry(text)


def test_no_literal_of_the_corpus_survives() -> None:
    rows = [json.loads(line) for line in (CORPUS / "sql_legit.jsonl").read_text().splitlines()]
    shapes = [normalise_for_telemetry(row["sql"]) for row in rows if isinstance(row["sql"], str)]
    assert len(shapes) > 100
    assert not any("'" in shape or "--" in shape for shape in shapes)


def test_it_reads_no_more_than_a_statement_may_have() -> None:
    assert len(normalise_for_telemetry("a" * 1_000_000)) == 32 * 1024
