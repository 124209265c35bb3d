"""Every place where a variable may stand, and what becomes of it."""

import pytest
from directflow_gateway.sql import Context, Kind, StatementRefused, Variable, compile_template, template_variables

DECLARED = [Variable("l", is_list=True), Variable("n", Kind.INTEGER)]

CODE = [
    ("SELECT a FROM t WHERE b = <%= x %>", "SELECT a FROM t WHERE b = $1"),
    ("SELECT a FROM t LIMIT <%= n %> OFFSET <%=\tn%>", "SELECT a FROM t LIMIT $1 OFFSET $2"),
    ("SELECT a FROM t WHERE b=<%=x%> AND c", "SELECT a FROM t WHERE b=$1 AND c"),
    ("SELECT j->><%= x %>, 5 -<%= n %>, a@><%= x %>", "SELECT j->>$1, 5 -$2, a@>$3"),
    ("SELECT name %><%= x %>, <%= x %><% name", "SELECT name %>$1, $2<% name"),
    ("SELECT <%= user.name %>::text, (ARRAY[1])[<%= n %>]", "SELECT $1::text, (ARRAY[1])[$2]"),
    ("SELECT a ORDER BY a = <%= x %>, abs(<%= x %>)", "SELECT a ORDER BY a = $1, abs($2)"),
    ("SELECT rank(<%= n %>) WITHIN GROUP (ORDER BY a)", "SELECT rank($1) WITHIN GROUP (ORDER BY a)"),
    ("SELECT <%= x %> AS a, <%= x %> b", "SELECT $1 AS a, $2 b"),
]
LITERALS = [
    ("SELECT '<%= x %>'", "SELECT $1"),
    ("SELECT 1 WHERE b LIKE'%<%= x %>%'AND c", "SELECT 1 WHERE b LIKE $1 AND c"),
    ("SELECT '<%= x %>''<%= x %>'", "SELECT $1"),
    ("SELECT 'it''s <%= x %>, isn''t it?'||'<%= x %>-01'", "SELECT $1||$2"),
    ("SELECT '<%= x %>'::date, CAST('<%= x %>' AS int)", "SELECT $1::date, CAST($2 AS int)"),
    ("SELECT 1 WHERE b IN ('<%= x %>', '<%= x %>')", "SELECT 1 WHERE b IN ($1, $2)"),
    ("SELECT 'a\n<%= x %>\r'", "SELECT $1"),
]
TYPED = [
    ("SELECT DATE '<%= x %>'", "SELECT CAST($1 AS DATE )"),
    ("SELECT date'<%= x %>'", "SELECT CAST($1 AS date)"),
    ("SELECT TIMESTAMP WITH TIME ZONE '<%= x %>'", "SELECT CAST($1 AS TIMESTAMP WITH TIME ZONE )"),
    ("SELECT timestamp(3) without time zone '<%= x %>'", "SELECT CAST($1 AS timestamp(3) without time zone )"),
    ("SELECT numeric(6, 2) '<%= x %>'", "SELECT CAST($1 AS numeric(6, 2) )"),
    ("SELECT double precision /* é */ '<%= x %>'", "SELECT CAST($1 AS double precision /* é */ )"),
    ("SELECT DATE -- don't <%= y %>\n'<%= x %>'", "SELECT CAST($1 AS DATE -- don't  \n)"),
    # CAST(... AS CHAR) would cut to one character, CHAR '...' does not.
    ("SELECT CHAR '<%= x %>'", "SELECT CAST($1 AS pg_catalog.bpchar )"),
    ("SELECT national /* c */ character '<%= x %>'", "SELECT CAST($1 AS pg_catalog.bpchar /* c */  )"),
    ("SELECT char(3) '<%= x %>', bit '<%= x %>'", "SELECT CAST($1 AS char(3) ), CAST($2 AS pg_catalog.bit )"),
    ("SELECT interval '<%= n %> days', interval(2)'<%= x %>'", "SELECT CAST($1 AS interval ), CAST($2 AS interval(2))"),
    ("SELECT INTERVAL '<%= n %>' DAY", "SELECT CAST($1 AS INTERVAL   DAY)"),
    ("SELECT INTERVAL '<%= n %>' second(3) + x", "SELECT CAST($1 AS INTERVAL   second(3)) + x"),
]
LISTS = [
    ("SELECT 1 WHERE b IN (<%= l %>)", "SELECT 1 WHERE b = ANY ($1)"),
    ("SELECT 1 WHERE b NOT IN(<%= l %>)", "SELECT 1 WHERE b <> ALL($1)"),
    ("SELECT 1 WHERE b not/**/in/**/(/*x*/<%=l%>)", "SELECT 1 WHERE b <>/**/ALL/**/(/*x*/$1)"),
    ("SELECT 1 WHERE NOT b || c IN (<%= l %>) OR d", "SELECT 1 WHERE NOT b || c = ANY ($1) OR d"),
    ("SELECT 1 WHERE (b IN (<%= l %>)) = true", "SELECT 1 WHERE (b = ANY ($1)) = true"),
    ("SELECT 1 WHERE b IN (<%= l %>) = true", "SELECT 1 WHERE b = ANY ($1) = true"),
    ("SELECT 1 WHERE b = ANY (<%= l %>)", "SELECT 1 WHERE b = ANY ($1)"),
    ("SELECT 1 WHERE b = ANY ('<%= l %>')", "SELECT 1 WHERE b = ANY ($1)"),
    ("SELECT 1 WHERE b IN (<%= x %>)", "SELECT 1 WHERE b IN ($1)"),
]
UNTOUCHED = [
    "SELECT 'gift <%% wrap %%> 50%', '<%', '<%>', '%>', '<b>%</b>'",
    "SELECT 'a' <% b, a %> 'b', a <<% b, a %>> b, a <->> b FROM t",
    "SELECT a <% b AND c %> d FROM t",
    "SELECT a % b, a ? 'b', a::int, $$ ? % :: $$ AS \"% of ?\" -- it's <%% x\r\nFROM t /* :x */ ;",
]


