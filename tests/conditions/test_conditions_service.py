"""EvaluationService over real gRPC: what the gateway is asked, and what the caller is told."""

import asyncio
import io
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import pytest
from directflow.conditions.v1 import condition_service_pb2 as conditions
from directflow.conditions.v1 import condition_service_pb2_grpc as condition_stubs
from directflow.conditions.v1 import evaluation_service_pb2 as wire
from directflow.conditions.v1 import evaluation_service_pb2_grpc as evaluation_stubs
from directflow.gateway.v1 import query_service_pb2 as gateway_wire
from directflow.sql.v1 import sql_pb2
from directflow_runtime.errors import DirectFlowError, Problem, StatusCode
from directflow_runtime.remote import RemoteError, remote_error

PREMIUM = "workspaces/acme/conditions/premium"
SECONDS = 5.0
Serve = Callable[..., Awaitable[Any]]
Ask = Callable[..., Awaitable[Any]]


def request(**changes: Any) -> wire.EvaluateConditionRequest:
    plan = {"plan": sql_pb2.Value(text="premium")}
    return wire.EvaluateConditionRequest(**{"condition": PREMIUM, "profile_id": "42", "variables": plan, **changes})


def answer(outcome: int, *errors: gateway_wire.TupleError) -> gateway_wire.EvaluateSetResponse:
    return gateway_wire.EvaluateSetResponse(outcomes=[outcome], errors=errors)


async def failure(call: Awaitable[Any]) -> RemoteError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return remote_error(caught.value)


async def test_the_gateway_is_asked_about_the_person_as_the_one_tuple(ask: Ask, gateway: Any) -> None:
    stub = await ask()
    response = await stub.EvaluateCondition(request(), timeout=SECONDS)
    assert response.evaluation == wire.Evaluation(raw=wire.RAW_OUTCOME_TRUE, decided=conditions.DECISION_TRUE)
    (asked,) = gateway.requests
    assert asked.statement == gateway_wire.Statement(
        connection="workspaces/acme/connections/main",
        template="SELECT plan = '<%= plan %>' AS result FROM users WHERE id = '<%= profile_id %>'",
        variables=[
            sql_pb2.Variable(name="plan", kind=sql_pb2.VARIABLE_KIND_TEXT),
            sql_pb2.Variable(name="profile_id", kind=sql_pb2.VARIABLE_KIND_TEXT),
        ],
        role=gateway_wire.STATEMENT_ROLE_CONDITION,
        definition=PREMIUM,
    )
    assert asked.constants == {"plan": sql_pb2.Value(text="premium")}
    assert asked.tuples == gateway_wire.Tuples(
        row_count=1, names=["profile_id"], columns=[sql_pb2.Column(texts=["42"])]
    )


@pytest.mark.parametrize(
    ("outcome", "raw", "decided"),
    [
        ("TRUE", "TRUE", "TRUE"),
        ("FALSE", "FALSE", "FALSE"),
        ("NULL", "NULL", "FALSE"),
        ("NO_ROW", "NO_ROW", "TRUE"),
        ("MULTIPLE_ROWS", "MULTIPLE_ROWS", "ERROR"),
    ],
)
async def test_every_outcome_arrives_raw_and_decided_by_the_conditions_policy(
    ask: Ask, gateway: Any, outcome: str, raw: str, decided: str
) -> None:
    stub = await ask(policy={"on_no_row": "TRUE"})
    gateway.reply = answer(gateway_wire.SetOutcome.Value(f"SET_OUTCOME_{outcome}"))
    evaluation = (await stub.EvaluateCondition(request(), timeout=SECONDS)).evaluation
    assert wire.RawOutcome.Name(evaluation.raw) == f"RAW_OUTCOME_{raw}"
    assert conditions.Decision.Name(evaluation.decided) == f"DECISION_{decided}"


