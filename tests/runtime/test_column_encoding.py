"""Columns straight to bytes are byte for byte the message that protobuf would have made."""

from collections.abc import AsyncIterator
from typing import Any

import pyarrow as pa
import pytest
from directflow.gateway.v1 import query_service_pb2 as queries
from directflow.sql.v1 import sql_pb2
from directflow_runtime.column_encoding import encode_columns, field, varint_field
from directflow_runtime.columns import pack_columns
from google.protobuf.wrappers_pb2 import StringValue
from hypothesis import given
from hypothesis import strategies as st

CELLS = {
    "bool": (pa.bool_(), st.booleans()),
    "int64": (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    "double": (pa.float64(), st.floats()),
    "text": (pa.string(), st.text(max_size=40)),
    "timestamp": (pa.timestamp("us"), st.integers(-(2**63), 2**63 - 1)),
}


@st.composite
def batches(draw: st.DrawFn) -> pa.RecordBatch:
    rows = draw(st.integers(0, 12))
    arrays = []
    for kind in draw(st.lists(st.sampled_from(sorted(CELLS)), min_size=1, max_size=4)):
        arrow_type, cells = CELLS[kind]
        values = draw(st.lists(st.none() | cells, min_size=rows, max_size=rows))
        stored = pa.int64() if pa.types.is_timestamp(arrow_type) else arrow_type
        arrays.append(pa.array(values, stored).view(arrow_type))
    batch = pa.RecordBatch.from_arrays(arrays, names=[f"c{index}" for index in range(len(arrays))])
    return batch.slice(draw(st.integers(0, rows)), draw(st.integers(0, rows)))


def same(batch: pa.RecordBatch) -> None:
    encoded = encode_columns(batch)
    assert sql_pb2.ColumnBatch.FromString(encoded).SerializeToString() == encoded
    assert encoded == pack_columns(batch).SerializeToString()


@given(batches())
def test_every_batch_and_slice_is_what_protobuf_makes(batch: pa.RecordBatch) -> None:
    same(batch)


@pytest.mark.parametrize("length", [0, 1, 63, 64, 65, 127, 128, 16_383, 16_384, 70_000, 2_097_151, 2_097_152])
def test_texts_of_every_header_size_stand_beside_short_ones(length: int) -> None:
    texts = ["", "short", "x" * length, None, "ж好", *["a"] * (length // 50)]  # the mean stays small: the fast path
    same(pa.record_batch({"t": pa.array(texts, pa.string())}))
    same(pa.record_batch({"t": pa.array(["x" * length], pa.string())}))


def test_an_array_without_any_buffer_of_texts_is_encoded() -> None:
    same(pa.record_batch({"t": pa.array(["", ""], pa.string()), "n": pa.nulls(2, pa.string())}))
    same(pa.record_batch({"t": pa.array([], pa.string())}))


def test_the_bytes_fit_into_the_messages_around_them() -> None:
    batch = pa.record_batch({"t": pa.array(["a", None], pa.string())})
    rows = varint_field(queries.RowBatch.ROW_COUNT_FIELD_NUMBER, 2)
    rows += varint_field(queries.RowBatch.ROW_OFFSET_FIELD_NUMBER, 300)
    rows += field(queries.RowBatch.COLUMNS_FIELD_NUMBER, encode_columns(batch))
    response = queries.StreamQueryResponse.FromString(field(queries.StreamQueryResponse.BATCH_FIELD_NUMBER, rows))
    expected = queries.RowBatch(row_count=2, row_offset=300, columns=pack_columns(batch))
    assert response == queries.StreamQueryResponse(batch=expected)


async def answer(request: Any, context: Any) -> Any:
    return StringValue(value="bytes").SerializeToString()


async def stream(request: Any, context: Any) -> AsyncIterator[Any]:
    yield StringValue(value="message")
    yield StringValue(value="bytes").SerializeToString()


@pytest.mark.parametrize("shape", ["unary_unary", "stream_unary", "unary_stream", "stream_stream"])
async def test_a_servicer_may_answer_with_the_bytes_of_a_message(shape: str, world: Any) -> None:
    served = await world(stream if shape.endswith("stream") else answer, shape)
    request = StringValue() if shape.startswith("unary") else iter([StringValue()])
    call = served.stub(shape)(request, timeout=5)
    if shape.endswith("stream"):
        assert [message.value async for message in call] == ["message", "bytes"]
    else:
        assert (await call).value == "bytes"
