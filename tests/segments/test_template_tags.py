"""Which variables a template needs: tags in comments need none, tags in literals do."""

import pytest
from directflow_segments.template import variable_names


@pytest.mark.parametrize(
    ("template", "names"),
    [
        ("SELECT 1", ()),
        ("SELECT '<%= a %>', <%=b%>, '<%= a %>'", ("a", "b")),
        ("SELECT '<%= user.community_id %>'", ("user.community_id",)),
        ("SELECT 1 -- <%= a %>\nWHERE <%= b %>", ("b",)),
        ("SELECT 1 -- <%= a %>\rWHERE <%= b %>", ("b",)),
        ("SELECT 1 /* <%= a %> /* <%= c %> */ <%= d %> */ + <%= b %>", ("b",)),
        ("SELECT 1 /* it's <%= a %> */ + <%= b %>", ("b",)),
        ("SELECT 1 /* -- */ + <%= b %>", ("b",)),
        ("SELECT 1 -- /* \n + <%= b %>", ("b",)),
        ("SELECT '-- <%= a %>' , <%= b %>", ("a", "b")),
        ("SELECT '/* ' , <%= b %> , ' */'", ("b",)),
        ("SELECT 'it''s -- ' , <%= b %>", ("b",)),
        (r"SELECT E'it\'s -- ' , <%= b %>", ("b",)),
        ('SELECT "a--b" , <%= b %>', ("b",)),
        ("SELECT $$--$$ , <%= b %>", ("b",)),
        ("SELECT $x$ -- $$ $x$ , <%= b %>", ("b",)),
        ("SELECT 1 /* <%= a %>", ()),
        ("SELECT 1 */ + <%= b %>", ("b",)),
        ("SELECT '<%= 1x %>' , '<% a %>' , '<%= a-b %>'", ()),
    ],
)
def test_the_variables_of_a_template(template: str, names: tuple[str, ...]) -> None:
    assert variable_names(template) == names


def test_a_hostile_template_is_read_in_one_pass() -> None:
    assert variable_names("/*" * 8000 + "'" * 8000 + "$" * 8000 + "<%=" * 8000) == ()
    assert variable_names("'" * 16_001 + "<%= a %>") == ("a",)
    assert variable_names("$a$" * 5_333) == ()
