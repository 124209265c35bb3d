"""Plain columns: what is packed comes back, NULL apart from empty, and what cannot be a column is refused."""

import pyarrow as pa
import pytest
from directflow.sql.v1 import sql_pb2
from directflow_runtime import columns
from directflow_runtime.columns import INFINITY, MINUS_INFINITY, pack_column, pack_columns, unpack_batch, unpack_columns
from directflow_runtime.errors import DirectFlowError
from hypothesis import given
from hypothesis import strategies as st

WIRE = {
    "booleans": (sql_pb2.WIRE_TYPE_BOOLEAN, pa.bool_(), st.booleans()),
    "integers": (sql_pb2.WIRE_TYPE_INTEGER, pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    "doubles": (sql_pb2.WIRE_TYPE_DOUBLE, pa.float64(), st.floats(allow_nan=False)),
    "texts": (sql_pb2.WIRE_TYPE_TEXT, pa.string(), st.text(max_size=20)),
    "timestamps": (
        sql_pb2.WIRE_TYPE_TIMESTAMP,
        pa.timestamp("us", "UTC"),
        st.integers(-(10**15), 10**15),
    ),
}


@pytest.mark.parametrize(
    ("tag", "field"),
    [
        (columns._BOOLEANS, "booleans"),
        (columns._INTEGERS, "integers"),
        (columns._DOUBLES, "doubles"),
        (columns._TIMESTAMPS, "timestamps"),
    ],
)
def test_tags_are_those_of_the_descriptor(tag: bytes, field: str) -> None:
    assert tag[0] == sql_pb2.Column.DESCRIPTOR.fields_by_name[field].number << 3 | 2


@pytest.mark.parametrize("field", sorted(WIRE))
@given(data=st.data())
def test_a_column_comes_back_with_its_nulls(field: str, data: st.DataObject) -> None:
    wire_type, arrow_type, cells = WIRE[field]
    values = data.draw(st.lists(st.none() | cells, max_size=40))
    array = pa.array(values, arrow_type)
    batch = pa.RecordBatch.from_arrays([array], names=["c"])
    schema = sql_pb2.Schema(columns=[sql_pb2.ColumnType(name="c", wire_type=wire_type)])
    message = sql_pb2.ColumnBatch.FromString(pack_columns(batch).SerializeToString())
    assert len(getattr(message.columns[0], field)) == len(values)
    assert unpack_batch(message, schema).column(0).equals(array)


def test_a_slice_begins_at_its_own_first_bit() -> None:
    array = pa.array([None, 1, None, 3, 4, None, 6, 7, 8, None], pa.int64()).slice(3, 6)
    column = pack_column(array)
    assert list(column.integers) == [3, 4, 0, 6, 7, 8]
    assert unpack_columns([column], 6, "columns") == [[3, 4, None, 6, 7, 8]]


def test_empty_text_is_not_null() -> None:
    assert unpack_columns([pack_column(pa.array(["", None, "a"]))], 3, "columns") == [["", None, "a"]]


def test_infinite_timestamps_are_the_ends_of_the_range() -> None:
    array = pa.array([MINUS_INFINITY, 0, INFINITY], pa.int64()).view(pa.timestamp("us", "UTC"))
    column = pack_column(array)
    assert list(column.timestamps) == [MINUS_INFINITY, 0, INFINITY]
    assert unpack_columns([column], 3, "columns") == [["-infinity", "1970-01-01T00:00:00+00:00", "infinity"]]


@pytest.mark.parametrize(
    ("column", "says"),
    [
        (sql_pb2.Column(integers=[1]), "1 cells where there are 2 rows"),
        (sql_pb2.Column(), "Exactly one kind"),
        (sql_pb2.Column(integers=[1, 2], texts=["a", "b"]), "Exactly one kind"),
        (sql_pb2.Column(integers=[1, 2], validity=b"\x03\x00"), "2 bytes of validity"),
    ],
)
def test_request_columns_that_do_not_agree_are_refused_by_name(column: sql_pb2.Column, says: str) -> None:
    with pytest.raises(DirectFlowError) as refused:
        unpack_columns([sql_pb2.Column(integers=[1, 2]), column], 2, "tuples.columns")
    assert [violation.field for violation in refused.value.violations] == ["tuples.columns[1]"]
    assert says in refused.value.violations[0].description


def test_a_type_that_no_column_holds_is_a_defect_of_ours() -> None:
    with pytest.raises(TypeError, match="decimal"):
        pack_column(pa.array([1], pa.decimal128(10)))
