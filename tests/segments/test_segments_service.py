"""segments.v1 as callers see it: the real service over gRPC, in front of a gateway that answers by a script."""

import asyncio
from collections.abc import Callable
from typing import Any

import grpc
import pyarrow as pa
import pytest
from directflow.segments.v1 import audience_service_pb2 as pb
from directflow.segments.v1 import audience_service_pb2_grpc as stubs
from directflow.segments.v1 import data_source_service_pb2 as data_sources_pb
from directflow.segments.v1 import data_source_service_pb2_grpc as data_source_stubs
from directflow.sql.v1 import sql_pb2
from directflow_runtime.errors import DirectFlowError, StatusCode
from directflow_runtime.remote import RemoteError, remote_error
from directflow_segments.data_sources import Role
from directflow_segments.queries import Outcome, PersonError

SOURCE = "workspaces/acme/dataSources/communities"
TARGET = pb.Target(data_source=SOURCE, segment_key="7")
COLUMNS = {"profile_id": "bigint", "email": "text", "age": "bigint", "score": "double precision", "vip": "boolean"}
SECONDS = 20


def person(number: int | None, email: str | None) -> dict[str, Any]:
    return {"profile_id": number, "email": email, "age": 40, "score": 0.5, "vip": True}


PEOPLE = [
    person(1, "a@b.co"),
    person(2, None),
    person(1, "a@b.co"),
    person(3, "bad"),
    person(None, "x@y.zz"),
    person(4, "d@e.ff"),
    person(5, "e@e.ff"),
    person(6, "f@e.ff"),
]


@pytest.fixture(autouse=True)
def scripts(fake: Any, script: Callable[..., Any]) -> dict[Role, Any]:
    segments = [
        {"id": 7, "community_name": "Berlin", "user_count": 20, "since": None},
        {"id": 8, "community_name": "Köln", "user_count": 10, "since": None},
    ]
    names = {"id": "bigint", "community_name": "text", "user_count": "bigint", "since": "timestamp with time zone"}
    fake.scripts |= {
        Role.DISCOVERY: script(segments, **names),
        Role.GENERATOR: script(list(PEOPLE), **COLUMNS),
        Role.PRELOAD: script([{"plan_name": "gold"}], plan_name="text"),
    }
    return dict(fake.scripts)


@pytest.fixture
async def audience(serve: Any) -> Any:
    return stubs.AudienceServiceStub(await serve())


async def refused(call: Any) -> RemoteError:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await (read(call) if isinstance(call, grpc.aio.UnaryStreamCall) else call)
    return remote_error(raised.value)


async def read(call: Any) -> list[Any]:
    return [message async for message in call]


def stream(**fields: Any) -> pb.StreamAudienceRequest:
    return pb.StreamAudienceRequest(**{"target": TARGET} | fields)


# --- segments ---------------------------------------------------------------------------------------------------------


async def test_segments_are_listed_with_their_columns(audience: Any) -> None:
    page = await audience.ListSegments(pb.ListSegmentsRequest(data_source=SOURCE), timeout=SECONDS)
    assert [segment.key for segment in page.segments] == ["7", "8"]
    assert [value.WhichOneof("kind") for value in page.segments[1].row.values] == ["integer", "text", "integer", "null"]
    assert page.segments[1].row.values[1].text == "Köln"
    assert [(c.name, c.postgres_type, c.wire_type) for c in page.schema.columns] == [
        ("id", "bigint", sql_pb2.WIRE_TYPE_INTEGER),
        ("community_name", "text", sql_pb2.WIRE_TYPE_TEXT),
        ("user_count", "bigint", sql_pb2.WIRE_TYPE_INTEGER),
        ("since", "timestamp with time zone", sql_pb2.WIRE_TYPE_TIMESTAMP),
    ]
    assert (page.next_page_token, page.truncated) == ("", False)


