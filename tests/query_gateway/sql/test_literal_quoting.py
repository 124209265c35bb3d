"""A value inside an array or JSON literal stays one value; what to quote it for is known once Describe has answered."""

import json

import pytest
from directflow_gateway.sql import Kind, StatementRefused, Variable, VariableValue, bind, compile_template

VARIABLES = [
    Variable("d", Kind.DATE),
    Variable("i", Kind.INTEGER),
    Variable("u", Kind.UUID),
    Variable("b", Kind.BOOLEAN),
]


def joined(literal: str, type_name: str, **values: VariableValue) -> str | None:
    """The text of the one parameter that the literal becomes, for a parameter of that type."""
    compiled = compile_template("SELECT '" + literal.replace("'", "''") + "'", VARIABLES)
    [text] = bind(compiled.with_parameter_types([type_name]), values)
    return text


@pytest.mark.parametrize(
    ("literal", "value", "text"),
    [
        ("{<%= x %>}", "a", '{"a"}'),
        ("{<%= x %>}", "", '{""}'),
        ("{<%= x %>}", "NULL", '{"NULL"}'),
        ("{<%= x %>}", "a,b}", '{"a,b}"}'),
        ("{<%= x %>}", '"\\', '{"\\"\\\\"}'),
        ("{ <%= x %> , y }", "a b", '{ "a b" , y }'),
        ("{{<%= x %>},{y}}", "{", '{{"{"},{y}}'),
        ('{"<%= x %>"}', 'a"b\\', '{"a\\"b\\\\"}'),
        ('{"p,<%= x %>,q"}', 'r","s', '{"p,r\\",\\"s,q"}'),
        ("{NU<%= x %>}", "LL", "{NU\\L\\L}"),
        ("{<%= x %>z}", ",", "{\\,z}"),
        ("{a <%= x %>}", " b", "{a \\ \\b}"),
        ("{'<%= x %>'}", "a", "{'\\a'}"),
        ("[0:0]={<%= x %>}", "a", '[0:0]={"a"}'),
        ("{prefs,<%= x %>}", "lang", '{prefs,"lang"}'),
        # The variable is the whole literal: nothing of the author's can be broken.
        ("<%= x %>", "{a,b}", "{a,b}"),
        (" <%= x %>\n", "{a}", " {a}\n"),
    ],
)
def test_a_value_in_an_array_literal_is_one_element(literal: str, value: str, text: str) -> None:
    assert joined(literal, "text[]", x=value) == text


def test_boxes_are_separated_by_semicolons() -> None:
    assert joined("{<%= x %>;<%= y %>}", "box[]", x="(1,1),(0,0)", y="2") == '{"(1,1),(0,0)";"2"}'
    compiled = compile_template("SELECT <%= l %>", [Variable("l", is_list=True)]).with_parameter_types(["box[]"])
    assert bind(compiled, {"l": ["1", "2"]}) == ('{"1";"2"}',)


@pytest.mark.parametrize(
    ("literal", "value", "text"),
    [
        ('{"a":"<%= x %>"}', "red", '{"a":"red"}'),
        ('{"a":"<%= x %>"}', 'red","vip":true,"x":"', '{"a":"red\\",\\"vip\\":true,\\"x\\":\\""}'),
        ('{"a":"<%= x %>"}', "\\", '{"a":"\\\\"}'),
        ('{"a":"<%= x %>"}', "\n\u2028é😀", '{"a":"\\n\u2028é😀"}'),
        ('{"a":"\\"<%= x %>"}', '"', '{"a":"\\"\\""}'),
        ('{"a":"\\\\<%= x %>"}', '"', '{"a":"\\\\\\""}'),
        ('{"a":"\\u00e9<%= x %>"}', "9", '{"a":"\\u00e99"}'),
        ('{"a":<%= x %>}', "42", '{"a":42}'),
        ('{"a":<%= x %>}', "-1.5e3", '{"a":-1.5e3}'),
        ('{"a":<%= x %>}', "true", '{"a":true}'),
        ('{"a":<%= x %>}', "null", '{"a":null}'),
        ('{"a":<%= x %>}', "007", '{"a":"007"}'),
        ('{"a":<%= x %>}', "NaN", '{"a":"NaN"}'),
        ('{"a":<%= x %>}', "", '{"a":""}'),
        ('{"a":<%= x %>}', '"red"', '{"a":"\\"red\\""}'),
        ('{"a":<%= x %>}', '1,"vip":true', '{"a":"1,\\"vip\\":true"}'),
        ('{"a":<%= x %>}', '{"b":1}', '{"a":"{\\"b\\":1}"}'),
        ('{"a":<%= x %>}', "[1]", '{"a":"[1]"}'),
        ("[<%= x %>, 1]", "a", '["a", 1]'),
        ("{<%= x %> : 1}", "7", '{"7" : 1}'),
        ('{"<%= x %>":1}', 'a":2,"b', '{"a\\":2,\\"b":1}'),
        ("<%= x %>", '{"a":1}', '{"a":1}'),
        ('{"a":<%= i %>}', "+007", '{"a":7}'),
        ('{"a":<%= d %>}', "2024-02-29", '{"a":"2024-02-29"}'),
        ('{"a":<%= u %>}', "1" * 32, '{"a":"' + "1" * 32 + '"}'),
        ('{"a":<%= b %>}', "yes", '{"a":true}'),
    ],
)
@pytest.mark.parametrize("type_name", ["json", "jsonb"])
def test_a_value_in_a_json_literal_is_one_value(literal: str, value: str, text: str, type_name: str) -> None:
    name = literal[literal.index("<%= ") + 4]
    assert joined(literal, type_name, **{name: value}) == text
    json.loads(text)


