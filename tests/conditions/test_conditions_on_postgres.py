"""Conditions through the real gateway on a real PostgreSQL: every raw outcome, and the documented example verbatim."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from directflow.conditions.v1 import condition_service_pb2 as conditions
from directflow.conditions.v1 import evaluation_service_pb2 as wire
from directflow.sql.v1 import sql_pb2
from directflow_runtime.errors import StatusCode
from directflow_runtime.remote import remote_error

from .both_services import both_services, customer_with, with_sql

SECONDS = 20.0
DOCUMENTED = (
    "SELECT CASE WHEN subscription_plan = 'premium' THEN true ELSE false END AS result "
    "FROM users WHERE id = '<%= profile_id %>' LIMIT 1"
)
SQL = {
    "premium": DOCUMENTED,
    "not_premium": DOCUMENTED.replace("THEN true ELSE false", "THEN false ELSE true"),
    "plain": "SELECT subscription_plan = 'premium' AS result FROM users WHERE id = '<%= profile_id %>'",
    "ratio": "SELECT 10 / credits > 1 AS result FROM users WHERE id = '<%= profile_id %>'",
    "orders": "SELECT total > 5 AS result FROM orders WHERE user_id = '<%= profile_id %>'",
    "plan_is": "SELECT subscription_plan = '<%= plan %>' AS result FROM users WHERE id = '<%= profile_id %>'",
    "monday": "SELECT extract(isodow FROM date '2024-01-01') = 1 AS result",
    "broken": "SELECT subscription_plam = 'premium' AS result FROM users WHERE id = '<%= profile_id %>'",
    "no_result": "SELECT true AS resutl FROM users WHERE id = '<%= profile_id %>'",
    "writes": "DELETE FROM users RETURNING true AS result",
}
EXPRESSIONS: dict[str, Any] = {
    "premium_not_broke": {"all_of": ["premium", {"negation": {"any_of": ["ratio", "orders"]}}]},
    "anything": {"any_of": ["premium", "plain", "ratio", "orders", "monday"]},
}
DATA = """
CREATE TABLE users (id bigint PRIMARY KEY, subscription_plan text, credits int);
INSERT INTO users VALUES (1, 'premium', 2), (2, 'free', 0), (3, NULL, NULL);
CREATE TABLE orders (user_id bigint, total int);
INSERT INTO orders VALUES (1, 10), (2, 1), (2, 20);
"""


@pytest.fixture(scope="module")
def customer(postgres: Any, postgres_database: str) -> dict[str, Any]:
    return customer_with(postgres, postgres_database, DATA)


@pytest.fixture
async def stub(customer: dict[str, Any], tmp_path: Path, log: Any) -> AsyncIterator[Any]:
    """EvaluationService in front of the real gateway."""
    expressions = [
        {"name": f"workspaces/acme/conditions/{name}", "expression": expression}
        for name, expression in EXPRESSIONS.items()
    ]
    statements = [with_sql(name, sql) for name, sql in SQL.items()]
    async with both_services(customer, tmp_path, [*statements, *expressions]) as one:
        yield one


@pytest.fixture
def evaluate(stub: Any) -> Callable[..., Any]:
    """`await evaluate("premium", 1)` through both services."""

    async def ask(condition: str, profile_id: object, **variables: sql_pb2.Value) -> wire.Evaluation:
        request = wire.EvaluateConditionRequest(
            condition=f"workspaces/acme/conditions/{condition}", profile_id=str(profile_id), variables=variables
        )
        evaluation: wire.Evaluation = (await stub.EvaluateCondition(request, timeout=SECONDS)).evaluation
        return evaluation

    return ask


@pytest.mark.parametrize(
    ("condition", "profile_id", "raw", "decided"),
    [
        ("premium", 1, "TRUE", "TRUE"),
        ("premium", 2, "FALSE", "FALSE"),
        ("premium", 3, "FALSE", "FALSE"),
        ("premium", 4, "NO_ROW", "FALSE"),
        ("plain", 3, "NULL", "FALSE"),
        ("orders", 1, "TRUE", "TRUE"),
        ("orders", 2, "MULTIPLE_ROWS", "ERROR"),
        ("orders", 3, "NO_ROW", "FALSE"),
        ("ratio", 1, "TRUE", "TRUE"),
        ("ratio", 2, "ERROR", "ERROR"),
        ("monday", "anybody", "TRUE", "TRUE"),
    ],
)
async def test_every_outcome_is_told_apart(
    evaluate: Callable[..., Any], condition: str, profile_id: object, raw: str, decided: str
) -> None:
    evaluation = await evaluate(condition, profile_id)
    assert wire.RawOutcome.Name(evaluation.raw) == f"RAW_OUTCOME_{raw}"
    assert conditions.Decision.Name(evaluation.decided) == f"DECISION_{decided}"


@pytest.mark.parametrize("profile_id", [1, 2, 3, 4])
async def test_nobody_is_premium_and_not_premium(evaluate: Callable[..., Any], profile_id: int) -> None:
    c, not_c = await evaluate("premium", profile_id), await evaluate("not_premium", profile_id)
    assert not (c.decided == not_c.decided == conditions.DECISION_TRUE)


async def test_a_data_error_is_this_profiles_outcome_with_its_reason(evaluate: Callable[..., Any]) -> None:
    error = (await evaluate("ratio", 2)).error
    assert (error.reason, error.sqlstate) == ("DATA_ERROR", "22012")


@pytest.mark.parametrize("profile_id", ["1' OR '1'='1", "1; DROP TABLE users", "-", "9999999999999999999"])
async def test_a_profile_id_that_is_none_is_an_outcome_and_never_sql(
    evaluate: Callable[..., Any], profile_id: str
) -> None:
    evaluation = await evaluate("premium", profile_id)
    assert evaluation.raw == wire.RAW_OUTCOME_ERROR
    assert evaluation.error.reason == "VARIABLE_REJECTED"
    assert profile_id not in evaluation.error.message


async def test_a_variable_of_the_caller_is_bound_beside_the_person(evaluate: Callable[..., Any]) -> None:
    yes = await evaluate("plan_is", 1, plan=sql_pb2.Value(text="premium"))
    no = await evaluate("plan_is", 1, plan=sql_pb2.Value(text="' OR true --"))
    null = await evaluate("plan_is", 1, plan=sql_pb2.Value(null=True))
    assert [evaluation.raw for evaluation in (yes, no, null)] == [
        wire.RAW_OUTCOME_TRUE,
        wire.RAW_OUTCOME_FALSE,
        wire.RAW_OUTCOME_NULL,
    ]


@pytest.mark.parametrize("condition", ["broken", "no_result", "writes"])
async def test_a_broken_definition_is_a_status_that_blames_the_definition(
    evaluate: Callable[..., Any], condition: str
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await evaluate(condition, 1)
    error = remote_error(caught.value)
    assert (error.code, error.reason) == (StatusCode.FAILED_PRECONDITION, "DEFINITION_BROKEN")
    assert error.problems


PEOPLE = [1, 2, 3, 4, "x", 2, 1]
VARIABLES = {"plan": sql_pb2.Value(text="premium")}


def variables_of(condition: str) -> dict[str, sql_pb2.Value]:
    return VARIABLES if condition == "plan_is" else {}


@pytest.mark.parametrize("condition", ["premium", "plain", "ratio", "orders", "plan_is", "monday", *EXPRESSIONS])
async def test_batch_and_stream_say_of_each_profile_what_the_single_call_says(
    stub: Any, evaluate: Callable[..., Any], condition: str
) -> None:
    given = variables_of(condition)
    single = [await evaluate(condition, person, **given) for person in PEOPLE]
    name = f"workspaces/acme/conditions/{condition}"
    people = wire.ProfileColumns(profile_ids=[str(person) for person in PEOPLE])
    request = wire.BatchEvaluateConditionsRequest(condition=name, profiles=people, variables=given)
    batch = (await stub.BatchEvaluateConditions(request, timeout=SECONDS)).evaluations
    start = wire.StreamEvaluationsRequest(start=wire.EvaluationStart(condition=name, variables=given))
    call = stub.StreamEvaluations(iter([start, wire.StreamEvaluationsRequest(profiles=people)]), timeout=SECONDS)
    streamed, _ = [message async for message in call]
    for many in (batch, streamed.evaluations):
        assert list(many.raw) == [one.raw for one in single]
        assert list(many.decided) == [one.decided for one in single]
        errors = {error.index: error.error for error in many.errors}
        assert errors == {index: one.error for index, one in enumerate(single) if one.HasField("error")}


async def test_concurrent_single_calls_say_what_each_says_alone(stub: Any, evaluate: Callable[..., Any]) -> None:
    plans = ["premium", "free", "' OR true --"]
    asked = [(person, plan) for person in (1, 2, 3, 4, "x") for plan in plans] * 4
    together = await asyncio.gather(
        *(evaluate("plan_is", person, plan=sql_pb2.Value(text=plan)) for person, plan in asked)
    )
    for (person, plan), evaluation in zip(asked, together, strict=True):
        assert evaluation == await evaluate("plan_is", person, plan=sql_pb2.Value(text=plan))
