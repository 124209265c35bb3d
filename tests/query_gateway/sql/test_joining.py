"""Which variables must not differ in a join of people and rows. tests/query_gateway/sets judges what joins come to."""

import pytest
from directflow_gateway.sql import compile_template
from directflow_gateway.sql.parser import ParseFailure, parse
from directflow_gateway.sql.set_form import unsafe_to_join


def unsafe(sql: str, *, view: bool = False) -> set[str]:
    """Variables that must not differ in a join."""
    compiled = compile_template(sql)
    tree = parse(compiled.text)
    assert not isinstance(tree, ParseFailure)
    numbers = unsafe_to_join(tree, hides_expressions=view)
    return {name for number in numbers for name in compiled.parameters[number - 1].variables}


def exists(where: str, of: str = "orders o") -> str:
    return f"SELECT EXISTS (SELECT 1 FROM {of} WHERE {where}) AS result"


@pytest.mark.parametrize(
    "where",
    [
        "o.customer = <%= id %>",
        "o.customer = '<%= id %>'::bigint AND o.status IN ('open', '<%= status %>')",
        "lower(o.email) = lower('<%= email %>') AND o.name LIKE '%<%= part %>%' AND o.note IS NULL",
        "o.customer = <%= id %> AND (o.amount BETWEEN <%= low %> AND <%= high %> OR NOT o.open)",
        "o.customer = <%= id %> AND o.at >= '<%= since %>' AND o.at < now() - INTERVAL '30 days'",
        "o.customer = <%= id %> AND o.at > now() - <%= days %> * INTERVAL '1 day'",
        "o.tags @> ARRAY['<%= tag %>'] AND o.attrs ? '<%= key %>'",
        "o.customer = <%= id %> AND o.region IN (SELECT r.name FROM regions r WHERE r.country = '<%= country %>')",
        "o.customer = <%= id %> AND NOT EXISTS (SELECT 1 FROM refunds r WHERE r.order_id = o.id AND r.by = <%= id %>)",
        "o.customer = <%= id %> AND coalesce(o.amount, 0) > <%= least %>",
    ],
)
def test_what_cannot_fail_may_differ(where: str) -> None:
    assert unsafe(exists(where)) == set()


@pytest.mark.parametrize(
    ("where", "variables"),
    [
        ("o.customer = <%= id %> AND o.payload::int >= '<%= least %>'", {"least"}),
        ("o.customer = <%= id %> AND 10 / o.n > <%= least %>", {"least"}),
        ("o.customer = <%= id %> AND (o.open OR o.note::int = <%= n %>)", {"n"}),
        ("o.customer = <%= id %> AND o.note::int IN (1, <%= n %>)", {"n"}),
        ("o.customer = <%= id %> AND o.amount + o.tax > <%= least %>", {"least"}),
        ("o.customer = <%= id %> AND o.n / <%= by %> = 2", {"by"}),
        ("o.customer = <%= id %> AND o.amount > (SELECT amount FROM orders WHERE id = <%= other %>)", {"other"}),
        ("o.customer = <%= id %> AND NOT EXISTS (SELECT 1 FROM x WHERE x.o = o.id AND x.t::int > <%= n %>)", {"n"}),
        ("o.attrs ->> '<%= key %>' = '<%= value %>'", {"key"}),
    ],
)
def test_what_may_fail_for_a_row_and_depends_on_a_variable_may_not(where: str, variables: set[str]) -> None:
    assert unsafe(exists(where)) == variables
    assert unsafe(f"SELECT true AS result FROM orders o WHERE {where} LIMIT 1") == variables


@pytest.mark.parametrize(
    "where",
    [
        "o.customer = <%= id %> AND o.payload::int >= 3",
        "10 / o.n > 1 AND o.customer = <%= id %>",
        "o.customer = <%= id %> AND o.amount > (SELECT avg(amount) FROM orders)",
    ],
)
def test_what_may_fail_without_a_variable_is_tried_for_all_rows(where: str) -> None:
    assert unsafe(exists(where)) == set()


@pytest.mark.parametrize(
    ("where", "variables"),
    [
        ("(o.payload ->> 'user')::bigint = <%= id %>", set()),
        ("o.kind = 'open' AND (o.payload ->> 'user')::bigint = <%= id %>", set()),
        ("(o.payload ->> 'user')::bigint = <%= id %> AND o.open AND o.kind = 'open'", set()),
        ("o.customer + 1 = <%= id %> AND o.status = '<%= status %>'", set()),
        ("lower(o.kind) = 'open' AND o.customer + 1 = <%= id %>", set()),
        ("o.customer + 1 = <%= id %> AND lower(o.kind) = 'open'", {"id"}),
        ("o.customer::int = <%= id %> AND age(o.at) > INTERVAL '1 day'", {"id"}),
        ("o.customer::int = <%= id %> AND o.region IN (SELECT name FROM regions)", {"id"}),
    ],
)
def test_a_computed_key_may_differ_where_it_is_tried_last(where: str, variables: set[str]) -> None:
    """A join computes keys of rows that suit the other conditions: the author's statement must do so in that order."""
    assert unsafe(exists(where)) == variables


def test_a_computed_key_of_several_tables_may_not_differ() -> None:
    """A row without a partner never comes to the join of people, and alone it may fail."""
    of = "orders o JOIN lines l ON l.order_id = o.id"
    assert unsafe(exists("o.note::int = <%= id %>", of)) == {"id"}
    assert unsafe(exists("o.customer = <%= id %> AND l.amount > <%= least %>", of)) == set()
    assert unsafe(exists("l.n = 1", f"{of} AND l.note::int > <%= n %>")) == {"n"}


def test_columns_of_a_view_may_be_expressions() -> None:
    assert unsafe(exists("o.customer = <%= id %> AND o.kind = 'open'"), view=True) == set()
    assert unsafe(exists("o.customer = <%= id %> AND o.number > <%= n %>"), view=True) == {"n"}


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        ("SELECT customer, note::int AS n FROM orders", {"n"}),
        ("SELECT customer, note AS n FROM orders", set()),
        ("SELECT customer, sum(amount) AS n FROM orders GROUP BY customer", set()),
    ],
)
def test_columns_of_a_query_in_from_may_be_expressions(query: str, variables: set[str]) -> None:
    where = "q.customer = <%= id %> AND q.n > <%= n %>"
    assert unsafe(exists(where, f"({query}) q")) == variables
    assert unsafe(f"WITH q AS ({query}) {exists(where, 'q')}") == variables


def test_what_is_computed_of_a_groups_rows_is_computed_for_each_person() -> None:
    having = "SELECT EXISTS (SELECT 1 FROM t WHERE a = <%= id %> GROUP BY b HAVING sum(c) > <%= n %>) AS result"
    assert unsafe(having) == set()