@pytest.mark.parametrize(("template", "text"), CODE + LITERALS + TYPED + LISTS)
def test_what_a_variable_becomes(template: str, text: str) -> None:
    assert compile_template(template, DECLARED).text == text


@pytest.mark.parametrize("template", UNTOUCHED)
def test_sql_without_tags_survives_byte_for_byte(template: str) -> None:
    compiled = compile_template(template)
    assert compiled.text == template
    assert compiled.parameters == ()


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("SELECT 1 -- <%= x %>\n, 2 /* <%= y %> /* <%= z %> */ */", "SELECT 1 --  \n, 2 /*   /*   */ */"),
        # Without anything in its place the tag would let the comment end early.
        ("SELECT /* *<%= x %>/ */ 1", "SELECT /* * / */ 1"),
        ("SELECT /* <% what %> <%= ever */ 1", "SELECT /* <% what %> <%= ever */ 1"),
    ],
)
def test_a_tag_in_a_comment_is_left_out_and_needs_no_variable(template: str, text: str) -> None:
    compiled = compile_template(template)
    assert compiled.text == text
    assert compiled.variables == {}
    assert template_variables(template) == ()


def test_the_documented_queries_compile() -> None:
    generator = compile_template(
        "SELECT u.id AS profile_id, u.email FROM users u JOIN memberships m ON u.id = m.user_id\n"
        "WHERE m.community_id = '<%= community_id %>' AND u.email IS NOT NULL"
    )
    assert generator.text.endswith("WHERE m.community_id = $1 AND u.email IS NOT NULL")
    assert generator.parameters[0].variables == ("community_id",)
    assert (generator.parameters[0].line, generator.parameters[0].column) == (2, 25)


def test_each_occurrence_has_its_own_parameter() -> None:
    # One variable may be an integer here and a text there.
    compiled = compile_template("SELECT 1 FROM m WHERE id = '<%= x %>' OR name = '<%= x %>'")
    assert compiled.text == "SELECT 1 FROM m WHERE id = $1 OR name = $2"
    assert list(compiled.variables) == ["x"]