async def test_pages_follow_their_token_and_may_change_size(audience: Any) -> None:
    request = pb.ListSegmentsRequest(data_source=SOURCE, page_size=1)
    first = await audience.ListSegments(request, timeout=SECONDS)
    request.page_token, request.page_size = first.next_page_token, 1000
    second = await audience.ListSegments(request, timeout=SECONDS)
    assert [segment.key for segment in second.segments] == ["8"]
    request.filter = "köln"
    error = await refused(audience.ListSegments(request, timeout=SECONDS))
    assert (error.reason, error.domain) == ("PAGE_TOKEN_INVALID", "segments.directflow")


async def test_one_segment_by_its_key(audience: Any) -> None:
    segment = await audience.GetSegment(pb.GetSegmentRequest(data_source=SOURCE, key="8"), timeout=SECONDS)
    assert (segment.key, segment.row.values[2].integer) == ("8", 10)
    error = await refused(audience.GetSegment(pb.GetSegmentRequest(data_source=SOURCE, key="9"), timeout=SECONDS))
    assert (error.code, error.reason) == (StatusCode.NOT_FOUND, "SEGMENT_NOT_FOUND")


# --- audiences --------------------------------------------------------------------------------------------------------


async def test_a_stream_is_header_batches_summary(audience: Any) -> None:
    header, *batches, summary = await read(audience.StreamAudience(stream(), timeout=SECONDS))
    assert [column.name for column in header.header.schema.columns] == list(COLUMNS)
    assert (header.header.estimated_rows, header.header.arrow_schema) == (7, b"")
    assert header.header.snapshot_time.ToJsonString() == "2026-03-01T12:30:00Z"
    (source,) = header.header.variable_sources
    assert (source.name, source.rule, source.column) == ("community_id", "segment id", "id")
    assert "bind it" in source.warning
    columns = [batch.batch.columns.columns for batch in batches]
    assert [n for batch in columns for n in batch[0].integers] == [1, 4, 5, 6]
    assert [v for batch in columns for v in batch[4].booleans] == [True] * 4
    assert [batch.batch.row_offset for batch in batches] == [0, 1, 2]
    ledger = summary.summary.ledger
    assert (ledger.rows_read, ledger.delivered.people, ledger.delivered.rows) == (8, 4, 4)
    assert [(e.people, e.rows) for e in (ledger.null_keys, ledger.no_contact)] == [(0, 1), (1, 1)]
    assert [(e.people, e.rows) for e in (ledger.invalid_contact, ledger.duplicates)] == [(1, 1), (1, 1)]
    assert (summary.summary.byte_count, summary.summary.resumed) == (88, False)
    assert summary.summary.elapsed.ToNanoseconds() > 0


async def test_arrow_messages_together_are_an_arrow_stream(audience: Any) -> None:
    request = stream(encoding=pb.ENCODING_ARROW, columns=["email"])
    header, *batches, _ = await read(audience.StreamAudience(request, timeout=SECONDS))
    whole = header.header.arrow_schema + b"".join(batch.batch.arrow_record_batch for batch in batches)
    rows = pa.ipc.open_stream(whole).read_all().to_pylist()
    assert rows[:2] == [{"profile_id": 1, "email": "a@b.co"}, {"profile_id": 4, "email": "d@e.ff"}]


async def test_an_unchanged_batch_is_the_gateways_own_bytes(audience: Any, scripts: Any, fake: Any) -> None:
    scripts[Role.GENERATOR].rows = PEOPLE[5:]
    _, batch, _ = await read(audience.StreamAudience(stream(encoding=pb.ENCODING_ARROW), timeout=SECONDS))
    assert batch.batch.arrow_record_batch == scripts[Role.GENERATOR].messages(fake.requests[-1])[1].encoded


async def test_a_stream_by_key_is_resumed_from_any_batch(audience: Any) -> None:
    request = stream(order=pb.AUDIENCE_ORDER_KEY)
    whole = await read(audience.StreamAudience(request, timeout=SECONDS))
    for kept in range(1, len(whole) - 2):
        request.resume_token = whole[kept].batch.resume_token
        header, *rest = await read(audience.StreamAudience(request, timeout=SECONDS))
        assert header.WhichOneof("message") == "header"
        assert ids(whole[1 : kept + 1]) + ids(rest[:-1]) == ids(whole[1:-1]) == [1, 4, 5, 6]
        assert rest[-1].summary.resumed
        assert rest[-1].summary.ledger.null_keys.rows == 0


