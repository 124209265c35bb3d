"""Rows as plain columns: the same cells as in Arrow, in the very bytes that protobuf itself would have written.

Through the real gateway, from a real PostgreSQL.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import grpc
import pyarrow as pa
import pytest
from directflow.gateway.v1 import query_service_pb2 as pb
from directflow.sql.v1 import sql_pb2
from directflow_gateway import app
from directflow_gateway.config import GatewaySettings
from directflow_runtime.columns import pack_columns, unpack_batch

ENCODINGS = (pb.ENCODING_COLUMNS, pb.ENCODING_ARROW)
EVERY_KIND = """
SELECT n AS profile_id, n % 2 = 0 AS even, nullif(n % 5, 0) / 4.0::float8 AS ratio, 'row ' || n AS email,
  CASE n % 3 WHEN 0 THEN NULL WHEN 1 THEN '' ELSE repeat('好', n % 200) END AS text,
  CASE n % 4 WHEN 0 THEN NULL WHEN 1 THEN 'infinity'::timestamptz ELSE '2024-02-29T12:00Z'::timestamptz END AS at,
  n / 3.0 AS amount, NULL::bigint AS nothing
FROM generate_series(1, 5000) AS n WHERE n < '<%= below %>'::int
"""
ONE_PERSON = """
SELECT nullif('<%= profile_id %>'::int, 3) AS id, nullif('<%= profile_id %>', '1') AS text
WHERE '<%= profile_id %>'::int > 0
"""


@pytest.fixture
async def channel(postgres: Any, postgres_database: str, tmp_path: Path) -> AsyncIterator[Any]:
    """A plain channel to the real gateway; its connection is workspaces/acme/connections/main."""
    role = postgres.create_role()
    (tmp_path / "acme").mkdir()
    (tmp_path / "acme" / "main").write_text(role.password)
    place = {"host": postgres.host, "port": postgres.port, "database": postgres_database, "user": role.name}
    settings = {
        "identity": {"allow_development": True},
        "egress": {"allow_loopback": True},
        "credentials": {"path": f"{tmp_path}/{{workspace}}/{{connection}}"},
        "connections": [{"workspace": "acme", "id": "main", "sslmode": "disable", **place}],
    }
    async with AsyncExitStack() as stack:
        built = await app.build(GatewaySettings.model_validate(settings), stack)
        await built.server.start()
        stack.push_async_callback(built.server.stop, 0)
        yield await stack.enter_async_context(grpc.aio.insecure_channel(f"127.0.0.1:{built.server.port}"))


def statement(template: str, role: pb.StatementRole) -> pb.Statement:
    return pb.Statement(connection="workspaces/acme/connections/main", template=template, role=role)


async def received(channel: Any, method: str, request: Any) -> list[bytes]:
    """The messages as they came over the wire."""
    path = f"/directflow.gateway.v1.QueryService/{method}"
    call = channel.unary_stream(path, type(request).SerializeToString, None)
    return [message async for message in call(request, timeout=20)]


def parsed(kind: Any, messages: list[bytes]) -> list[Any]:
    """The messages, once it is certain that protobuf writes them just so."""
    told = [kind.FromString(message) for message in messages]
    assert [message.SerializeToString(deterministic=True) for message in told] == messages
    assert [message.WhichOneof("message") for message in told] == ["header", *["batch"] * (len(told) - 2), "summary"]
    return told


def same(in_columns: list[pb.RowBatch], in_arrow: list[pb.RowBatch], header: pb.StreamHeader) -> int:
    """Equal cells, judged both ways; returns how many rows. Where batches end depends on time, and is not compared."""
    schema = pa.ipc.read_schema(pa.py_buffer(header.arrow_schema))
    batches = [pa.ipc.read_record_batch(pa.py_buffer(batch.arrow_record_batch), schema) for batch in in_arrow]
    rows = pa.concat_batches([pa.RecordBatch.from_pylist([], schema=schema), *batches])
    read = 0
    for batch in in_columns:
        assert batch.row_offset == read
        part = rows.slice(read, batch.row_count)
        assert batch.columns == pack_columns(part)
        assert unpack_batch(batch.columns, header.schema).equals(part)
        read += part.num_rows
    assert read == rows.num_rows
    return read


@pytest.mark.parametrize(("below", "rows"), [(5001, 5000), (2, 1), (0, 0)])
@pytest.mark.parametrize("form", [pb.VALUE_FORM_TYPED, pb.VALUE_FORM_TEXT])
async def test_a_stream_holds_the_same_in_columns_and_in_arrow(below: int, rows: int, form: Any, channel: Any) -> None:
    values = {"below": sql_pb2.Value(integer=below)}
    generator = statement(EVERY_KIND, pb.STATEMENT_ROLE_GENERATOR)
    in_columns, in_arrow = [
        parsed(pb.StreamQueryResponse, await received(channel, "StreamQuery", request))
        for encoding in ENCODINGS
        for request in [pb.StreamQueryRequest(statement=generator, values=values, encoding=encoding, value_form=form)]
    ]
    left, right = ([message.batch for message in messages[1:-1]] for messages in (in_columns, in_arrow))
    assert same(left, right, in_arrow[0].header) == rows == in_columns[-1].summary.row_count


async def test_fetched_rows_are_the_same_in_columns_and_in_arrow(channel: Any) -> None:
    profiles = sql_pb2.Column(texts=["0", "1", "2", "0", "3"])
    tuples = pb.Tuples(row_count=5, names=["profile_id"], columns=[profiles])
    preload = statement(ONE_PERSON, pb.STATEMENT_ROLE_PRELOAD)
    in_columns, in_arrow = [
        parsed(pb.FetchSetResponse, await received(channel, "FetchSet", request))
        for encoding in ENCODINGS
        for request in [pb.FetchSetRequest(statement=preload, tuples=tuples, encoding=encoding)]
    ]
    (left,), (right,) = in_columns[1:-1], in_arrow[1:-1]
    assert same([left.batch.rows], [right.batch.rows], in_arrow[0].header) == 3
    assert list(left.batch.tuple_indexes) == list(right.batch.tuple_indexes) == [1, 2, 4]
    assert list(left.batch.rows.columns.columns[1].texts) == ["", "2", "3"]