async def test_decided_error_is_an_outcome_with_its_reason_and_an_ok_status(ask: Ask, gateway: Any) -> None:
    stub = await ask()
    error = gateway_wire.TupleError(reason="DATA_ERROR", message="stored data", sqlstate="22012")
    gateway.reply = answer(gateway_wire.SET_OUTCOME_ERROR, error)
    evaluation = (await stub.EvaluateCondition(request(), timeout=SECONDS)).evaluation
    assert evaluation == wire.Evaluation(
        raw=wire.RAW_OUTCOME_ERROR,
        decided=conditions.DECISION_ERROR,
        error=wire.EvaluationError(reason="DATA_ERROR", message="stored data", sqlstate="22012"),
    )


async def test_explain_adds_the_condition_itself_as_the_leaf(ask: Ask, gateway: Any) -> None:
    stub = await ask()
    evaluation = (await stub.EvaluateCondition(request(explain=True), timeout=SECONDS)).evaluation
    assert list(evaluation.leaves) == [
        wire.LeafEvaluation(condition=PREMIUM, raw=wire.RAW_OUTCOME_TRUE, decided=conditions.DECISION_TRUE)
    ]


async def test_kinds_lists_and_defaults_reach_the_gateway_as_the_author_wrote_them(ask: Ask, gateway: Any) -> None:
    stub = await ask(
        sql="SELECT level >= <%= least %> AND tag IN (<%= tags %>) AS result FROM users WHERE id = <%= profile_id %>",
        variables=[
            {"name": "profile_id", "kind": "integer"},
            {"name": "least", "kind": "integer", "default": 9007199254740993},
            {"name": "tags", "list": True, "optional": True},
        ],
    )
    tags = sql_pb2.Value(list=sql_pb2.ValueList(values=[sql_pb2.Value(text="a"), sql_pb2.Value(null=True)]))
    await stub.EvaluateCondition(request(variables={"tags": tags}), timeout=SECONDS)
    (asked,) = gateway.requests
    assert [(v.name, v.kind, v.list) for v in asked.statement.variables] == [
        ("least", sql_pb2.VARIABLE_KIND_INTEGER, False),
        ("tags", sql_pb2.VARIABLE_KIND_TEXT, True),
        ("profile_id", sql_pb2.VARIABLE_KIND_INTEGER, False),
    ]
    assert asked.constants == {"least": sql_pb2.Value(integer=9007199254740993), "tags": tags}


async def test_several_conditions_are_evaluated_in_the_order_of_the_request(serve: Serve, gateway: Any) -> None:
    def settings(name: str) -> dict[str, str]:
        sql = f"SELECT {name} AS result FROM users WHERE id = '<%= profile_id %>'"
        return {"name": f"workspaces/acme/conditions/{name}", "connection": "workspaces/acme/connections/c", "sql": sql}

    async def reply(asked: gateway_wire.EvaluateSetRequest) -> gateway_wire.EvaluateSetResponse:
        yes = asked.statement.definition.endswith("yes")
        return answer(gateway_wire.SET_OUTCOME_TRUE if yes else gateway_wire.SET_OUTCOME_FALSE)

    gateway.reply = reply
    channel = await serve(conditions=[settings("yes"), settings("no")])
    names = ["workspaces/acme/conditions/no", "workspaces/acme/conditions/yes"]
    response = await _evaluations(channel).EvaluateConditions(
        wire.EvaluateConditionsRequest(conditions=names, profile_id="42", explain=True), timeout=SECONDS
    )
    assert [evaluation.raw for evaluation in response.evaluations] == [wire.RAW_OUTCOME_FALSE, wire.RAW_OUTCOME_TRUE]
    assert [evaluation.leaves[0].condition for evaluation in response.evaluations] == names


