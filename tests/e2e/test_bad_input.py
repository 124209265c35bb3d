"""Whatever a caller sends: a typed error with a reason, with a position where there is one, and nobody else notices."""

import asyncio
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from directflow.conditions.v1 import evaluation_service_pb2 as conditions_wire
from directflow.gateway.v1 import query_service_pb2 as gateway_wire
from directflow.segments.v1 import audience_service_pb2 as segments_wire
from directflow.sql.v1 import sql_pb2
from directflow_runtime.errors import StatusCode
from directflow_runtime.remote import remote_error

COMMUNITIES = "workspaces/demo/dataSources/communities"
INVALID, MISSING, BROKEN = StatusCode.INVALID_ARGUMENT, StatusCode.NOT_FOUND, StatusCode.FAILED_PRECONDITION
SEVENTH_COLUMN = "SELECT id FROM users\nWHERE id = 7 AND emial IS NULL"


@pytest.mark.parametrize(
    ("sql", "values", "expected", "at"),
    [
        pytest.param("SELECT '<%= x FROM users", {}, (INVALID, "STATEMENT_REFUSED"), (1, 8), id="tag without an end"),
        pytest.param("SELECT '<%= a b %>' AS x", {}, (INVALID, "STATEMENT_REFUSED"), (1, 9), id="tag with no name"),
        pytest.param(
            "SELECT id FROM <%= t %>", {"t": "users"}, (INVALID, "STATEMENT_REFUSED"), (1, 16), id="identifier"
        ),
        pytest.param("SELECT 1 AS a; SELECT 2", {}, (INVALID, "STATEMENT_REFUSED"), (1, 16), id="two statements"),
        pytest.param("SELECT id FROM\n users WHERE", {}, (INVALID, "STATEMENT_REFUSED"), (2, None), id="syntax"),
        pytest.param("DELETE FROM users", {}, (INVALID, "STATEMENT_REFUSED"), (1, 1), id="a write"),
        pytest.param(SEVENTH_COLUMN, {}, (BROKEN, "DEFINITION_BROKEN"), (2, 18), id="unknown column"),
        pytest.param("SELECT id FROM user_s", {}, (BROKEN, "DEFINITION_BROKEN"), (1, 16), id="unknown table"),
    ],
)
async def test_sql_that_is_wrong_is_told_with_its_place(
    platform: Any, client: Any, sql: str, values: dict[str, Any], expected: tuple[StatusCode, str], at: tuple[int, int]
) -> None:
    request = platform.stream_request(sql, values=values)

    error = await platform.failure(client.gateway.StreamQuery(request, timeout=20))

    assert (error.code, error.reason) == expected
    assert error.domain == "gateway.directflow"
    problem = error.problems[0]
    assert problem.rule
    assert problem.line == at[0]
    assert problem.column == at[1] if at[1] else problem.column > 0


@pytest.mark.parametrize(
    ("sql", "values"),
    [
        pytest.param("SELECT id FROM users WHERE id = <%= id %>", {}, id="missing variable"),
        pytest.param("SELECT id FROM users WHERE id = '<%= id %>'", {"id": "seven"}, id="text for a bigint"),
        pytest.param("SELECT id FROM users WHERE id = <%= id %>", {"id": [1, 2]}, id="a list where one is wanted"),
        pytest.param("SELECT id FROM users WHERE first_name = '<%= n %>'", {"n": "a\x00b"}, id="NUL in a value"),
    ],
)
async def test_a_value_that_is_wrong_names_its_variable(
    platform: Any, client: Any, sql: str, values: dict[str, Any]
) -> None:
    request = platform.stream_request(sql, values=values)

    error = await platform.failure(client.gateway.StreamQuery(request, timeout=20))

    assert (error.code, error.domain) == (INVALID, "gateway.directflow")
    assert error.reason in ("VARIABLE_REJECTED", "INVALID_REQUEST")
    named = [violation.field for violation in error.violations] + list(error.metadata.values())
    assert any("id" in one or "n" in one.split(".") for one in named), "which variable it was is not told"


async def test_a_nul_byte_in_sql_is_refused_by_name(platform: Any, client: Any) -> None:
    request = platform.stream_request("SELECT id FROM users -- \x00")

    error = await platform.failure(client.gateway.StreamQuery(request, timeout=20))

    assert (error.code, error.reason) == (INVALID, "INVALID_REQUEST")
    assert [violation.field for violation in error.violations] == ["statement.template"]


