"""An audience by key goes on from any batch, for the same request on the same definition only."""

from typing import Any

from directflow.segments.v1 import audience_service_pb2 as pb
from directflow.segments.v1 import audience_service_pb2_grpc as stubs
from directflow_runtime.errors import StatusCode

from .calls import SECONDS, SOURCE, read, refused, stream


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
