"""Every call has a deadline, of which the gateway gets its part; what this service does not do says so."""

from typing import Any

import pytest
from directflow.segments.v1 import audience_service_pb2 as pb
from directflow.segments.v1 import data_source_service_pb2 as data_sources_pb
from directflow.segments.v1 import data_source_service_pb2_grpc as data_source_stubs
from directflow_runtime.errors import StatusCode

from .calls import SECONDS, SOURCE, TARGET, refused


async def test_a_call_without_a_deadline_is_refused(audience: Any) -> None:
    error = await refused(audience.ListSegments(pb.ListSegmentsRequest(data_source=SOURCE)))
    assert error.reason == "DEADLINE_REQUIRED"


async def test_the_gateway_gets_less_time_than_the_caller_gave(audience: Any, scripted_server: Any) -> None:
    await audience.ListSegments(pb.ListSegmentsRequest(data_source=SOURCE), timeout=SECONDS)
    assert 0 < scripted_server[0].seconds[0] < 2 * SECONDS  # the channel alone would give it 60; gRPC rounds up


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
