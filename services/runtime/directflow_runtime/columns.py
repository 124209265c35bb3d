"""Between Arrow record batches and the plain columns of `directflow.sql.v1`, both ways.

Fixed-width cells lie on the wire exactly as Arrow holds them, so a whole column is one length-prefixed field: it is
written from the buffer and handed to protobuf as bytes, instead of one Python number a cell.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
import pyarrow as pa
from directflow.sql.v1 import sql_pb2

from directflow_runtime.errors import DirectFlowError, FieldViolation, StatusCode

_BOOLEANS: Final = b"\x12"
_INTEGERS: Final = b"\x1a"
_DOUBLES: Final = b'"'
_TIMESTAMPS: Final = b"2"
"""Tags of Column's packed fields: (field number << 3) | 2. A test compares them with the descriptor."""

INFINITY: Final = 2**63 - 1
MINUS_INFINITY: Final = -(2**63)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Cell = bool | int | float | str | None


def pack_columns(batch: pa.RecordBatch) -> sql_pb2.ColumnBatch:
    """The cells of a batch as plain protobuf. NULL cells hold their type's zero value and a zero bit in `validity`.

    Columns are boolean, int64, double, string or timestamp in microseconds, as on the inner wire; TypeError else.
    """
    return sql_pb2.ColumnBatch(row_count=batch.num_rows, columns=[pack_column(column) for column in batch.columns])


def pack_column(array: pa.Array) -> sql_pb2.Column:
    """One column."""
    column = _packer(array.type)(array)
    if array.null_count:
        valid = array.is_valid().to_numpy(zero_copy_only=False)
        # Not Arrow's own bitmap: a slice of a batch begins in the middle of a byte.
        column.validity = np.packbits(valid, bitorder="little").tobytes()
    return column


def _packer(kind: pa.DataType) -> Callable[[pa.Array], sql_pb2.Column]:
    if pa.types.is_string(kind):
        return _pack_texts
    if pa.types.is_boolean(kind):
        return _pack_booleans
    if pa.types.is_int64(kind):
        return lambda array: _packed(_INTEGERS, _numbers(array, 0))
    if pa.types.is_float64(kind):
        return lambda array: _packed(_DOUBLES, _numbers(array, 0.0))
    if pa.types.is_timestamp(kind) and kind.unit == "us":
        return lambda array: _packed(_TIMESTAMPS, _numbers(array.view(pa.int64()), 0))
    raise TypeError(f"no column holds {kind}")


def _pack_texts(array: pa.Array) -> sql_pb2.Column:
    return sql_pb2.Column(texts=(array.fill_null("") if array.null_count else array).to_pylist())


def _pack_booleans(array: pa.Array) -> sql_pb2.Column:
    filled = array.fill_null(False) if array.null_count else array
    # A varint of 0 or 1 is one byte: the packed field is numpy's own array of booleans.
    return _packed(_BOOLEANS, filled.to_numpy(zero_copy_only=False).astype(np.uint8).tobytes())


def _numbers(array: pa.Array, zero: float) -> bytes:
    filled = array.fill_null(pa.scalar(zero, array.type)) if array.null_count else array
    numbers = filled.to_numpy(zero_copy_only=False)
    return bytes(numbers.astype(numbers.dtype.newbyteorder("<"), copy=False).tobytes())


