"""BatchEvaluateConditions over real gRPC: columns in, columns out."""

from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import pytest
from directflow.conditions.v1 import condition_service_pb2 as conditions
from directflow.conditions.v1 import evaluation_service_pb2 as wire
from directflow.conditions.v1 import evaluation_service_pb2_grpc as stubs
from directflow.gateway.v1 import query_service_pb2 as gateway_wire
from directflow.sql.v1 import sql_pb2
from directflow_runtime.errors import DirectFlowError, StatusCode
from directflow_runtime.remote import RemoteError, remote_error

PREMIUM = "workspaces/acme/conditions/premium"
SECONDS = 10.0
Ask = Callable[..., Awaitable[Any]]
TRUE, FALSE, NULL, NO_ROW, SEVERAL, ERROR = range(1, 7)
YES, NO, UNDECIDED = conditions.DECISION_TRUE, conditions.DECISION_FALSE, conditions.DECISION_ERROR


def batch(*ids: str, variables: dict[str, sql_pb2.Value] | None = None, **columns: Any) -> Any:
    profiles = wire.ProfileColumns(
        profile_ids=ids, variable_names=list(columns), variable_columns=list(columns.values())
    )
    return wire.BatchEvaluateConditionsRequest(condition=PREMIUM, profiles=profiles, variables=variables or {})


def plan(text: str) -> dict[str, sql_pb2.Value]:
    return {"plan": sql_pb2.Value(text=text)}


def texts(*cells: str) -> sql_pb2.Column:
    return sql_pb2.Column(texts=cells)


async def failure(call: Awaitable[Any]) -> RemoteError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return remote_error(caught.value)


async def test_every_outcome_comes_in_the_requests_order_raw_and_decided_with_sparse_errors(
    ask: Ask, gateway: Any
) -> None:
    stub = await ask(policy={"on_no_row": "TRUE"})
    error = gateway_wire.TupleError(index=5, reason="DATA_ERROR", message="stored data", sqlstate="22012")
    gateway.reply = gateway_wire.EvaluateSetResponse(
        outcomes=[TRUE, FALSE, NULL, NO_ROW, SEVERAL, ERROR, TRUE], errors=[error]
    )
    response = await stub.BatchEvaluateConditions(batch(*"abcdefg", variables=plan("x")), timeout=SECONDS)
    assert list(response.evaluations.raw) == [TRUE, FALSE, NULL, NO_ROW, SEVERAL, ERROR, TRUE]
    assert list(response.evaluations.decided) == [YES, NO, NO, YES, UNDECIDED, UNDECIDED, YES]
    told = wire.EvaluationError(reason="DATA_ERROR", message="stored data", sqlstate="22012")
    assert list(response.evaluations.errors) == [wire.IndexedError(index=5, error=told)]


async def test_the_gateway_gets_one_request_with_the_callers_columns_as_they_are(ask: Ask, gateway: Any) -> None:
    stub = await ask(
        sql="SELECT plan = <%= plan %> AND level > <%= level %> AND <%= floor %> < 1 AS result FROM users "
        "WHERE id = <%= profile_id %>",
        variables=[{"name": "level", "kind": "integer"}, {"name": "floor", "kind": "integer", "default": 0}],
    )
    gateway.reply = gateway_wire.EvaluateSetResponse(outcomes=[TRUE, TRUE, FALSE])
    levels = sql_pb2.Column(validity=b"\x05", integers=[7, 0, 9007199254740993])
    await stub.BatchEvaluateConditions(batch("1", "2", "2", variables=plan("x"), level=levels), timeout=SECONDS)
    (asked,) = gateway.requests
    assert asked.constants == {"plan": sql_pb2.Value(text="x"), "floor": sql_pb2.Value(integer=0)}
    assert asked.tuples == gateway_wire.Tuples(
        row_count=3, names=["profile_id", "level"], columns=[texts("1", "2", "2"), levels]
    )


async def test_ten_thousand_profiles_are_one_request(ask: Ask, gateway: Any) -> None:
    stub = await ask()
    gateway.reply = gateway_wire.EvaluateSetResponse(outcomes=[TRUE, FALSE] * 5_000)
    many = batch(*(str(number) for number in range(10_000)), variables=plan("x"))
    response = await stub.BatchEvaluateConditions(many, timeout=SECONDS)
    assert list(response.evaluations.decided) == [YES, NO] * 5_000
    assert len(gateway.requests) == 1