async def test_conditions_of_two_workspaces_are_refused(ask: Ask) -> None:
    stub = await ask()
    names = [PREMIUM, "workspaces/other/conditions/premium"]
    error = await failure(
        stub.EvaluateConditions(wire.EvaluateConditionsRequest(conditions=names, profile_id="1"), timeout=SECONDS)
    )
    assert (error.code, error.reason) == (StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")


async def test_more_than_a_hundred_conditions_are_refused(ask: Ask, gateway: Any) -> None:
    stub = await ask()
    many = wire.EvaluateConditionsRequest(conditions=[PREMIUM] * 101, profile_id="1")
    error = await failure(stub.EvaluateConditions(many, timeout=SECONDS))
    assert (error.code, error.reason) == (StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert gateway.requests == []


NESTED = sql_pb2.Value(list=sql_pb2.ValueList(values=[sql_pb2.Value(list=sql_pb2.ValueList())]))


@pytest.mark.parametrize(
    ("changes", "code", "reason", "field"),
    [
        ({"condition": ""}, StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", "condition"),
        ({"condition": "premium"}, StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", "condition"),
        ({"profile_id": ""}, StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", "profile_id"),
        ({"profile_id": "a\0b"}, StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", "profile_id"),
        ({"condition": PREMIUM + "2"}, StatusCode.NOT_FOUND, "CONDITION_NOT_FOUND", "condition"),
        ({"variables": {}}, StatusCode.INVALID_ARGUMENT, "VARIABLE_MISSING", "variables.plan"),
        (
            {"variables": {"plan": sql_pb2.Value(text="x"), "extra": sql_pb2.Value(text="x")}},
            StatusCode.INVALID_ARGUMENT,
            "VARIABLE_UNKNOWN",
            "variables.extra",
        ),
        ({"variables": {"plan": NESTED}}, StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", "variables.plan"),
    ],
)
async def test_what_is_wrong_with_a_request_is_told_with_its_field_and_nothing_is_asked(
    ask: Ask, gateway: Any, changes: dict[str, Any], code: StatusCode, reason: str, field: str
) -> None:
    stub = await ask()
    error = await failure(stub.EvaluateCondition(request(**changes), timeout=SECONDS))
    assert (error.code, error.reason, error.domain) == (code, reason, "conditions.directflow")
    assert [violation.field for violation in error.violations] == [field]
    assert len(error.request_id) == 32
    assert gateway.requests == []


async def test_permission_comes_before_existence(serve: Serve) -> None:
    caller = {"name": "development", "services": ["directflow.conditions.v1."], "workspaces": ["acme"]}
    stub = _evaluations(await serve(identity={"allow_development": True, "callers": [caller]}))
    foreign = request(condition="workspaces/other/conditions/premium")
    error = await failure(stub.EvaluateCondition(foreign, timeout=SECONDS))
    assert (error.code, error.reason) == (StatusCode.PERMISSION_DENIED, "IDENTITY_NOT_ALLOWED")


async def test_a_broken_definition_is_no_fault_of_the_caller_and_says_where(ask: Ask, gateway: Any) -> None:
    stub = await ask()
    problem = Problem("COLUMN_NOT_FOUND", "there is no column plam", line=1, column=8, token="plam", hint="plan")
    gateway.reply = DirectFlowError(StatusCode.INVALID_ARGUMENT, "STATEMENT_REFUSED", "refused", problems=[problem])
    error = await failure(stub.EvaluateCondition(request(), timeout=SECONDS))
    assert (error.code, error.reason) == (StatusCode.FAILED_PRECONDITION, "DEFINITION_BROKEN")
    assert error.metadata["gateway_reason"] == "STATEMENT_REFUSED"
    assert list(error.problems) == [problem]


async def test_an_unreachable_database_is_unavailable_and_says_when_to_try_again(ask: Ask, gateway: Any) -> None:
    stub = await ask()
    gateway.reply = DirectFlowError(StatusCode.UNAVAILABLE, "DATABASE_UNREACHABLE", "away", retry_after=2.0)
    error = await failure(stub.EvaluateCondition(request(), timeout=SECONDS))
    assert (error.code, error.retry_after) == (StatusCode.UNAVAILABLE, 2.0)
    assert error.metadata["gateway_reason"] == "DATABASE_UNREACHABLE"


async def test_a_gateway_that_is_away_is_unavailable(serve: Serve) -> None:
    condition = {"name": PREMIUM, "connection": "workspaces/acme/connections/main", "sql": "SELECT true AS result"}
    stub = _evaluations(await serve(gateway={"target": "127.0.0.1:1"}, conditions=[condition]))
    error = await failure(stub.EvaluateCondition(request(variables={}), timeout=SECONDS))
    assert (error.code, error.reason) == (StatusCode.UNAVAILABLE, "GATEWAY_UNAVAILABLE")
    assert error.retry_after is not None


@pytest.mark.parametrize(
    "reply",
    [
        gateway_wire.EvaluateSetResponse(),
        answer(gateway_wire.SET_OUTCOME_UNSPECIFIED),
        answer(gateway_wire.SET_OUTCOME_ROW),
        answer(gateway_wire.SET_OUTCOME_ERROR),
        gateway_wire.EvaluateSetResponse(outcomes=[1, 1]),
    ],
)
async def test_an_answer_that_breaks_its_contract_is_internal_and_never_a_decision(
    ask: Ask, gateway: Any, reply: gateway_wire.EvaluateSetResponse
) -> None:
    stub = await ask()
    gateway.reply = reply
    error = await failure(stub.EvaluateCondition(request(), timeout=SECONDS))
    assert (error.code, error.reason) == (StatusCode.INTERNAL, "INTERNAL")


async def test_neither_log_nor_error_shows_a_person_or_a_value(ask: Ask, gateway: Any, log: io.StringIO) -> None:
    stub = await ask()
    secret = {"plan": sql_pb2.Value(text="4111-1111")}
    await stub.EvaluateCondition(request(profile_id="ada@example.com", variables=secret), timeout=SECONDS)
    gateway.reply = gateway_wire.EvaluateSetResponse()
    broken = request(profile_id="ada@example.com", variables=secret)
    error = await failure(stub.EvaluateCondition(broken, timeout=SECONDS))
    told = log.getvalue() + repr(error) + repr(error.metadata)
    assert PREMIUM in told
    assert "ada@example.com" not in told
    assert "4111-1111" not in told


async def test_a_call_without_a_deadline_is_refused(ask: Ask) -> None:
    stub = await ask()
    error = await failure(stub.EvaluateCondition(request()))
    assert (error.code, error.reason) == (StatusCode.INVALID_ARGUMENT, "DEADLINE_REQUIRED")


async def test_the_gateway_gets_no_more_time_than_the_caller_gave(ask: Ask, gateway: Any) -> None:
    stub = await ask()
    await stub.EvaluateCondition(request(), timeout=SECONDS)
    assert 0 < gateway.seconds[0] < SECONDS


async def test_a_caller_that_leaves_ends_the_question(ask: Ask, gateway: Any) -> None:
    asked = asyncio.Event()

    async def never(_: gateway_wire.EvaluateSetRequest) -> gateway_wire.EvaluateSetResponse:
        asked.set()
        await asyncio.sleep(60)
        raise AssertionError

    gateway.reply = never
    stub = await ask()
    call = stub.EvaluateCondition(request(), timeout=SECONDS)
    waiting = asyncio.ensure_future(call)
    async with asyncio.timeout(SECONDS):
        await asked.wait()
        call.cancel()
        await gateway.cancelled.wait()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_without_a_store_conditions_are_read_and_not_changed(serve: Serve) -> None:
    definition = {"name": PREMIUM, "engagement": {"bucket": {"salt": "x", "last": 4999}}}
    condition: Any = condition_stubs.ConditionServiceStub(await serve(conditions=[definition]))
    read = await condition.GetCondition(conditions.GetConditionRequest(name=PREMIUM), timeout=SECONDS)
    assert (read.name, read.engagement.bucket.last, read.revision) == (PREMIUM, 4999, 0)
    request = conditions.CreateConditionRequest(
        parent="workspaces/acme", condition_id="other", condition=conditions.Condition(engagement=read.engagement)
    )
    error = await failure(condition.CreateCondition(request, timeout=SECONDS))
    assert (error.code, error.reason) == (StatusCode.UNIMPLEMENTED, "UNIMPLEMENTED")
    fixed = conditions.UpdateConditionRequest(condition=read)
    assert (await failure(condition.UpdateCondition(fixed, timeout=SECONDS))).reason == "DEFINITION_BROKEN"


def _evaluations(channel: Any) -> Any:
    return evaluation_stubs.EvaluationServiceStub(channel)
