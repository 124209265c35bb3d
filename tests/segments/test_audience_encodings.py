"""People as plain columns: the same cells as in Arrow, in the very bytes that protobuf itself would have written."""

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from directflow.segments.v1 import audience_service_pb2 as pb
from directflow.sql.v1 import sql_pb2
from directflow_runtime.columns import pack_columns, unpack_batch
from directflow_segments import wire
from directflow_segments.audience_run import People
from directflow_segments.data_sources import Role
from directflow_segments.queries import Outcome

SOURCE = "workspaces/acme/dataSources/communities"
SERVICE = "/directflow.segments.v1.AudienceService"
COLUMNS = {
    "profile_id": "bigint",
    "email": "text",
    "name": "text",
    "score": "double precision",
    "vip": "boolean",
    "since": "timestamp with time zone",
}
ENCODINGS = (pb.ENCODING_COLUMNS, pb.ENCODING_ARROW)


def person(number: int | None, email: str | None = "a@b.co", **cells: Any) -> dict[str, Any]:
    return {"profile_id": number, "email": email, "name": None, "score": None, "vip": None, "since": None, **cells}


PEOPLE = [
    person(1, name="Zoë 好", score=-0.5, vip=False, since=-(2**63)),
    person(2, "bad", name="left out"),
    person(3),
    person(None, name="no key"),
    person(4, name="", score=float("inf"), vip=True, since=2**63 - 1),
    person(1),
    person(5, name="x" * 300, since=0),
    person(6, name="end"),
]


@pytest.fixture(autouse=True)
def scripts(fake: Any, script: Callable[..., Any]) -> None:
    fake.scripts |= {
        Role.DISCOVERY: script([{"id": 7, "community_name": "Berlin"}], id="bigint", community_name="text"),
        Role.GENERATOR: script(list(PEOPLE), **COLUMNS),
        Role.PRELOAD: script(PEOPLE[2:3] + PEOPLE[4:5] + PEOPLE[6:7] + PEOPLE[7:], **COLUMNS),
    }
    fake.scripts[Role.PRELOAD].outcomes = (Outcome.ROW, Outcome.NO_ROW, Outcome.ROW, Outcome.ROW, Outcome.ROW)


async def received(channel: Any, method: str, request: Any) -> list[bytes]:
    """The messages as they came over the wire."""
    call = channel.unary_stream(f"{SERVICE}/{method}", type(request).SerializeToString, None)
    return [message async for message in call(request, timeout=20)]


def batches(kind: Any, messages: list[bytes]) -> list[Any]:
    """The batches, once it is certain that protobuf writes every message just so."""
    parsed = [kind.FromString(message) for message in messages]
    assert [message.SerializeToString(deterministic=True) for message in parsed] == messages
    assert [message.WhichOneof("message") for message in parsed] == [
        "header",
        *["batch"] * (len(parsed) - 2),
        "summary",
    ]
    return [message.batch for message in parsed[1:-1]]


def same(in_columns: Any, in_arrow: Any, schema: pa.Schema, wire_schema: sql_pb2.Schema) -> None:
    """Equal cells, judged both ways, and equal numbers around them."""
    rows = pa.ipc.read_record_batch(pa.py_buffer(in_arrow.arrow_record_batch), schema)
    assert in_columns.columns == pack_columns(rows)
    assert unpack_batch(in_columns.columns, wire_schema).equals(rows)
    in_columns.ClearField("columns")
    in_arrow.ClearField("arrow_record_batch")
    assert in_columns == in_arrow


async def compare(channel: Any, method: str, kind: Any, requests: list[Any]) -> int:
    """Asks in columns, then in Arrow; returns how many batches were the same."""
    columns_told, arrow_told = [await received(channel, method, request) for request in requests]
    header = kind.FromString(arrow_told[0]).header
    schema = pa.ipc.read_schema(pa.py_buffer(header.arrow_schema))
    pairs = list(zip(batches(kind, columns_told), batches(kind, arrow_told), strict=True))
    for in_columns, in_arrow in pairs:
        same(in_columns, in_arrow, schema, header.schema)
    return len(pairs)


@pytest.mark.parametrize("order", [pb.AUDIENCE_ORDER_AUTHOR, pb.AUDIENCE_ORDER_KEY])
@pytest.mark.parametrize("wanted", [(), ("name", "since")])
async def test_an_audience_holds_the_same_in_columns_and_in_arrow(order: Any, wanted: Any, serve: Any) -> None:
    target = pb.Target(data_source=SOURCE, segment_key="7")
    requests = [
        pb.StreamAudienceRequest(target=target, encoding=encoding, order=order, columns=wanted)
        for encoding in ENCODINGS
    ]
    assert await compare(await serve(), "StreamAudience", pb.StreamAudienceResponse, requests) == 3


async def test_personalization_holds_the_same_in_columns_and_in_arrow(serve: Any) -> None:
    requests = [
        pb.BatchGetPersonalizationRequest(data_source=SOURCE, profile_ids=list("01234"), encoding=encoding)
        for encoding in ENCODINGS
    ]
    kind = pb.BatchGetPersonalizationResponse
    assert await compare(await serve(), "BatchGetPersonalization", kind, requests) == 2


@pytest.mark.parametrize(("start", "length"), [(0, 8), (0, 0), (3, 0), (1, 6), (5, 3)])
@pytest.mark.parametrize("token", [b"", b"behind 6"])
def test_slices_and_nobody_are_what_protobuf_writes(start: int, length: int, token: bytes, fake: Any) -> None:
    generator = fake.scripts[Role.GENERATOR]
    rows = pa.RecordBatch.from_pylist(generator.rows, schema=generator.schema).slice(start, length)
    people = People(rows, None, 1000, None)
    around: dict[str, Any] = {"row_count": length, "row_offset": 1000, "resume_token": token}
    in_columns = pb.StreamAudienceResponse(batch=pb.AudienceBatch(columns=pack_columns(rows), **around))
    assert wire.encoder(pb.ENCODING_COLUMNS)(people, token) == in_columns.SerializeToString(deterministic=True)
    body = rows.serialize().to_pybytes()
    in_arrow = pb.StreamAudienceResponse(batch=pb.AudienceBatch(arrow_record_batch=body, **around))
    assert wire.encoder(pb.ENCODING_ARROW)(people, token) == in_arrow.SerializeToString(deterministic=True)
