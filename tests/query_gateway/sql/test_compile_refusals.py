"""What is refused, with the rule, the place and the author's own token. A refusal that points nowhere helps nobody."""

import pytest
from directflow_gateway.sql import CompiledStatement, StatementRefused, TextLimits, Variable, compile_template
from directflow_runtime.errors import Problem, StatusCode

LISTS = [Variable("l", is_list=True), Variable("l2", is_list=True)]


def problems_of(template: str, **options: TextLimits) -> tuple[Problem, ...]:
    with pytest.raises(StatementRefused) as refused:
        compile_template(template, LISTS, **options)  # type: ignore[arg-type]
    assert (refused.value.code, refused.value.reason) == (StatusCode.INVALID_ARGUMENT, "STATEMENT_REFUSED")
    return refused.value.problems


def compiled_or_none(template: str) -> CompiledStatement | None:
    try:
        return compile_template(template, LISTS)
    except StatementRefused:
        return None


@pytest.mark.parametrize(
    "template",
    [
        # Literals in which a value could not be bound, or would mean something else.
        "SELECT E'@<%= v %>'",
        "SELECT e'\\'@<%= v %>'",
        "SELECT U&'@<%= v %>'",
        "SELECT B'@<%= v %>'",
        "SELECT x'@<%= v %>'",
        "SELECT N'@<%= v %>'",
        "SELECT $$@<%= v %>$$",
        "SELECT $x$'@<%= v %>'$x$",
        "SELECT 'a'\n'@<%= v %>'",
        "SELECT '@<%= v %>'\n'b'",
        "SELECT 'a' -- c\n  '@<%= v %>'",
        # Names.
        'SELECT "@<%= c %>" FROM t',
        'SELECT "a""@<%= c %>" FROM t',
        'SELECT U&"@<%= c %>" FROM t',
        "SELECT * FROM @<%= t %>",
        "SELECT t.@<%= c %> FROM t",
        "SELECT 1 AS @<%= a %>",
        "SELECT @<%= f %>(1)",
        "SELECT @<%= f %> (1)",
        "SELECT CAST(a AS @<%= t %>)",
        "SELECT a::@<%= t %>",
        "SELECT a::numeric(@<%= t %>)",
        "SELECT numeric('@<%= t %>') '5'",
        "SELECT a COLLATE @<%= c %>",
        "SELECT * FROM t TABLESAMPLE @<%= m %> (10)",
        "SELECT * FROM t @<%= alias %>",
        # Keywords, directions, operators.
        "SELECT * FROM t WHERE a @<%= op %> 5",
        "SELECT * FROM t WHERE a OPERATOR(@<%= op %>) 5",
        "SELECT * FROM t ORDER BY a @<%= d %>",
        "SELECT * FROM t ORDER BY a @<%= d %>, b",
        "@<%= s %>",
        "SELECT INTERVAL @<%= n %>",
        "SELECT DATE @<%= d %>",
        "SELECT EXTRACT('@<%= f %>' FROM a)",
        "SELECT EXTRACT(@<%= f %> FROM a)",
        "SELECT U&'x' UESCAPE '@<%= x %>'",
        # A value in place of a sort or group item: accepted by PostgreSQL, and silently without effect.
        "SELECT a FROM t ORDER BY @<%= c %>",
        "SELECT a FROM t ORDER BY '@<%= c %>'",
        "SELECT a FROM t ORDER BY b, (@<%= c %>) DESC",
        "SELECT a FROM t ORDER BY ('@<%= c %>'::text) COLLATE \"C\" NULLS LAST",
        "SELECT count(*) FROM t GROUP BY @<%= c %>",
        "SELECT count(*) FROM t GROUP BY a, ('@<%= c %>')",
        "SELECT count(*) FROM t GROUP BY (a, @<%= c %>)",
        "SELECT count(*) FROM t GROUP BY ROLLUP (a, @<%= c %>)",
        "SELECT count(*) FROM t GROUP BY GROUPING SETS ((a, @<%= c %>), CUBE (b))",
        "SELECT DISTINCT ON (@<%= c %>) a FROM t",
        "SELECT rank() OVER (PARTITION BY @<%= c %>) FROM t",
        "SELECT rank() OVER w FROM t WINDOW w AS (ORDER BY '@<%= c %>')",
        "SELECT string_agg(a, ',' ORDER BY @<%= c %>) FROM t",
        "SELECT mode() WITHIN GROUP (ORDER BY @<%= c %>) FROM t",
        # Glued.
        "SELECT a@<%= v %> FROM t",
        "SELECT é@<%= v %> FROM t",
        "SELECT a\u00a0@<%= v %> FROM t",
        "SELECT 1@<%= v %>",
        "SELECT $@<%= v %>",
        "SELECT @<%= v %>a",
        "SELECT @<%= v %>1",
        "SELECT @<%= v %>$1$",
        "SELECT @<%= v %>é",
        "SELECT @<%= v %>'x'",
        'SELECT @<%= v %>"x"',
        "SELECT 'x'@<%= v %>",
        "SELECT @<%= v %><%= w %>",
        "SELECT a FROM t LIMIT@<%= n %>",
        # Lists.
        "SELECT 1 WHERE a IN ('@<%= l %>')",
        "SELECT 1 WHERE a IN (1, @<%= l %>)",
        "SELECT 1 WHERE a NOT IN (@<%= l %>, @<%= l2 %>)",
        "SELECT 1 WHERE (a, b) IN (@<%= l %>)",
        "SELECT 1 WHERE a = 'x@<%= l %>'",
        "SELECT DATE '@<%= l %>'",
        "SELECT 1 WHERE b = a IN (@<%= l %>)",
        # Intervals with a range.
        "SELECT INTERVAL '@<%= n %>' YEAR TO MONTH",
        "SELECT INTERVAL '@<%= n %>' DAY TO SECOND(3)",
        "SELECT INTERVAL '1 @<%= n %>' day /* c */ to hour",
    ],
)
def test_a_variable_that_cannot_be_bound_is_refused_where_it_stands(template: str) -> None:
    """`@` marks the tag that is at fault; where there are two, both are."""
    places = [place for place, sign in enumerate(template) if sign == "@" and template.startswith("@<%=", place)]
    found = [problem for problem in problems_of(template.replace("@<%=", "<%=")) if problem.rule == "VARIABLE_POSITION"]
    expected = []
    for number, place in enumerate(places):
        before = template[:place].replace("@<%=", "<%=")
        assert len(before) == place - number
        tag = template[place + 1 : template.index("%>", place) + 2]
        expected.append((before.count("\n") + 1, len(before) - before.rfind("\n"), tag))
    assert [(problem.line, problem.column, problem.token) for problem in found] == expected
    assert all(problem.message and problem.hint and problem.field == "template" for problem in found)


