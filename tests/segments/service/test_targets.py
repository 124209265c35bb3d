"""What a call is about: a data source, a segment by its key or its row, and variables; anything else is refused."""

from typing import Any

import pytest
from directflow.segments.v1 import audience_service_pb2 as pb
from directflow.segments.v1 import audience_service_pb2_grpc as stubs
from directflow.sql.v1 import sql_pb2
from directflow_runtime.errors import StatusCode

from .calls import SECONDS, SOURCE, TARGET, read, refused, stream


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
