"""Over random templates: nothing but a refusal comes out, bytes outside tags survive, and no value meets the SQL."""

import json
import re
from pathlib import Path

from directflow_gateway.sql import (
    CompiledStatement,
    StatementRefused,
    Variable,
    bind,
    compile_template,
    wrap_for_count,
)
from directflow_gateway.sql.parser import ParseFailure, scan
from hypothesis import example, given, settings
from hypothesis import strategies as st

CORPUS = Path(__file__).parents[1] / "corpus"
STATEMENTS = [
    sql
    for name in ("sql_legit.jsonl", "sql_attacks.jsonl")
    for line in (CORPUS / name).read_text().splitlines()
    if isinstance(sql := json.loads(line)["sql"], str) and len(sql) < 2000
]
LIST = [Variable("l", is_list=True)]
PIECES = [
    *("<%= a %>", "'<%= b %>'", "'%<%= b %>%'", " IN (<%= l %>)", " NOT IN(<%=l%>)", "INTERVAL '<%= n %>' DAY"),
    *("DATE '<%= d %>'", "'{<%= a %>}'", "'{\"k\": <%= a %>}'", " LIKE'<%= a %>'", "EXTRACT('<%= f %>' FROM x)"),
    *("char '<%= q %>'", "<%", "%>", "<%=", "<%% x %%>", " ORDER BY <%= a %>", " GROUP BY '<%= a %>'", "E'<%= a %>'"),
    *("'", '"', "$$", "$a$", "--", "/*", "*/", "\n", "\r", "(", ")", "{", "}", "[", "]", ",", ";", "::", "$1", "\\"),
    *(" AS ", " AND ", " OR ", " WHERE ", " FROM t ", "SELECT ", " UNION ", " NULL ", "1", "a", "é", "😀", "\u00a0"),
    *("\x00", "\ud800", "U&'", "B'", "N'", " COLLATE ", "OPERATOR(pg_catalog.~)", " SIMILAR TO ", " ANY (", " = "),
]


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A statement of the corpus with pieces put in and characters taken out."""
    text = draw(st.sampled_from(STATEMENTS))
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(text)))
        text = text[:place] + draw(st.sampled_from(PIECES)) + text[place + draw(st.sampled_from([0, 0, 0, 1, 7])) :]
    return text


templates = st.one_of(
    mutated(),
    st.lists(st.sampled_from(PIECES), max_size=12).map("".join),
    st.lists(st.sampled_from(PIECES), max_size=12).map(lambda pieces: "SELECT " + "".join(pieces)),
    st.text(max_size=80),
)


def compiled_or_none(template: str) -> CompiledStatement | None:
    try:
        return compile_template(template, LIST)
    except StatementRefused as refused:
        problems = refused.problems
    # All of it can be sent to somebody.
    "".join(f"{problem.message}{problem.token}{problem.hint}" for problem in problems).encode()
    assert problems
    assert max(problem.line for problem in problems) <= template.count("\n") + 1
    return None


def without_comments(text: str) -> str:
    """What is left to mean anything: in `--<%=<%= a %> b %>` the rest of a taken tag may look like another."""
    tokens = scan(text)
    assert not isinstance(tokens, ParseFailure)
    kept = [token for token in tokens if token.kind not in ("SQL_COMMENT", "C_COMMENT")]
    return " ".join(text[token.start : token.end] for token in kept)


@given(templates)
@example("SELECT 1 FROM members; --<%=<%= a %> a %> x")
@settings(max_examples=1500, deadline=None)
def test_any_template_compiles_or_is_refused_and_everything_after_that_works(template: str) -> None:
    compiled = compiled_or_none(template)
    if compiled is None:
        return
    assert_only_tags_changed(compiled)
    compiled.with_shared_parameters()
    wrap_for_count(compiled, "x")
    for number in range(1, len(compiled.parameters) + 1):
        compiled.with_text_parameter(number)
    try:
        typed = compiled.with_parameter_types(["text[]"] * len(compiled.parameters))
    except StatementRefused:
        return
    # Values that would be anything if they met the SQL.
    value = "'\"} OR true --\\"
    texts = bind(typed, {name: [value] if used.is_list else value for name, used in typed.variables.items()})
    assert len(texts) == len(compiled.parameters)


REPLACED = re.compile(
    r"(?:<%=[ \t]*[\w.]+[ \t]*%>"  # a tag
    r"|'(?:[^']|'')*'"  # the literal that it is in
    r"|in|not"  # IN (list)
    r"|char(?:acter)?|nchar|national|bit|pg_catalog|bpchar|\.|\"[a-z_]+\")+",  # a type without a length
    re.IGNORECASE | re.DOTALL,
)


def assert_only_tags_changed(compiled: CompiledStatement) -> None:
    """The text is the template's own characters in their order, but for tags and the little that stands around them."""
    [source_map] = compiled.maps
    starts = [span.start for span in source_map.spans]
    kept: list[int] = []
    for span, end in zip(source_map.spans, [*starts[1:], len(compiled.text)], strict=True):
        if span.verbatim:
            source = range(span.source, span.source + end - span.start)
            assert compiled.text[span.start : end] == compiled.template[source.start : source.stop]
            kept += source
    assert kept == sorted(kept)
    known = frozenset(kept)
    lost = "".join("\0" if place in known else sign for place, sign in enumerate(compiled.template))
    for region in lost.split("\0"):
        assert not region or REPLACED.fullmatch(region), (compiled.text, region)
    assert "<%=" not in without_comments(compiled.text)