@pytest.mark.parametrize(
    ("template", "column", "token"),
    [
        ("SELECT <% a %>", 8, "<% a %>"),
        ("SELECT <%== a %>", 8, "<%== a %>"),
        ("SELECT <%- a -%>", 8, "<%- a -%>"),
        ("SELECT <%# a %>", 8, "<%# a %>"),
        ("SELECT <%= a", 8, "<%="),
        ("SELECT <%= a;drop %>", 8, "<%= a;drop %>"),
        ("SELECT <%= %>", 8, "<%= %>"),
        ("SELECT <%= 1a %>", 8, "<%= 1a %>"),
        ("SELECT <%= a.b. %>", 8, "<%= a.b. %>"),
        ("SELECT <%= a | upper %>", 8, "<%= a | upper %>"),
        ("SELECT <%=\na %>", 8, "<%=\na %>"),
        ("SELECT <%= é %>", 8, "<%= é %>"),
        ("SELECT <%=\u00a0a %>", 8, "<%=\u00a0a %>"),
        ("SELECT <%= a % >", 8, "<%="),
        ("SELECT < %= a %>", 0, ""),
        ("SELECT '<%= a b %>'", 9, "<%= a b %>"),
        ("SELECT '<% a %>'", 9, "<% a %>"),
        ("SELECT '<%a%>'", 9, "<%a%>"),
        ("SELECT 'x<%- a -%>'", 10, "<%- a -%>"),
        ("SELECT '<%= a'", 9, "<%="),
        ('SELECT "<%= a;" FROM t', 9, "<%="),
        ("SELECT $$<% a %>$$", 10, "<% a %>"),
        ("SELECT x<%=-1", 9, "<%="),
    ],
)
def test_an_unknown_tag_is_refused_as_such(template: str, column: int, token: str) -> None:
    if not column:
        # An operator `<`, then `%=`: not a tag of anybody's, but no SQL either.
        assert problems_of(template)[0].rule == "SYNTAX_ERROR"
        return
    [problem] = problems_of(template)
    assert (problem.rule, problem.column, problem.token) == ("UNKNOWN_TAG", column, token)
    assert "<%= name %>" in problem.hint


def test_the_author_s_own_parameters_are_refused() -> None:
    [problem] = problems_of("SELECT '<%= a %>', $1")
    assert (problem.rule, problem.column, problem.token) == ("AUTHOR_PARAMETER", 20, "$1")


@pytest.mark.parametrize(
    "template", ["SELECT {{ a }}", "SELECT :a", "SELECT %s", "SELECT ${a}", "SELECT #{a}", "SELECT ?"]
)
def test_other_template_languages_are_no_sql(template: str) -> None:
    assert [problem.rule for problem in problems_of(template)] == ["SYNTAX_ERROR"]


@pytest.mark.parametrize(
    ("template", "column"),
    [
        ("SELECT 'open", 8),
        ("SELECT 1 /* open", 10),
        ("SELECT $a$open$b$", 8),
        ('SELECT "open', 8),
        ("SELECT E'open\\'", 8),
    ],
)
def test_what_does_not_end_is_refused_where_it_begins(template: str, column: int) -> None:
    [problem] = problems_of(template)
    assert (problem.rule, problem.column) == ("SYNTAX_ERROR", column)