def ids(messages: list[Any]) -> list[int]:
    return [number for message in messages for number in message.batch.columns.columns[0].integers]


async def test_a_resume_token_is_bound_to_its_request_and_definition(audience: Any, serve: Any) -> None:
    request = stream(order=pb.AUDIENCE_ORDER_KEY)
    _, batch, *_ = await read(audience.StreamAudience(request, timeout=SECONDS))
    token = batch.batch.resume_token
    other = pb.Target(data_source=SOURCE, segment_key="8")
    for changed in (stream(order=request.order, target=other), stream(order=request.order, columns=["email"])):
        changed.resume_token = token
        error = await refused(audience.StreamAudience(changed, timeout=SECONDS))
        assert (error.code, error.reason) == (StatusCode.INVALID_ARGUMENT, "RESUME_TOKEN_INVALID")
    request.resume_token = token
    edited = await serve(data_source={"generator_sql": "SELECT 1 AS profile_id, '<%= community_id %>' AS email"})
    error = await refused(stubs.AudienceServiceStub(edited).StreamAudience(request, timeout=SECONDS))
    assert error.reason == "RESUME_TOKEN_INVALID"
    error = await refused(audience.StreamAudience(stream(resume_token=token), timeout=SECONDS))
    assert [violation.field for violation in error.violations] == ["resume_token"]


@pytest.mark.parametrize("flaw", ["no summary", "wrong count", "lost batch"])
async def test_a_broken_stream_ends_with_an_error_and_without_a_summary(flaw: str, audience: Any, scripts: Any) -> None:
    scripts[Role.GENERATOR].flaw = flaw
    told: list[Any] = []
    call = audience.StreamAudience(stream(), timeout=SECONDS)
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await read_into(told, call)
    error = remote_error(raised.value)
    assert (error.code, error.reason, error.domain) == (
        StatusCode.UNAVAILABLE,
        "STREAM_INCOMPLETE",
        "segments.directflow",
    )
    assert error.retry_after is not None
    assert all(message.WhichOneof("message") != "summary" for message in told)


async def read_into(told: list[Any], call: Any) -> None:
    async for message in call:
        told.append(message)


@pytest.mark.parametrize(
    ("raised", "code", "reason"),
    [
        (
            DirectFlowError(StatusCode.UNAVAILABLE, "DATABASE_UNREACHABLE", "it went away", retry_after=2.0),
            StatusCode.UNAVAILABLE,
            "GATEWAY_UNAVAILABLE",
        ),
        (
            DirectFlowError(StatusCode.INVALID_ARGUMENT, "VARIABLE_REJECTED", "no", metadata={"variable": "x"}),
            StatusCode.INVALID_ARGUMENT,
            "VARIABLE_REJECTED",
        ),
        (
            DirectFlowError(StatusCode.INVALID_ARGUMENT, "STATEMENT_REFUSED", "no"),
            StatusCode.FAILED_PRECONDITION,
            "DEFINITION_BROKEN",
        ),
        (
            DirectFlowError(StatusCode.RESOURCE_EXHAUSTED, "ROW_LIMIT_EXCEEDED", "no"),
            StatusCode.RESOURCE_EXHAUSTED,
            "GATEWAY_REFUSED",
        ),
    ],
)
async def test_the_gateways_errors_are_passed_on_with_their_origin(
    raised: DirectFlowError, code: StatusCode, reason: str, audience: Any, scripts: Any
) -> None:
    scripts[Role.GENERATOR].error = raised
    error = await refused(audience.StreamAudience(stream(), timeout=SECONDS))
    assert (error.code, error.reason) == (code, reason)
    assert error.metadata["gateway_reason"] == raised.reason
    assert error.metadata["gateway_domain"] == "gateway.directflow"


