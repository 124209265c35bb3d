"""Which form a statement is said to have: the one that holds whatever differs from person to person."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from directflow_cli.dev.postgres import PostgresServer
from directflow_gateway.queries.engine import QueryEngine
from directflow_gateway.queries.sets.costs import Form
from directflow_gateway.queries.sets.plan import SetPlan
from directflow_gateway.queries.statement import Statement, StatementRole

Plan = Callable[[str], Awaitable[SetPlan]]


@pytest.fixture(scope="module")
def lines(postgres: PostgresServer, customer: str) -> str:
    postgres.psql(
        "CREATE TABLE lines (person int, payload text, n int);"
        "CREATE VIEW chosen AS SELECT person, n FROM lines WHERE n > 0;"
        "CREATE VIEW numbers AS SELECT person, payload::int AS n FROM lines;"
        "CREATE VIEW numbers_of_chosen AS SELECT q.person, q.n FROM numbers q JOIN chosen USING (person);"
        "CREATE VIEW totals AS SELECT person, sum(n) AS n FROM lines GROUP BY person;"
        "GRANT SELECT ON lines, chosen, numbers, numbers_of_chosen, totals TO PUBLIC",
        database=customer,
    )
    return customer


@pytest.fixture
def plan(lines: str, engine: QueryEngine, statement: Callable[..., Statement]) -> Plan:
    async def described(template: str) -> SetPlan:
        async with engine.session(statement(template, role=StatementRole.CONDITION)) as session:
            assert session.prepared.sets is not None
            return session.prepared.sets

    return described


def exists(where: str) -> str:
    return f"SELECT EXISTS (SELECT 1 FROM {where}) AS result"


@pytest.mark.parametrize(
    ("where", "form"),
    [
        ("lines WHERE person = '<%= id %>'", Form.SEMI_JOIN),
        ("lines WHERE person = '<%= id %>' AND payload::int > 3", Form.SEMI_JOIN),
        ("lines WHERE person = '<%= id %>' AND payload::int > '<%= n %>'", Form.LATERAL),
        ("chosen WHERE person = '<%= id %>' AND n > '<%= n %>'", Form.SEMI_JOIN),
        ("numbers WHERE person = '<%= id %>'", Form.SEMI_JOIN),
        ("numbers WHERE person = '<%= id %>' AND n > '<%= n %>'", Form.LATERAL),
        ("numbers_of_chosen WHERE person = '<%= id %>' AND n > '<%= n %>'", Form.LATERAL),
        ("totals WHERE person = '<%= id %>' AND n > '<%= n %>'", Form.SEMI_JOIN),
    ],
)
async def test_the_form_if_all_variables_differ(plan: Plan, where: str, form: Form) -> None:
    assert (await plan(exists(where))).form is form


@pytest.mark.parametrize(("differing", "form"), [([1], Form.SEMI_JOIN), ([2], Form.LATERAL), ([1, 2], Form.LATERAL)])
async def test_a_value_that_is_the_same_for_all_stands_in_no_joins_way(
    plan: Plan, differing: Sequence[int], form: Form
) -> None:
    told: Any = await plan(exists("lines WHERE person = '<%= id %>' AND payload::int > '<%= n %>'"))
    assert told.costs(frozenset(differing)).preferred is form
