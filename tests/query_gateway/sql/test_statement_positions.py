"""The way back from the server's text to the author's template, and the changes a statement goes through on retries."""

import pytest
from directflow_gateway.sql import CompiledStatement, Variable, bind, compile_template
from directflow_gateway.sql.source_map import Edit, Insert, Keep, build, edited
from hypothesis import given
from hypothesis import strategies as st

LIST = [Variable("l", is_list=True)]


def place(compiled: CompiledStatement, word: str) -> tuple[int, int, str]:
    """Where the template has what the bound text has at `word`; counted from 1, as PostgreSQL does."""
    return compiled.position(compiled.text.index(word) + 1)


def test_an_error_position_leads_to_the_line_column_and_token_of_the_template() -> None:
    template = (
        "SELECT DATE '<%= day %>', /* é😀 <%= gone %> */\n  u.emial FROM users u\r\nWHERE x IN (<%= l %>) AND bad"
    )
    compiled = compile_template(template, LIST)
    for word in ("SELECT", "DATE", "emial", "users", "WHERE", "bad"):
        line, column, token = place(compiled, word)
        assert template.split("\n")[line - 1][column - 1 :].startswith(word)
        assert token == word


@pytest.mark.parametrize(
    ("template", "word", "token"),
    [
        ("SELECT <%= x %>", "$1", "<%= x %>"),
        ("SELECT a, 'it''s <%= x %>'", "$1", "<%= x %>"),
        ("SELECT a, DATE '<%= x %>'", "CAST", "<%= x %>"),
        ("SELECT a, DATE '<%= x %>'", "$1", "<%= x %>"),
        ("SELECT a, INTERVAL '<%= x %>' DAY", "CAST", "<%= x %>"),
        ("SELECT a IN (<%= l %>)", "= ANY", "IN"),
        ("SELECT a NOT IN (<%= l %>)", "ALL", "IN"),
        ("SELECT a IN (<%= l %>)", "$1", "<%= l %>"),
    ],
)
def test_what_we_wrote_leads_to_the_tag_or_word_it_was_written_for(template: str, word: str, token: str) -> None:
    line, column, shown = place(compile_template(template, LIST), word)
    assert (line, shown) == (1, token)
    assert template[column - 1 :].startswith(token)


@pytest.mark.parametrize("offset", [-5, 0, 1000])
def test_a_position_outside_the_text_is_no_position(offset: int) -> None:
    assert compile_template("SELECT <%= x %>").position(offset) == (0, 0, "")


def test_the_end_of_the_text_is_a_place() -> None:
    # "syntax error at end of input" is behind the last character.
    compiled = compile_template("SELECT <%= x %> AS a")
    assert compiled.position(len(compiled.text) + 1) == (1, 21, "")


def test_positions_survive_every_rewriting() -> None:
    template = "SELECT date_trunc('<%= u %>', day), '<%= u %>', emial\nFROM t GROUP BY date_trunc('<%= u %>', t.day)"
    compiled = compile_template(template)
    for changed in (
        compiled.with_shared_parameters(),
        compiled.with_text_parameter(2),
        compiled.with_text_parameter(1).with_text_parameter(3).with_shared_parameters(),
        compiled.with_shared_parameters().rearranged([Insert("SELECT * FROM (\n", 0), Keep(0, 10), Keep(10, 200)]),
    ):
        assert place(changed, "emial") == (1, 49, "emial")
        assert place(changed, "GROUP")[:2] == (2, 8)
        assert place(changed, "$1") == (1, 20, "<%= u %>")


# --- retries ------------------------------------------------------------------------------------------------------


def test_equal_expressions_share_a_parameter() -> None:
    compiled = compile_template(
        "SELECT date_trunc('<%= u %>', t.d), count(*) FROM t GROUP BY date_trunc('<%= u %>', d);"
    )
    shared = compiled.with_shared_parameters()
    assert shared.text == "SELECT date_trunc($1, t.d), count(*) FROM t GROUP BY date_trunc($1, d);"
    assert bind(shared, {"u": "day"}) == ("day",)
    assert shared.text[: shared.body_end] == shared.text[:-1]


