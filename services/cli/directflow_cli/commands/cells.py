"""Columns of a result as Python values: integers exact, timestamps in ISO 8601, NULL as None.

Timestamps travel as microseconds since 1970; the two ends of int64 stand for -infinity and infinity. A timestamp with
time zone is UTC and ends in Z; one without is its wall clock and has no zone.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from directflow.sql.v1 import sql_pb2

if TYPE_CHECKING:  # imported where they are used: most commands use neither, and both together take a quarter second
    import pyarrow as pa

Cell = None | bool | int | float | str
Columns = Sequence[Sequence[Cell]]

INFINITE: Final = {-(2**63): "-infinity", 2**63 - 1: "infinity"}
WITH_TIME_ZONE: Final = "with time zone"

_FIELD_OF: Final = {
    sql_pb2.WIRE_TYPE_BOOLEAN: "booleans",
    sql_pb2.WIRE_TYPE_INTEGER: "integers",
    sql_pb2.WIRE_TYPE_DOUBLE: "doubles",
    sql_pb2.WIRE_TYPE_TEXT: "texts",
    sql_pb2.WIRE_TYPE_TIMESTAMP: "timestamps",
}


def columns_of(schema: sql_pb2.Schema, batch: sql_pb2.ColumnBatch) -> list[list[Cell]]:
    """The cells of a plain protobuf batch, column by column."""
    return [_column(kind, column, batch.row_count) for kind, column in zip(schema.columns, batch.columns, strict=True)]


def columns_of_arrow(batch: "pa.RecordBatch") -> list[list[Cell]]:
    """The cells of an Arrow batch, column by column."""
    return [_readable(column).to_pylist() for column in batch.columns]


def iso_texts(column: "pa.Array") -> "pa.Array":
    """A timestamp column as ISO 8601 text, infinities included."""
    import pyarrow as pa

    micros = column.cast(pa.int64())
    texts = [None if value is None else iso(value, utc=column.type.tz is not None) for value in micros.to_pylist()]
    return pa.array(texts, pa.string())


def iso(micros: int, *, utc: bool) -> str:
    """One timestamp. Years before 0 and after 9999 have a sign or more digits, as ISO 8601 has it."""
    if micros in INFINITE:
        return INFINITE[micros]
    import numpy as np

    text = str(np.datetime64(micros, "us"))
    whole, _, fraction = text.partition(".")
    fraction = fraction.rstrip("0")
    return whole + (f".{fraction}" if fraction else "") + ("Z" if utc else "")


def value_cell(value: sql_pb2.Value) -> Cell:
    """A value that is no list; lists never are cells."""
    kind = value.WhichOneof("kind")
    return None if kind in (None, "null", "list") else getattr(value, kind)


def json_cell(cell: Cell) -> Cell:
    """What JSON can hold: NaN and the infinities become text, as PostgreSQL writes them."""
    if isinstance(cell, float) and not math.isfinite(cell):
        return "NaN" if math.isnan(cell) else ("Infinity" if cell > 0 else "-Infinity")
    return cell


def _column(kind: sql_pb2.ColumnType, column: sql_pb2.Column, row_count: int) -> list[Cell]:
    cells: list[Any] = list(getattr(column, _FIELD_OF[kind.wire_type]))
    if len(cells) != row_count:
        raise ValueError(f"the column {kind.name} has {len(cells)} cells in a batch of {row_count} rows")
    if kind.wire_type == sql_pb2.WIRE_TYPE_TIMESTAMP:
        utc = kind.postgres_type.endswith(WITH_TIME_ZONE)  # there is timestamp(3) with time zone as well
        cells = [iso(cell, utc=utc) for cell in cells]
    if column.validity:
        cells = [cell if column.validity[row >> 3] >> (row & 7) & 1 else None for row, cell in enumerate(cells)]
    return cells


def _readable(column: "pa.Array") -> "pa.Array":
    import pyarrow as pa

    return iso_texts(column) if pa.types.is_timestamp(column.type) else column