@pytest.mark.parametrize(
    ("literal", "type_name", "words"),
    [
        ("{a\\<%= x %>}", "text[]", "backslash"),
        ('{"a\\<%= x %>"}', "text[]", "backslash"),
        ("<%= x %>{a}", "text[]", "braces"),
        ("{a}<%= x %>", "text[]", "braces"),
        ("<%= x %>,<%= y %>", "text[]", "braces"),
        ('{"a":"\\<%= x %>"}', "jsonb", "escape"),
        ('{"a":"\\u00<%= x %>"}', "jsonb", "escape"),
        ('{"{\\"a\\":\\"<%= x %>\\"}"}', "jsonb[]", "array of JSON"),
    ],
)
def test_where_no_quoting_keeps_a_value_one_value_it_is_refused(literal: str, type_name: str, words: str) -> None:
    with pytest.raises(StatementRefused) as refused:
        joined(literal, type_name, x="a", y="b")
    [problem] = refused.value.problems
    assert words in problem.message
    assert (problem.rule, problem.token, problem.line) == ("VARIABLE_POSITION", "<%= x %>", 1)


@pytest.mark.parametrize("type_name", ["text", "int4range", "tsquery", "jsonpath", "address", "character varying"])
def test_other_types_take_the_value_as_it_is(type_name: str) -> None:
    assert joined('{"a":<%= x %>}', type_name, x='"') == '{"a":"}'


def test_an_array_or_json_literal_cannot_be_bound_before_its_type_is_known() -> None:
    # Joined as it is, the value could add elements and keys: a programming error must not become one of the author's.
    for literal in ("{<%= x %>}", "[<%= x %>]", '"<%= x %>"'):
        compiled = compile_template(f"SELECT '{literal}'")
        with pytest.raises(RuntimeError, match="with_parameter_types"):
            bind(compiled, {"x": "a"})
    assert bind(compile_template("SELECT '%<%= x %>%'"), {"x": "a"}) == ("%a%",)


@pytest.mark.parametrize("type_name", ["integer", "text", "jsonb"])
@pytest.mark.parametrize("template", ["SELECT 1 WHERE a = <%= l %>", "SELECT 1 WHERE a = '<%= l %>'"])
def test_a_list_where_one_value_is_needed_is_refused_once_the_type_is_known(template: str, type_name: str) -> None:
    compiled = compile_template(template, [Variable("l", is_list=True)])
    with pytest.raises(StatementRefused) as refused:
        compiled.with_parameter_types([type_name])
    assert refused.value.problems[0].token == "<%= l %>"
    assert "IN (<%= list %>)" in refused.value.problems[0].hint


def test_a_type_with_a_language_of_its_own_is_a_warning() -> None:
    compiled = compile_template("SELECT 1 WHERE tv = '<%= x %>' AND a LIKE '<%= x %>'")
    typed = compiled.with_parameter_types(["tsquery", "text"])
    assert [(warning.rule, warning.column) for warning in typed.warnings] == [
        ("VARIABLE_IN_PATTERN", 44),
        ("VARIABLE_IN_PATTERN", 22),
    ]


def test_the_number_of_types_must_be_the_number_of_parameters() -> None:
    with pytest.raises(ValueError, match="zip"):
        compile_template("SELECT <%= x %>").with_parameter_types([])
