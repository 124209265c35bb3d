"""The segments of a data source, page by page or one by its key, with the columns that discovery gave them."""

from typing import Any

from directflow.segments.v1 import audience_service_pb2 as pb
from directflow.sql.v1 import sql_pb2
from directflow_runtime.errors import StatusCode

from .calls import SECONDS, SOURCE, refused


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