async def test_a_megabyte_of_sql_is_refused_at_once_and_counted_in_words(platform: Any, client: Any) -> None:
    sql = "SELECT id FROM users WHERE id IN (" + "1, " * 350_000 + "1)"
    assert len(sql) > 1024 * 1024

    error = await platform.failure(client.gateway.StreamQuery(platform.stream_request(sql), timeout=20))

    assert error.code is INVALID
    assert error.reason in ("STATEMENT_REFUSED", "INVALID_REQUEST")
    assert len(str(error)) < 1_000, "the error repeats what it complains of"


Call = tuple[str, Any, tuple[StatusCode, str]]


def stream_of_seventh(**fields: Any) -> segments_wire.StreamAudienceRequest:
    """A right target; the fields are what may be wrong."""
    target = segments_wire.Target(data_source=COMMUNITIES, segment_key="7")
    return segments_wire.StreamAudienceRequest(target=target, **fields)


def stream_at(**target: Any) -> segments_wire.StreamAudienceRequest:
    return segments_wire.StreamAudienceRequest(target=segments_wire.Target(**target))


WRONG_TARGETS: dict[str, Call] = {
    "unknown data source": (
        "StreamAudience",
        stream_at(data_source="workspaces/demo/dataSources/nowhere"),
        (MISSING, "DATA_SOURCE_NOT_FOUND"),
    ),
    "unknown segment": (
        "StreamAudience",
        stream_at(data_source=COMMUNITIES, segment_key="999999"),
        (MISSING, "SEGMENT_NOT_FOUND"),
    ),
    "no resource name": ("StreamAudience", stream_at(data_source="nowhere"), (INVALID, "INVALID_REQUEST")),
    "unknown variable": (
        "StreamAudience",
        stream_at(data_source=COMMUNITIES, segment_key="7", variables={"other": sql_pb2.Value(text="x")}),
        (INVALID, "VARIABLE_UNKNOWN"),
    ),
    "no segment": ("StreamAudience", stream_at(data_source=COMMUNITIES), (INVALID, "VARIABLE_MISSING")),
}
WRONG_STREAM_FIELDS: dict[str, Call] = {
    "unknown enum": ("StreamAudience", stream_of_seventh(order=99), (INVALID, "INVALID_REQUEST")),
    "resume token": (
        "StreamAudience",
        stream_of_seventh(order=segments_wire.AUDIENCE_ORDER_KEY, resume_token=b"\xffgarbage"),
        (INVALID, "RESUME_TOKEN_INVALID"),
    ),
}
WRONG_UNARY_CALLS: dict[str, Call] = {
    "page token": (
        "ListSegments",
        segments_wire.ListSegmentsRequest(data_source=COMMUNITIES, page_token="garbage"),
        (INVALID, "PAGE_TOKEN_INVALID"),
    ),
    "page size": (
        "ListSegments",
        segments_wire.ListSegmentsRequest(data_source=COMMUNITIES, page_size=-1),
        (INVALID, "INVALID_REQUEST"),
    ),
    "no profile id": (
        "GetPersonalization",
        segments_wire.GetPersonalizationRequest(data_source=COMMUNITIES),
        (INVALID, "INVALID_REQUEST"),
    ),
}
SEGMENTS_CALLS = WRONG_TARGETS | WRONG_STREAM_FIELDS | WRONG_UNARY_CALLS


@pytest.mark.parametrize(("method", "request_message", "expected"), SEGMENTS_CALLS.values(), ids=SEGMENTS_CALLS)
async def test_a_request_to_segments_that_is_wrong_has_a_reason(
    platform: Any, client: Any, method: str, request_message: Any, expected: tuple[StatusCode, str]
) -> None:
    error = await platform.failure(getattr(client.segments, method)(request_message, timeout=20))

    assert (error.code, error.reason, error.domain) == (*expected, "segments.directflow")
    assert error.request_id


