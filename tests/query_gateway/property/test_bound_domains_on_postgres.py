"""Domains in literals: the one place where a bound run may answer earlier than the literal one.

A parameter is checked against its domain when it is bound, a constant when a row needs it, and only the planner knows
whether one does. Rows are the same; an error of the value may come although no row asked for it.
"""

import pytest
from directflow_gateway.sql import compile_template


@pytest.fixture(scope="module", autouse=True)
def domain(runner) -> None:
    runner.script("CREATE DOMAIN mail AS text CHECK (VALUE LIKE '%@%'); CREATE DOMAIN tags AS text[]")


@pytest.mark.parametrize(
    "template", ["SELECT mail '<%= x %>'", "SELECT '<%= x %>'::mail", "SELECT CAST(<%= x %> AS mail)"]
)
def test_a_value_of_a_domain_is_bound(runner, template: str) -> None:
    compiled = compile_template(template)
    assert runner.run_bound(compiled, {"x": "o'hara@example.org"}).rows == {(b"o'hara@example.org",): 1}
    assert runner.run_bound(compiled, {"x": "nobody"}).sqlstate == "23514"
    assert runner.run_bound(compiled, {"x": None}).rows == {(None,): 1}


def test_a_domain_s_check_comes_before_the_first_row(runner) -> None:
    compiled = compile_template("SELECT 1 WHERE false AND mail '<%= x %>' = 'a@b'")
    assert runner.run_literal("SELECT 1 WHERE false AND mail 'nobody' = 'a@b'").rows == {}
    assert runner.run_bound(compiled, {"x": "nobody"}).sqlstate == "23514"


def test_a_domain_over_an_array_is_quoted_as_its_base_type(runner) -> None:
    compiled = compile_template("SELECT (tags '{<%= x %>,b}')[1]")
    assert runner.run_bound(compiled, {"x": 'a,"\\'}).rows == {(b'a,"\\',): 1}
