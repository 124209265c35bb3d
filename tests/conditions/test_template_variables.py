"""Which variables a statement needs, whatever stands around the tags."""

import pytest
from directflow_conditions.template import variable_names


@pytest.mark.parametrize(
    ("template", "names"),
    [
        ("SELECT true AS result", ()),
        ("SELECT x = '<%= profile_id %>' AS result", ("profile_id",)),
        ("SELECT <%=a%>, '<%= b.c %>', <%=  a  %>", ("a", "b.c")),
        ("SELECT '%<%= q %>%' || '<%= y %>-01-01'", ("q", "y")),
        ("SELECT 1 -- <%= gone %>\n, <%= kept %>", ("kept",)),
        ("SELECT 1 -- <%= gone %>\r, <%= kept %>", ("kept",)),
        ("SELECT /* <%= gone %> /* nested */ <%= gone_too %> */ <%= kept %>", ("kept",)),
        ("SELECT '-- <%= kept %>'", ("kept",)),
        ("SELECT '/*', <%= kept %>, '*/'", ("kept",)),
        ("SELECT 'it''s -- ', <%= kept %>", ("kept",)),
        (r"SELECT E'\'-- ', <%= kept %>", ("kept",)),
        (r"SELECT '\', <%= kept %> -- '", ("kept",)),
        ('SELECT "--", <%= kept %>', ("kept",)),
        ("SELECT $$--$$, <%= kept %>", ("kept",)),
        ("SELECT $t$ $$ -- $t$, <%= kept %>", ("kept",)),
        ("SELECT 1 /* <%= never_closed %>", ()),
        ("SELECT <% trgm, 'x' <%= 1, <%= 9a %>", ()),
        ("SELECT <%= é %>", ()),
    ],
)
def test_names_are_those_of_the_tags_outside_of_comments(template: str, names: tuple[str, ...]) -> None:
    assert variable_names(template) == names