async def test_an_unknown_connection_and_an_unknown_condition_are_not_found(platform: Any, client: Any) -> None:
    elsewhere = platform.stream_request("SELECT 1 AS a", statement={"connection": "workspaces/demo/connections/no"})
    error = await platform.failure(client.gateway.StreamQuery(elsewhere, timeout=20))
    assert (error.code, error.reason, error.domain) == (MISSING, "CONNECTION_NOT_FOUND", "gateway.directflow")

    request = conditions_wire.EvaluateConditionRequest(condition="workspaces/demo/conditions/no", profile_id="1")
    error = await platform.failure(client.conditions.EvaluateCondition(request, timeout=20))
    assert (error.code, error.reason, error.domain) == (MISSING, "CONDITION_NOT_FOUND", "conditions.directflow")


@pytest.mark.parametrize("service", ["gateway", "segments", "conditions"])
async def test_a_call_without_a_deadline_is_refused(platform: Any, client: Any, service: str) -> None:
    calls: dict[str, Callable[[], Any]] = {
        "gateway": lambda: client.gateway.StreamQuery(platform.stream_request("SELECT 1 AS a")),
        "segments": lambda: client.segments.ListSegments(segments_wire.ListSegmentsRequest(data_source=COMMUNITIES)),
        "conditions": lambda: client.conditions.EvaluateCondition(conditions_wire.EvaluateConditionRequest()),
    }

    error = await platform.failure(calls[service]())

    assert (error.code, error.reason) == (INVALID, "DEADLINE_REQUIRED")
    assert error.domain == f"{service}.directflow"


@pytest.mark.parametrize(
    ("service", "path"),
    [
        ("gateway", "/directflow.gateway.v1.QueryService/CountQuery"),
        ("segments", "/directflow.segments.v1.AudienceService/ListSegments"),
        ("conditions", "/directflow.conditions.v1.EvaluationService/EvaluateCondition"),
    ],
)
@pytest.mark.parametrize(
    "raw", [b"\xff\xff\xff\xff", b"\x0a\xff\x01", b"\x0a\x02\xc3\x28"], ids=["tags", "cut", "utf8"]
)
async def test_bytes_that_are_no_message_are_an_invalid_request(
    platform: Any, client: Any, service: str, path: str, raw: bytes
) -> None:
    error = await platform.failure(client.channels[service].unary_unary(path)(raw, timeout=20))

    assert (error.code, error.reason) == (INVALID, "INVALID_REQUEST")
    assert error.domain == f"{service}.directflow"


async def test_every_violation_of_a_request_is_told_at_once(platform: Any, client: Any) -> None:
    request = gateway_wire.StreamQueryRequest(
        statement=gateway_wire.Statement(connection="nonsense", role=77), encoding=99, value_form=98
    )

    error = await platform.failure(client.gateway.StreamQuery(request, timeout=20))

    assert (error.code, error.reason) == (INVALID, "INVALID_REQUEST")
    fields = {violation.field for violation in error.violations}
    assert {"statement.connection", "statement.template"} <= fields
    assert fields & {"statement.role", "encoding", "value_form"}


async def test_bad_input_costs_nobody_else_anything(platform: Any, client: Any) -> None:
    """A hundred bad calls at once, while good ones go on: every good one is right, and no process is another one."""
    pids = {name: platform.pid(name) for name in platform.services}
    bad = ["SELECT '<%= x FROM users", "SELECT 1 AS a; SELECT 2", "SELECT " + "(" * 5_000, "SELECT id FROM user_s"]
    attacks = [
        client.gateway.StreamQuery(platform.stream_request(bad[number % len(bad)]), timeout=30) for number in range(60)
    ]
    garbage = client.channels["segments"].unary_unary("/directflow.segments.v1.AudienceService/ListSegments")
    attacks += [garbage(b"\xff" * 50_000, timeout=30) for _ in range(40)]

    good = asyncio.gather(*(client.audience("communities", "7") for _ in range(10)))
    errors = await asyncio.gather(*(platform.failure(call) for call in attacks))
    audiences = await good

    assert {error.code for error in errors} <= {INVALID, BROKEN}
    assert all(error.reason and error.domain for error in errors)
    assert len({audience.table.num_rows for audience in audiences}) == 1
    assert {name: platform.pid(name) for name in platform.services} == pids


async def test_an_unknown_method_is_grpcs_own_unimplemented(client: Any) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await client.channels["gateway"].unary_unary("/directflow.gateway.v1.QueryService/DropTables")(b"", timeout=20)
    assert remote_error(caught.value).code is StatusCode.UNIMPLEMENTED
