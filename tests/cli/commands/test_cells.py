"""Cells of a result: exact, and readable where the wire has numbers."""

import math

import pyarrow as pa
import pytest
from directflow.sql.v1 import sql_pb2
from directflow_cli.commands.cells import columns_of, columns_of_arrow, iso, json_cell

MICROS = 1_709_209_800_000_000  # 2024-02-29T12:30:00Z


def schema(*columns: tuple[str, int, str]) -> sql_pb2.Schema:
    return sql_pb2.Schema(
        columns=[
            sql_pb2.ColumnType(name=name, wire_type=wire, postgres_type=postgres)  # type: ignore[arg-type]
            for name, wire, postgres in columns
        ]
    )


@pytest.mark.parametrize(
    ("micros", "utc", "text"),
    [
        (MICROS, True, "2024-02-29T12:30:00Z"),
        (MICROS, False, "2024-02-29T12:30:00"),
        (MICROS + 1, True, "2024-02-29T12:30:00.000001Z"),
        (MICROS + 120_000, False, "2024-02-29T12:30:00.12"),
        (0, True, "1970-01-01T00:00:00Z"),
        (-1, True, "1969-12-31T23:59:59.999999Z"),
        (2**63 - 1, True, "infinity"),
        (-(2**63), False, "-infinity"),
        (253_402_300_800_000_000, True, "10000-01-01T00:00:00Z"),
        (-62_198_755_200_000_000, True, "-001-01-01T00:00:00Z"),
    ],
)
def test_a_timestamp_is_iso_8601(micros: int, utc: bool, text: str) -> None:
    assert iso(micros, utc=utc) == text


def test_plain_columns_are_read_by_their_wire_type_and_validity() -> None:
    columns = schema(
        ("b", sql_pb2.WIRE_TYPE_BOOLEAN, "boolean"),
        ("i", sql_pb2.WIRE_TYPE_INTEGER, "bigint"),
        ("d", sql_pb2.WIRE_TYPE_DOUBLE, "real"),
        ("t", sql_pb2.WIRE_TYPE_TEXT, "numeric(12,2)"),
        ("z", sql_pb2.WIRE_TYPE_TIMESTAMP, "timestamp(3) with time zone"),
        ("w", sql_pb2.WIRE_TYPE_TIMESTAMP, "timestamp without time zone"),
    )
    batch = sql_pb2.ColumnBatch(
        row_count=2,
        columns=[
            sql_pb2.Column(booleans=[True, False]),
            sql_pb2.Column(integers=[2**63 - 1, 0], validity=b"\x01"),
            sql_pb2.Column(doubles=[0.5, 1e300]),
            sql_pb2.Column(texts=["", "1.50"], validity=b"\x02"),
            sql_pb2.Column(timestamps=[MICROS, 2**63 - 1]),
            sql_pb2.Column(timestamps=[MICROS, 0], validity=b"\x01"),
        ],
    )
    assert columns_of(columns, batch) == [
        [True, False],
        [2**63 - 1, None],
        [0.5, 1e300],
        [None, "1.50"],
        ["2024-02-29T12:30:00Z", "infinity"],
        ["2024-02-29T12:30:00", None],
    ]


def test_validity_counts_over_more_than_one_byte() -> None:
    batch = sql_pb2.ColumnBatch(row_count=9, columns=[sql_pb2.Column(integers=range(9), validity=b"\xff\x00")])
    (column,) = columns_of(schema(("i", sql_pb2.WIRE_TYPE_INTEGER, "bigint")), batch)
    assert column == [*range(8), None]


def test_a_ragged_batch_is_refused() -> None:
    batch = sql_pb2.ColumnBatch(row_count=2, columns=[sql_pb2.Column(integers=[1])])
    with pytest.raises(ValueError, match="1 cells in a batch of 2"):
        columns_of(schema(("i", sql_pb2.WIRE_TYPE_INTEGER, "bigint")), batch)


def test_arrow_columns_give_the_same_cells() -> None:
    batch = pa.record_batch(
        {
            "i": pa.array([2**63 - 1, None]),
            "z": pa.array([MICROS, 2**63 - 1], pa.timestamp("us", "UTC")),
            "w": pa.array([None, MICROS], pa.timestamp("us")),
        }
    )
    assert columns_of_arrow(batch) == [
        [2**63 - 1, None],
        ["2024-02-29T12:30:00Z", "infinity"],
        [None, "2024-02-29T12:30:00"],
    ]


def test_what_json_has_no_number_for_becomes_text() -> None:
    assert [json_cell(cell) for cell in (math.nan, math.inf, -math.inf, 0.5)] == ["NaN", "Infinity", "-Infinity", 0.5]