async def test_a_caller_that_leaves_ends_the_gateways_stream(audience: Any, scripts: Any, fake: Any) -> None:
    scripts[Role.GENERATOR].stalls_after = 2
    call = audience.StreamAudience(stream(), timeout=SECONDS)
    await call.read()
    await call.read()
    ended = fake.closed
    call.cancel()
    async with asyncio.timeout(5):
        while fake.closed == ended:  # noqa: ASYNC110  the fake's counter has no event
            await asyncio.sleep(0.005)


async def test_a_preview_shows_the_first_people_with_the_ledger(audience: Any, fake: Any) -> None:
    request = pb.PreviewAudienceRequest(target=TARGET, max_people=2)
    preview = await audience.PreviewAudience(request, timeout=SECONDS)
    assert list(preview.people.columns[0].integers) == [1, 4]
    assert preview.people.row_count == 2
    assert (preview.truncated, preview.estimated_rows, len(preview.variable_sources)) == (True, 7, 1)
    assert (preview.ledger.rows_read, preview.ledger.delivered.people) == (6, 2)


async def test_a_preview_is_limited_by_default_and_beyond_any_request(audience: Any, scripted_server: Any) -> None:
    await audience.PreviewAudience(pb.PreviewAudienceRequest(target=TARGET, max_bytes=10**9), timeout=SECONDS)
    limits = scripted_server[0].received[-1].statement.limits
    assert (limits.max_bytes, limits.statement_timeout.ToSeconds(), limits.truncate) == (2_000_000, 60, True)


async def test_an_exact_count_and_an_estimate(audience: Any) -> None:
    exact = await audience.CountAudience(pb.CountAudienceRequest(target=TARGET), timeout=SECONDS)
    assert (exact.people, exact.rows, exact.ledger.duplicates.rows) == (4, 8, 1)
    request = pb.CountAudienceRequest(target=TARGET, mode=pb.COUNT_MODE_ESTIMATE)
    estimate = await audience.CountAudience(request, timeout=SECONDS)
    assert (estimate.people, estimate.rows, estimate.HasField("ledger")) == (7, 7, False)


async def test_limits_reach_the_gateway(audience: Any, scripted_server: Any) -> None:
    request = stream()
    request.limits.max_rows = 5
    request.limits.max_age.FromSeconds(9)
    await read(audience.StreamAudience(request, timeout=SECONDS))
    limits = scripted_server[0].received[-1].statement.limits
    assert (limits.max_rows, limits.max_age.ToSeconds(), limits.truncate) == (5, 9, False)


# --- targets ----------------------------------------------------------------------------------------------------------


async def test_a_row_that_the_caller_kept_is_a_segment(audience: Any, scripted_server: Any) -> None:
    page = await audience.ListSegments(pb.ListSegmentsRequest(data_source=SOURCE), timeout=SECONDS)
    target = pb.Target(data_source=SOURCE, segment_row=page.segments[1].row)
    await read(audience.StreamAudience(stream(target=target), timeout=SECONDS))
    assert [request.statement.role for request in scripted_server[0].received].count(1) == 1
    assert scripted_server[0].received[-1].values["community_id"].integer == 8


async def test_a_kept_row_must_fit_its_own_schema(audience: Any) -> None:
    columns = [sql_pb2.ColumnType(name="id", wire_type=sql_pb2.WIRE_TYPE_INTEGER)]
    for values in ([sql_pb2.Value(text="7")], [sql_pb2.Value(integer=7)] * 2, []):
        row = pb.Row(schema=sql_pb2.Schema(columns=columns), values=values)
        request = stream(target=pb.Target(data_source=SOURCE, segment_row=row))
        error = await refused(audience.StreamAudience(request, timeout=SECONDS))
        assert error.reason == "INVALID_REQUEST"
        assert error.violations[0].field.startswith("target.segment_row")


async def test_missing_and_unknown_variables_are_all_named(audience: Any) -> None:
    target = pb.Target(data_source=SOURCE, variables={"comunity_id": sql_pb2.Value(integer=1)})
    error = await refused(audience.StreamAudience(stream(target=target), timeout=SECONDS))
    assert (error.code, error.reason) == (StatusCode.INVALID_ARGUMENT, "VARIABLE_MISSING")
    assert [(v.field, v.reason) for v in error.violations] == [
        ("variables.community_id", "VARIABLE_MISSING"),
        ("variables.comunity_id", "VARIABLE_UNKNOWN"),
    ]


