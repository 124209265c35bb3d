"""Requests keep their own annotations, shown on the real contract; every violation comes at once, in one error."""

import time
from typing import Any

import grpc
import pytest
from directflow.conditions.v1 import evaluation_service_pb2 as evaluations
from directflow.gateway.v1 import connection_service_pb2 as connections
from directflow.gateway.v1 import query_service_pb2 as queries
from directflow.sql.v1 import sql_pb2
from directflow_runtime.errors import DirectFlowError, FieldViolation, StatusCode
from directflow_runtime.remote import remote_error
from directflow_runtime.validation import MAX_VIOLATIONS, Validator
from google.protobuf.message import Message
from google.protobuf.wrappers_pb2 import StringValue


def statement(**changes: Any) -> queries.Statement:
    sound = {"connection": "workspaces/acme/connections/main", "template": "SELECT 1", "role": "STATEMENT_ROLE_AD_HOC"}
    return queries.Statement(**{**sound, **changes})


def found(request: Message) -> list[tuple[str, str]]:
    return [(violation.field, violation.reason) for violation in Validator().violations(request)]


def test_a_sound_request_has_no_violation() -> None:
    values = {"community_id": sql_pb2.Value(integer=0)}
    assert found(queries.StreamQueryRequest(statement=statement(), values=values)) == []


def test_everything_required_that_is_missing_is_reported_at_once() -> None:
    assert found(queries.StreamQueryRequest(statement=queries.Statement())) == [
        ("statement.connection", "REQUIRED"),
        ("statement.template", "REQUIRED"),
        ("statement.role", "REQUIRED"),
    ]
    assert found(queries.StreamQueryRequest()) == [("statement", "REQUIRED")]


def test_a_required_count_of_zero_counts_as_missing() -> None:
    tuples = queries.Tuples(names=["a"], columns=[sql_pb2.Column(texts=["x"])])
    assert found(queries.EvaluateSetRequest(statement=statement(), tuples=tuples)) == [("tuples.row_count", "REQUIRED")]


def test_an_enum_number_that_the_api_does_not_have_is_refused() -> None:
    request = queries.StreamQueryRequest(statement=statement(), encoding=77)  # type: ignore[arg-type]
    assert found(request) == [("encoding", "UNKNOWN_ENUM_VALUE")]
    optional = queries.StreamQueryRequest(statement=statement(), encoding=queries.ENCODING_UNSPECIFIED)
    assert found(optional) == []


def test_a_nul_character_is_found_wherever_a_text_stands() -> None:
    nested = sql_pb2.Value(list=sql_pb2.ValueList(values=[sql_pb2.Value(text="a"), sql_pb2.Value(text="b\0")]))
    request = queries.StreamQueryRequest(
        statement=statement(template="SELECT \0", allowed_functions=["a", "b\0", "c"]),
        values={"one": sql_pb2.Value(text="\0"), "two": nested, "th\0ree": sql_pb2.Value(text="fine")},
    )
    assert sorted(found(request)) == [
        ("statement.allowed_functions[1]", "NUL_BYTE"),
        ("statement.template", "NUL_BYTE"),
        ("values.one.text", "NUL_BYTE"),
        ("values.th?ree", "NUL_BYTE"),
        ("values.two.list.values[1].text", "NUL_BYTE"),
    ]


@pytest.mark.parametrize(
    "name",
    [
        "workspaces/acme",
        "workspaces/acme/connections",
        "workspaces/acme/connections/main/",
        "workspaces/acme/connections/a b",
        "workspaces/../connections/main",
        "workspaces/acme/dataSources/main",
        "workspaces/acme/connections/" + "x" * 64,
        "main",
    ],
)
def test_a_resource_name_has_the_form_that_the_api_declares(name: str) -> None:
    request = connections.GetConnectionRequest(name=name)
    assert found(request) == [("name", "RESOURCE_NAME")]
    assert found(connections.GetConnectionRequest(name="workspaces/acme/connections/main_2-b")) == []


def test_a_parent_has_the_form_of_the_childs_parent() -> None:
    assert found(connections.ListConnectionsRequest(parent="workspaces/acme")) == []
    wrong = connections.ListConnectionsRequest(parent="workspaces/acme/connections/main")
    assert found(wrong) == [("parent", "RESOURCE_NAME")]


