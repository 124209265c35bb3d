"""An audience is a header, batches and a summary that accounts for every row; it ends complete or with an error."""

import asyncio
from typing import Any

import grpc
import pyarrow as pa
import pytest
from directflow.segments.v1 import audience_service_pb2 as pb
from directflow_runtime.errors import DirectFlowError, StatusCode
from directflow_runtime.remote import remote_error
from directflow_segments.data_sources import Role

from .calls import SECONDS, read, refused, stream
from .conftest import COLUMNS, PEOPLE


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


async def test_limits_reach_the_gateway(audience: Any, scripted_server: Any) -> None:
    request = stream()
    request.limits.max_rows = 5
    request.limits.max_age.FromSeconds(9)
    await read(audience.StreamAudience(request, timeout=SECONDS))
    limits = scripted_server[0].received[-1].statement.limits
    assert (limits.max_rows, limits.max_age.ToSeconds(), limits.truncate) == (5, 9, False)


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