def test_a_parameter_tells_its_context() -> None:
    template = "SELECT <%= x %>, '<%= x %>', DATE '<%= x %>', INTERVAL '<%= n %>' DAY, a IN (<%= l %>)"
    contexts = [parameter.context for parameter in compile_template(template, DECLARED).parameters]
    assert contexts == [Context.CODE, Context.LITERAL, Context.TYPED_LITERAL, Context.INTERVAL, Context.IN_LIST]


@pytest.mark.parametrize(
    "template",
    [
        "SELECT 1 WHERE a LIKE '%<%= x %>%'",
        "SELECT 1 WHERE a NOT ILIKE '%' || '<%= x %>' || '%'",
        "SELECT 1 WHERE a LIKE '<%= x %>' ESCAPE '!'",
        "SELECT 1 WHERE a SIMILAR TO '<%= x %>'",
        "SELECT 1 WHERE a ~* '^<%= x %>'",
        "SELECT 1 WHERE j @? '$.team ? (@ == \"<%= x %>\")'",
        "SELECT 1 WHERE tv @@ to_tsquery('english', '<%= x %>')",
        "SELECT regexp_replace(a, '<%= x %>', 'b')",
        "SELECT '<%= x %>'::tsquery, 1",
        "SELECT jsonb_path_query(j, concat('$.', <%= x %>)::jsonpath)",
    ],
)
def test_a_variable_in_a_pattern_is_bound_with_a_warning(template: str) -> None:
    [warning] = compile_template(template).warnings
    assert warning.rule == "VARIABLE_IN_PATTERN"
    assert (warning.line, template[warning.column - 1 :][:8], warning.token) == (1, "<%= x %>", "<%= x %>")


@pytest.mark.parametrize(
    "template",
    [
        "SELECT 1 WHERE '<%= x %>' LIKE a",
        "SELECT 1 WHERE tv @@ plainto_tsquery('english', '<%= x %>')",
        "SELECT regexp_replace(a, 'b', '<%= x %>')",
        "SELECT 1 WHERE jsonb_path_exists(j, '$.a ? (@ == $x)', jsonb_build_object('x', '<%= x %>'))",
        "SELECT 1 WHERE a = '<%= x %>' AND b ~ 'c'",
    ],
)
def test_a_variable_outside_a_pattern_is_no_warning(template: str) -> None:
    assert compile_template(template).warnings == ()


def test_names_that_postgresql_reserves_for_lookahead_may_have_comments_between() -> None:
    compiled = compile_template("SELECT 1 WHERE a NOT /* x */ IN (<%= l %>) ORDER BY a NULLS -- y\nFIRST", DECLARED)
    assert compiled.has_order_by


@pytest.mark.parametrize(
    ("template", "has_order_by"),
    [
        ("SELECT a FROM t ORDER BY a", True),
        ("SELECT a FROM t UNION SELECT b FROM t ORDER BY 1;", True),
        ("SELECT a FROM (SELECT a FROM t ORDER BY a) x", False),
        ("WITH x AS (SELECT a FROM t ORDER BY a) SELECT rank() OVER (ORDER BY a) FROM x", False),
    ],
)
def test_only_the_outermost_order_by_counts(template: str, has_order_by: bool) -> None:
    assert compile_template(template).has_order_by is has_order_by


def test_nothing_of_the_author_s_text_is_in_a_repr() -> None:
    compiled = compile_template("SELECT 'ada@example.org' || '<%= x %>bob@example.org'")
    assert "example.org" not in repr(compiled) + repr(compiled.parameters)


def test_a_thousand_tags_compile_and_a_thousand_and_one_are_too_many() -> None:
    assert len(compile_template(f"SELECT 1 WHERE 1 IN ({','.join(['<%=a%>'] * 1000)})").parameters) == 1000
    with pytest.raises(StatementRefused) as refused:
        compile_template(f"SELECT 1 WHERE 1 IN ({','.join(['<%=a%>'] * 1001)})")
    assert refused.value.problems[0].rule == "TOO_MANY_TAGS"