def _packed(tag: bytes, payload: bytes) -> sql_pb2.Column:
    return sql_pb2.Column.FromString(b"".join((tag, _varint(len(payload)), payload))) if payload else sql_pb2.Column()


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 127:
        encoded.append(number & 127 | 128)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def unpack_batch(message: sql_pb2.ColumnBatch, schema: sql_pb2.Schema) -> pa.RecordBatch:
    """The record batch of a received column batch. Raises ValueError where columns and schema do not agree."""
    if len(message.columns) != len(schema.columns):
        raise ValueError(f"{len(message.columns)} columns where the schema has {len(schema.columns)}")
    arrays = [
        _array(column, kind, message.row_count) for column, kind in zip(message.columns, schema.columns, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, names=[kind.name for kind in schema.columns])


def _array(column: sql_pb2.Column, kind: sql_pb2.ColumnType, row_count: int) -> pa.Array:
    field, arrow_type = _FIELDS[kind.wire_type]
    if kind.wire_type == sql_pb2.WIRE_TYPE_TIMESTAMP and kind.postgres_type.endswith("without time zone"):
        arrow_type = pa.timestamp("us")
    cells = getattr(column, field)
    if len(cells) != row_count:
        raise ValueError(f"column {kind.name} has {len(cells)} cells where the batch has {row_count} rows")
    mask = None if not column.validity else ~_valid(column.validity, row_count)
    stored = pa.int64() if pa.types.is_timestamp(arrow_type) else arrow_type
    return pa.array(cells, stored, mask=mask).view(arrow_type)


_FIELDS: Final[Mapping[int, tuple[str, pa.DataType]]] = {
    sql_pb2.WIRE_TYPE_BOOLEAN: ("booleans", pa.bool_()),
    sql_pb2.WIRE_TYPE_INTEGER: ("integers", pa.int64()),
    sql_pb2.WIRE_TYPE_DOUBLE: ("doubles", pa.float64()),
    sql_pb2.WIRE_TYPE_TEXT: ("texts", pa.string()),
    sql_pb2.WIRE_TYPE_TIMESTAMP: ("timestamps", pa.timestamp("us", "UTC")),
}


def unpack_columns(columns: Sequence[sql_pb2.Column], row_count: int, field: str) -> list[list[Cell]]:
    """The cells of a request's columns, NULL as None, timestamps as ISO text.

    The parser accepts ragged columns and short bitmaps, so this is where they are refused: INVALID_REQUEST names every
    column that is wrong, under `field`.
    """
    violations = [
        FieldViolation(f"{field}[{index}]", description, "COLUMN")
        for index, column in enumerate(columns)
        if (description := _wrong_with(column, row_count))
    ]
    if violations:
        raise DirectFlowError(
            StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", "The columns do not agree.", violations=violations
        )
    return [_cells(column, row_count) for column in columns]


def _wrong_with(column: sql_pb2.Column, row_count: int) -> str:
    filled = [name for name, _ in _FIELDS.values() if len(getattr(column, name))]
    if len(filled) != 1:
        return "Exactly one kind of cells in each column."
    if len(getattr(column, filled[0])) != row_count:
        return f"{len(getattr(column, filled[0]))} cells where there are {row_count} rows."
    if column.validity and len(column.validity) != (row_count + 7) // 8:
        return f"{len(column.validity)} bytes of validity where {row_count} rows take {(row_count + 7) // 8}."
    return ""


def _cells(column: sql_pb2.Column, row_count: int) -> list[Cell]:
    name = next(name for name, _ in _FIELDS.values() if len(getattr(column, name)))
    cells: list[Any] = list(getattr(column, name))
    if name == "timestamps":
        cells = [timestamp_text(cell) for cell in cells]
    if not column.validity:
        return cells
    valid = _valid(column.validity, row_count)
    return [cell if there else None for cell, there in zip(cells, valid, strict=True)]


def _valid(bitmap: bytes, row_count: int) -> "np.ndarray[Any, np.dtype[np.bool_]]":
    if len(bitmap) * 8 < row_count:
        raise ValueError("a validity bitmap is shorter than its column")
    return np.unpackbits(np.frombuffer(bitmap, np.uint8), count=row_count, bitorder="little").astype(bool)


def timestamp_text(microseconds: int) -> str:
    """Microseconds since 1970 as text that PostgreSQL reads: ISO with UTC, `infinity` and `-infinity`."""
    if microseconds in (INFINITY, MINUS_INFINITY):
        return "infinity" if microseconds > 0 else "-infinity"
    try:
        return (_EPOCH + timedelta(microseconds=microseconds)).isoformat()
    except OverflowError:
        message = "A timestamp lies outside the years 1 to 9999."
        raise DirectFlowError(StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", message) from None