@pytest.mark.parametrize(
    "request_message",
    [
        pb.ListSegmentsRequest(data_source=SOURCE, page_size=-1),
        pb.ListSegmentsRequest(data_source=SOURCE, filter="x" * 201),
        pb.GetSegmentRequest(data_source=SOURCE),
        pb.PreviewAudienceRequest(target=TARGET, max_people=1001),
        pb.PreviewAudienceRequest(target=TARGET, max_people=-1),
        pb.PreviewAudienceRequest(target=TARGET, max_bytes=-1),
        pb.CountAudienceRequest(target=TARGET, limits=pb.AudienceLimits(max_rows=-1)),
        pb.CountAudienceRequest(),
        pb.CountAudienceRequest(target=pb.Target(data_source="communities")),
        pb.CountAudienceRequest(target=TARGET, mode=9),  # type: ignore[arg-type]
        pb.GetPersonalizationRequest(data_source=SOURCE, profile_id="a\0b"),
    ],
)
async def test_what_is_out_of_range_is_refused_with_its_field(audience: Any, request_message: Any, fake: Any) -> None:
    method = request_message.DESCRIPTOR.name.removesuffix("Request")
    error = await refused(getattr(audience, method)(request_message, timeout=SECONDS))
    assert (error.code, error.reason) == (StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert error.violations
    assert fake.requests == []


async def test_an_unknown_data_source_is_not_found(audience: Any) -> None:
    request = pb.ListSegmentsRequest(data_source="workspaces/acme/dataSources/nope")
    error = await refused(audience.ListSegments(request, timeout=SECONDS))
    assert (error.code, error.reason) == (StatusCode.NOT_FOUND, "DATA_SOURCE_NOT_FOUND")


async def test_permission_comes_before_existence(serve: Any) -> None:
    caller = {"name": "development", "services": [""], "workspaces": ["other"]}
    channel = await serve(identity={"allow_development": True, "callers": [caller]})
    for name in (SOURCE, "workspaces/acme/dataSources/nope"):
        call = stubs.AudienceServiceStub(channel).ListSegments(
            pb.ListSegmentsRequest(data_source=name), timeout=SECONDS
        )
        error = await refused(call)
        assert (error.code, error.reason) == (StatusCode.PERMISSION_DENIED, "IDENTITY_NOT_ALLOWED")


async def test_a_call_without_a_deadline_is_refused(audience: Any) -> None:
    error = await refused(audience.ListSegments(pb.ListSegmentsRequest(data_source=SOURCE)))
    assert error.reason == "DEADLINE_REQUIRED"


async def test_the_gateway_gets_less_time_than_the_caller_gave(audience: Any, scripted_server: Any) -> None:
    await audience.ListSegments(pb.ListSegmentsRequest(data_source=SOURCE), timeout=SECONDS)
    assert 0 < scripted_server[0].seconds[0] < 2 * SECONDS  # the channel alone would give it 60; gRPC rounds up


# --- personalization --------------------------------------------------------------------------------------------------


async def personalization(audience: Any) -> Any:
    request = pb.GetPersonalizationRequest(data_source=SOURCE, profile_id="u1")
    return await audience.GetPersonalization(request, timeout=SECONDS)


async def test_one_persons_data_comes_back(audience: Any, scripts: Any, scripted_server: Any) -> None:
    scripts[Role.PRELOAD].outcomes = (Outcome.ROW,)
    response = await personalization(audience)
    assert response.outcome == pb.PERSONALIZATION_OUTCOME_ROW
    assert [column.name for column in response.row.schema.columns] == ["plan_name"]
    assert [value.text for value in response.row.values] == ["gold"]
    assert [(source.name, source.rule) for source in response.variable_sources] == [("profile_id", "profile")]
    assert list(scripted_server[0].received[-1].tuples.columns[0].texts) == ["u1"]


async def test_no_data_is_an_outcome_with_the_schema(audience: Any, scripts: Any) -> None:
    scripts[Role.PRELOAD].outcomes, scripts[Role.PRELOAD].rows = (Outcome.NO_ROW,), []
    response = await personalization(audience)
    assert response.outcome == pb.PERSONALIZATION_OUTCOME_NO_ROW
    assert (len(response.row.schema.columns), len(response.row.values)) == (1, 0)
    assert not response.HasField("error")


async def test_one_persons_data_error_is_an_outcome_that_says_why(audience: Any, scripts: Any) -> None:
    scripts[Role.PRELOAD].outcomes, scripts[Role.PRELOAD].rows = (Outcome.ERROR,), []
    scripts[Role.PRELOAD].errors = (PersonError(0, "DATA_ERROR", "division by zero"),)
    response = await personalization(audience)
    assert response.outcome == pb.PERSONALIZATION_OUTCOME_ERROR
    assert (response.error.reason, response.error.message) == ("DATA_ERROR", "division by zero")


@pytest.mark.parametrize("encoding", [pb.ENCODING_COLUMNS, pb.ENCODING_ARROW])
async def test_many_peoples_data_in_the_requests_order(encoding: int, audience: Any, scripts: Any) -> None:
    made = scripts[Role.PRELOAD]
    made.rows = [{"plan_name": "gold"}, {"plan_name": "lead"}]
    made.outcomes = (Outcome.ROW, Outcome.NO_ROW, Outcome.MULTIPLE_ROWS, Outcome.ERROR)
    made.errors = (PersonError(3, "DATA_ERROR", "division by zero"),)
    request = pb.BatchGetPersonalizationRequest(data_source=SOURCE, profile_ids=list("abcd"), encoding=encoding)  # type: ignore[arg-type]
    header, batch, summary = await read(audience.BatchGetPersonalization(request, timeout=SECONDS))
    assert [column.name for column in header.header.schema.columns] == ["plan_name"]
    assert list(batch.batch.profile_indexes) == [0, 2]
    if encoding == pb.ENCODING_ARROW:
        whole = header.header.arrow_schema + batch.batch.arrow_record_batch
        assert pa.ipc.open_stream(whole).read_all().to_pylist() == made.rows
    else:
        assert list(batch.batch.columns.columns[0].texts) == ["gold", "lead"]
    assert list(summary.summary.outcomes) == [1, 2, 3, 4]
    assert [(e.index, e.reason) for e in summary.summary.errors] == [(3, "DATA_ERROR")]
    assert summary.summary.multiple_rows_count == 1


async def test_a_batch_has_at_most_ten_thousand_people(audience: Any) -> None:
    request = pb.BatchGetPersonalizationRequest(data_source=SOURCE, profile_ids=["x"] * 10_001)
    error = await refused(audience.BatchGetPersonalization(request, timeout=SECONDS))
    assert [violation.field for violation in error.violations] == ["profile_ids"]


# --- what comes later -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "request_message",
    [
        pb.ExplainMembershipRequest(target=TARGET, profile_id="u1"),
        pb.DiffAudienceRequest(target=TARGET, generator_sql="SELECT 1"),
    ],
)
async def test_what_is_not_built_yet_says_so(request_message: Any, audience: Any) -> None:
    method = request_message.DESCRIPTOR.name.removesuffix("Request")
    error = await refused(getattr(audience, method)(request_message, timeout=SECONDS))
    assert (error.code, error.reason) == (StatusCode.UNIMPLEMENTED, "UNIMPLEMENTED")


async def test_without_the_store_nothing_can_be_saved(serve: Any) -> None:
    stub = data_source_stubs.DataSourceServiceStub(await serve())
    error = await refused(stub.GetDataSource(data_sources_pb.GetDataSourceRequest(name=SOURCE), timeout=SECONDS))
    assert (error.code, error.reason) == (StatusCode.UNIMPLEMENTED, "UNIMPLEMENTED")