def test_a_name_of_a_type_that_is_declared_elsewhere_has_the_general_form() -> None:
    assert found(queries.DescribeQueryRequest(statement=statement(connection="workspaces/a b"))) == [
        ("statement.connection", "RESOURCE_NAME")
    ]


def test_every_name_of_a_list_is_checked() -> None:
    request = evaluations.EvaluateConditionsRequest()
    field = next(item for item in request.DESCRIPTOR.fields if item.is_repeated and item.type == item.TYPE_STRING)
    getattr(request, field.name).extend(["workspaces/acme/conditions/a", "nonsense"])
    assert (f"{field.name}[1]", "RESOURCE_NAME") in found(request)


def test_output_only_fields_are_ignored_on_input() -> None:
    report = sql_pb2.ValidationReport(problems=[sql_pb2.Problem(message="\0")])
    connection = connections.Connection(validation_report=report, credential_binding=77)  # type: ignore[arg-type]
    assert [field for field, _ in found(connection) if field.startswith(("validation_report", "credential"))] == []


def test_a_request_full_of_violations_costs_no_more_than_a_hundred() -> None:
    request = queries.StreamQueryRequest(statement=statement(allowed_functions=["\0"] * 10_000))
    assert len(Validator().violations(request)) == MAX_VIOLATIONS


def test_the_error_names_the_first_field_and_carries_all() -> None:
    with pytest.raises(DirectFlowError) as caught:
        Validator().check(queries.StreamQueryRequest(statement=queries.Statement()))
    error = caught.value
    assert (error.code, error.reason) == (StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert str(error) == "statement.connection: must be set, and 2 more"
    assert len(error.violations) == 3


def test_a_message_type_is_planned_once() -> None:
    validator = Validator()
    request = queries.StreamQueryRequest(statement=statement())
    validator.violations(request)
    planned = dict(validator._plans)
    validator.violations(request)
    assert validator._plans.keys() == planned.keys()
    assert all(validator._plans[name] is plan for name, plan in planned.items())


def test_deep_nesting_is_refused_by_the_parser_and_survived_by_the_validator() -> None:
    value = sql_pb2.Value(text="\0")
    for _ in range(40):
        value = sql_pb2.Value(list=sql_pb2.ValueList(values=[value]))
    started = time.monotonic()
    assert [reason for _, reason in found(value)] == ["NUL_BYTE"]
    assert time.monotonic() - started < 5


async def test_a_request_that_does_not_parse_has_a_reason(world: Any) -> None:
    async def handler(request: Any, context: Any) -> StringValue:
        raise AssertionError("must not be reached")

    served = await world(handler)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await served.channel.unary_unary("/directflow.test.v1.TestService/Do")(b"\xff\xff\xff", timeout=5)
    error = remote_error(caught.value)
    assert (error.code, error.reason) == (StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")


async def test_a_broken_message_in_the_middle_of_a_request_stream_ends_the_call(world: Any) -> None:
    seen: list[str] = []

    async def handler(requests: Any, context: Any) -> StringValue:
        async for request in requests:
            seen.append(request.value)
        return StringValue()

    async def broken() -> Any:
        yield StringValue(value="sound").SerializeToString()
        yield b"\xff\xff\xff"

    served = await world(handler, "stream_unary")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await served.channel.stream_unary("/directflow.test.v1.TestService/Do")(broken(), timeout=5)
    assert remote_error(caught.value).reason == "INVALID_REQUEST"
    assert seen == ["sound"]


async def test_violations_reach_the_caller_with_their_fields(world: Any) -> None:
    async def handler(request: Any, context: Any) -> StringValue:
        raise AssertionError("must not be reached")

    served = await world(handler, request=queries.DescribeQueryRequest)
    raw = queries.DescribeQueryRequest(statement=statement(template="")).SerializeToString()
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await served.channel.unary_unary("/directflow.test.v1.TestService/Do")(raw, timeout=5)
    expected = FieldViolation("statement.template", "must be set", "REQUIRED")
    assert remote_error(caught.value).violations == (expected,)