@pytest.mark.parametrize(
    "template",
    [
        # An integer here and a text there: one parameter would be 42P08.
        "SELECT 1 FROM t WHERE id = '<%= x %>' OR name = '<%= x %>'",
        "SELECT lower('<%= x %>'), upper('<%= x %>')",
        "SELECT lower('<%= x %>'), lower('<%= y %>')",
        "SELECT lower('a<%= x %>'), lower('<%= x %>')",
        "SELECT INTERVAL '<%= x %>' DAY, INTERVAL '<%= x %>' HOUR",
    ],
)
def test_what_is_not_equal_keeps_its_own_parameter(template: str) -> None:
    compiled = compile_template(template)
    assert compiled.with_shared_parameters().text == compiled.text


def test_sharing_renumbers_what_is_left() -> None:
    template = "SELECT <%= a %> || x, b = <%= b %>, <%= a %> || x, c = <%= c %>"
    shared = compile_template(template).with_shared_parameters()
    assert shared.text == "SELECT $1 || x, b = $2, $1 || x, c = $3"
    assert bind(shared, {"a": "1", "b": "2", "c": "3"}) == ("1", "2", "3")


def test_a_parameter_without_a_type_is_read_as_text_and_a_list_as_texts() -> None:
    compiled = compile_template("SELECT concat('<%= a %>', x), unnest(<%= l %>)", LIST)
    assert compiled.with_text_parameter(1).text == "SELECT concat(CAST($1 AS text), x), unnest($2)"
    assert compiled.with_text_parameter(2).text == "SELECT concat($1, x), unnest(CAST($2 AS text[]))"


def test_both_places_of_a_shared_parameter_become_text() -> None:
    shared = compile_template("SELECT concat('<%= a %>', x) GROUP BY concat('<%= a %>', x)").with_shared_parameters()
    assert shared.with_text_parameter(1).text.count("CAST($1 AS text)") == 2


def test_a_compiled_statement_is_never_changed() -> None:
    compiled = compile_template("SELECT lower('<%= a %>'), lower('<%= a %>')")
    before = (compiled.text, compiled.parameters, compiled.maps)
    compiled.with_shared_parameters()
    compiled.with_text_parameter(1)
    compiled.with_parameter_types(["text", "text"])
    assert (compiled.text, compiled.parameters, compiled.maps) == before


# --- texts made of pieces -----------------------------------------------------------------------------------------


@given(st.text(max_size=30), st.data())
def test_every_kept_character_leads_back_to_itself(source: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(source)), max_size=6)))
    edits = [
        Edit(start, end, data.draw(st.text(max_size=3))) for start, end in zip(cuts[::2], cuts[1::2], strict=False)
    ]
    text, source_map = edited(source, edits)
    kept = [offset for offset in range(len(source)) if not any(edit.start <= offset < edit.end for edit in edits)]
    returned = [source_map.source(offset) for offset in range(len(text))]
    assert [offset for offset in kept if offset not in returned] == []
    for offset, back in enumerate(returned):
        assert 0 <= back <= len(source)
        if back in kept and back not in {edit.start for edit in edits}:
            assert text[offset] == source[back]


def test_overlapping_edits_are_an_error_of_ours() -> None:
    with pytest.raises(ValueError, match="overlap"):
        edited("abcdef", [Edit(0, 3, "x"), Edit(2, 4, "y")])


def test_pieces_may_come_in_any_order() -> None:
    text, source_map = build("one two", [Keep(4, 7), Insert("-", 3), Keep(0, 3)])
    assert text == "two-one"
    assert [source_map.source(offset) for offset in range(8)] == [4, 5, 6, 3, 0, 1, 2, 3]