BROKEN = {
    "nobody": (batch(variables=plan("x")), ["profiles.profile_ids"]),
    "too many": (batch(*["1"] * 10_001, variables=plan("x")), ["profiles.profile_ids"]),
    "nobody's id": (batch("1", "", variables=plan("x")), ["profiles.profile_ids[1]"]),
    "ragged": (
        batch("1", "2", plan=texts("a"), other=texts("a", "b", "c")),
        ["profiles.variable_columns[0]", "profiles.variable_columns[1]"],
    ),
    "no cells": (batch("1", plan=sql_pb2.Column()), ["profiles.variable_columns[0]"]),
    "two kinds": (batch("1", plan=sql_pb2.Column(texts=["a"], integers=[1])), ["profiles.variable_columns[0]"]),
    "validity": (
        batch("1", "2", plan=sql_pb2.Column(texts=["a", "b"], validity=b"\1\1")),
        ["profiles.variable_columns[0]"],
    ),
    "no time": (
        batch("1", "2", plan=sql_pb2.Column(timestamps=[2**63 - 1, 2**62])),
        ["profiles.variable_columns[0]"],
    ),
    "both ways": (batch("1", variables=plan("x"), plan=texts("a")), ["profiles.variable_names[0]"]),
    "somebody else": (
        batch("1", variables=plan("x"), profile_id=texts("2")),
        ["profiles.variable_names[0]"],
    ),
    "twice": (
        wire.BatchEvaluateConditionsRequest(
            condition=PREMIUM,
            profiles=wire.ProfileColumns(
                profile_ids=["1"], variable_names=["plan", "plan"], variable_columns=[texts("a"), texts("b")]
            ),
        ),
        ["profiles.variable_names[1]"],
    ),
    "a column without a name": (
        wire.BatchEvaluateConditionsRequest(
            condition=PREMIUM,
            profiles=wire.ProfileColumns(profile_ids=["1"], variable_columns=[texts("a")]),
            variables=plan("x"),
        ),
        ["profiles.variable_columns"],
    ),
    "anchors": (
        wire.BatchEvaluateConditionsRequest(
            condition=PREMIUM,
            profiles=wire.ProfileColumns(profile_ids=["1", "2", "3"], anchors=[{}, {}]),
            variables=plan("x"),
        ),
        ["profiles.anchors"],
    ),
}


@pytest.mark.parametrize("case", BROKEN)
async def test_profiles_that_cannot_be_meant_are_refused_with_every_field_named(
    ask: Ask, gateway: Any, case: str
) -> None:
    request, fields = BROKEN[case]
    stub = await ask()
    error = await failure(stub.BatchEvaluateConditions(request, timeout=SECONDS))
    assert (error.code, error.reason) == (StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert [violation.field for violation in error.violations] == fields
    assert gateway.requests == []


async def test_more_than_ten_thousand_is_out_of_range(ask: Ask) -> None:
    stub = await ask()
    error = await failure(stub.BatchEvaluateConditions(BROKEN["too many"][0], timeout=SECONDS))
    assert [violation.reason for violation in error.violations] == ["OUT_OF_RANGE"]


async def test_a_variable_that_neither_way_brings_is_missing_and_an_unknown_one_is_named(
    ask: Ask, gateway: Any
) -> None:
    stub = await ask()
    error = await failure(stub.BatchEvaluateConditions(batch("1", plam=texts("a")), timeout=SECONDS))
    assert (error.code, error.reason) == (StatusCode.INVALID_ARGUMENT, "VARIABLE_MISSING")
    assert [(violation.field, violation.reason) for violation in error.violations] == [
        ("variables.plan", "VARIABLE_MISSING"),
        ("variables.plam", "VARIABLE_UNKNOWN"),
    ]
    assert gateway.requests == []


@pytest.mark.parametrize(
    "reply",
    [
        gateway_wire.EvaluateSetResponse(outcomes=[TRUE]),
        gateway_wire.EvaluateSetResponse(outcomes=[TRUE, 0]),
        gateway_wire.EvaluateSetResponse(outcomes=[TRUE, 7]),
        gateway_wire.EvaluateSetResponse(outcomes=[TRUE, 999]),
        gateway_wire.EvaluateSetResponse(outcomes=[TRUE, ERROR]),
        gateway_wire.EvaluateSetResponse(outcomes=[TRUE, ERROR], errors=[gateway_wire.TupleError(index=0)]),
        gateway_wire.EvaluateSetResponse(outcomes=[TRUE, TRUE], errors=[gateway_wire.TupleError(index=7)]),
    ],
)
async def test_an_answer_that_breaks_its_contract_is_internal_and_never_a_decision(
    ask: Ask, gateway: Any, reply: gateway_wire.EvaluateSetResponse
) -> None:
    stub = await ask()
    gateway.reply = reply
    error = await failure(stub.BatchEvaluateConditions(batch("1", "2", variables=plan("x")), timeout=SECONDS))
    assert (error.code, error.reason) == (StatusCode.INTERNAL, "INTERNAL")


async def test_what_is_wrong_with_the_database_is_the_status_of_the_batch(ask: Ask, gateway: Any) -> None:
    stub = await ask()
    gateway.reply = DirectFlowError(StatusCode.UNAVAILABLE, "DATABASE_UNREACHABLE", "away", retry_after=2.0)
    error = await failure(stub.BatchEvaluateConditions(batch("1", variables=plan("x")), timeout=SECONDS))
    assert (error.code, error.retry_after) == (StatusCode.UNAVAILABLE, 2.0)


async def test_a_workspace_that_the_caller_may_not_use_is_refused_before_anything_is_looked_up(serve: Any) -> None:
    caller = {"name": "development", "services": ["directflow.conditions.v1."], "workspaces": ["other"]}
    stub: Any = stubs.EvaluationServiceStub(await serve(identity={"allow_development": True, "callers": [caller]}))
    error = await failure(stub.BatchEvaluateConditions(batch("1"), timeout=SECONDS))
    assert (error.code, error.reason) == (StatusCode.PERMISSION_DENIED, "IDENTITY_NOT_ALLOWED")