def test_every_problem_is_reported_in_the_order_of_the_text() -> None:
    found = problems_of("SELECT pg_sleep(1), '<%= v %>'\nFROM t ORDER BY <%= c %>,\n '<%= d %>'")
    assert [(problem.rule, problem.line) for problem in found] == [
        ("FUNCTION_NOT_ALLOWED", 1),
        ("VARIABLE_POSITION", 2),
        ("VARIABLE_POSITION", 3),
    ]


def test_a_tag_in_the_guard_s_problem_is_shown_as_the_author_wrote_it() -> None:
    found = problems_of("SELECT '<%= a %>' || pg_read_file(<%= name %>)")
    assert [(problem.column, problem.token) for problem in found] == [(22, "pg_read_file")]


@pytest.mark.parametrize(
    ("template", "rule"),
    [
        ("SELECT 1\x00 AND tenant = 5", "NUL_BYTE"),
        ("SELECT '\ud800'", "INVALID_UTF8"),
        ("SELECT " + "1+" * 20_000 + "1", "SQL_TOO_LONG"),
        ("SELECT '" + "é" * 9_000 + "'", "SQL_TOO_LONG"),
        ("SELECT " + "1," * 2_500 + "1", "TOO_MANY_TOKENS"),
        ("SELECT 1 IN (" + "<%=a%>," * 1_001 + "1)", "TOO_MANY_TAGS"),
        ("SELECT 1 " + "/*" * 1_001, "NESTS_TOO_DEEPLY"),
        ("SELECT <%= _df_after %>", "RESERVED_NAME"),
        ("SELECT 1; SELECT <%= a %>", "MULTIPLE_STATEMENTS"),
    ],
)
def test_limits_and_characters_come_first(template: str, rule: str) -> None:
    found = problems_of(template)
    assert found[0].rule == rule
    for problem in found:
        problem.token.encode()


def test_limits_can_be_lowered() -> None:
    assert problems_of("SELECT <%= a %>, <%= a %>", limits=TextLimits(max_tags=1))[0].rule == "TOO_MANY_TAGS"
    assert problems_of("SELECT 1, 2, 3", limits=TextLimits(max_tokens=3))[0].rule == "TOO_MANY_TOKENS"


@pytest.mark.parametrize(
    "variables",
    [
        [Variable("a"), Variable("a")],
        [Variable("a b")],
        [Variable("")],
        [Variable("_df_after")],
        [Variable("a" * 129)],
        [Variable("é")],
        [Variable("a\n")],
    ],
)
def test_declarations_that_no_tag_could_name_are_refused(variables: list[Variable]) -> None:
    with pytest.raises(StatementRefused) as refused:
        compile_template("SELECT 1", variables)
    assert refused.value.problems[0].field.startswith("variables")


def test_sixteen_kilobytes_of_bad_tags_are_not_a_problem_each() -> None:
    assert len(problems_of("SELECT " + "<%= 1 %>, " * 900 + "1")) <= 50


# --- attempts to make the template and the bound text mean different things ---------------------------------------


@pytest.mark.parametrize(
    "template",
    [
        "SELECT $<%= t %>$ OR true $<%= t %>$",
        "SELECT $a<%= t %>$ x $a<%= t %>$",
        "SELECT '<%= a %>' '<%= b %>'",
        "SELECT '<%= a %>'/**/'<%= b %>'",
        "SELECT <%= a %>--<%= b %>\n<%= c %>",
        "SELECT /*<%= a %>*/<%= b %>/*'*/",
        "SELECT '''<%= a %>''' -- '",
        "SELECT E'\\\\' || '<%= a %>'",
        "SELECT E'\\'' || '<%= a %>' || '\\'",
        "SELECT \"'\" , '<%= a %>', \"'\" FROM t",
        "SELECT $$'$$, '<%= a %>', $$'$$",
        "SELECT U&'\\0027' || '<%= a %>'",
        "SELECT $q$ $$ $q$ || '<%= a %>' || $q$ ' $q$",
        "SELECT 1 /* ' */, '<%= a %>' /* ' */",
        "SELECT 1 -- '\r, '<%= a %>' -- '",
        "SELECT 1 -- \u2028 , '<%= a %>'",
        "SELECT\u00a0'<%= a %>'",
        "SELECT b'0' '<%= a %>'",
        "SELECT a <%%= b %> '<%= a %>'",
    ],
)
def test_a_value_is_a_parameter_or_the_template_is_refused(template: str) -> None:
    compiled = compiled_or_none(template)
    if compiled is not None:
        assert "<%=" not in compiled.text.replace("<%%=", "")
        assert len(compiled.parameters) == compiled.text.count("$") - template.count("$")
