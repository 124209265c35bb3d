"""A refusal says what to write instead, or which entry would allow it."""

import pytest
from directflow_gateway.sql import StatementRefused, compile_template
from directflow_runtime.errors import Problem


def refused(template: str) -> Problem:
    with pytest.raises(StatementRefused) as error:
        compile_template(template)
    [problem] = error.value.problems
    return problem


@pytest.mark.parametrize(
    ("expression", "hint"),
    [
        ("nextval('s')", "row_number() OVER"),
        ("txid_current()", "now()"),
        ("dblink('x')", "materialized view"),
        ("query_to_xml('SELECT 1', true, true, '')", "as a subquery"),
        ("current_user", "the connection's user"),
        ("pg_sleep(1)", "Leave it out."),
        ("shop.seen(1)", 'add "shop.seen" to the connection\'s allowed_functions'),
        ("seen(1)", 'add "seen" to the connection\'s allowed_functions'),
        ("lowr('A')", 'Did you mean lower? If it belongs to your database and only reads, add "lowr"'),
    ],
)
def test_a_refused_function_has_a_hint(expression: str, hint: str) -> None:
    problem = refused(f"SELECT {expression}")
    assert problem.rule == "FUNCTION_NOT_ALLOWED"
    assert hint in problem.hint


@pytest.mark.parametrize("clause", ["FOR UPDATE", "FOR NO KEY UPDATE", "FOR SHARE", "FOR KEY SHARE OF t"])
def test_a_locking_clause_has_its_place(clause: str) -> None:
    problem = refused(f"SELECT substring(a FROM 1 FOR 3)\nFROM t {clause}")
    assert (problem.rule, problem.line, problem.column, problem.token) == ("LOCKING_CLAUSE", 2, 8, "FOR")
