"""Between the values, schemas and rows of sql.v1 and plain ones."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Final

import pyarrow as pa
from directflow.segments.v1 import audience_service_pb2 as pb
from directflow.sql.v1 import sql_pb2
from directflow_runtime.errors import DirectFlowError, FieldViolation, StatusCode
from google.protobuf.duration_pb2 import Duration

from directflow_segments.data_sources import Scalar, Value

_KINDS_BY_WIRE_TYPE: Final[Mapping[int, frozenset[str]]] = {
    sql_pb2.WIRE_TYPE_BOOLEAN: frozenset({"boolean"}),
    sql_pb2.WIRE_TYPE_INTEGER: frozenset({"integer"}),
    sql_pb2.WIRE_TYPE_DOUBLE: frozenset({"number", "integer"}),
    sql_pb2.WIRE_TYPE_TEXT: frozenset({"text"}),
    sql_pb2.WIRE_TYPE_TIMESTAMP: frozenset({"text"}),
}


def invalid(violations: Sequence[FieldViolation]) -> DirectFlowError:
    """INVALID_REQUEST with all of these."""
    first = violations[0]
    return DirectFlowError(
        StatusCode.INVALID_ARGUMENT,
        "INVALID_REQUEST",
        f"{first.field}: {first.description}",
        violations=violations,
    )


def value_message(value: Value) -> sql_pb2.Value:
    """A value on the wire."""
    if isinstance(value, tuple):
        return sql_pb2.Value(list=sql_pb2.ValueList(values=[_scalar_message(element) for element in value]))
    return _scalar_message(value)


def _scalar_message(value: Scalar) -> sql_pb2.Value:
    match value:
        case None:
            return sql_pb2.Value(null=True)
        case bool():  # before int, which a bool is as well
            return sql_pb2.Value(boolean=value)
        case int():
            return sql_pb2.Value(integer=value)
        case float():
            return sql_pb2.Value(number=value)
        case str():
            return sql_pb2.Value(text=value)


def values_from(messages: Mapping[str, sql_pb2.Value], field: str = "variables") -> dict[str, Value]:
    """The caller's values. INVALID_REQUEST names every list within a list."""
    nested = [
        FieldViolation(f"{field}.{name}", "a list may hold scalars only", "NESTED_LIST")
        for name, message in messages.items()
        if any(element.WhichOneof("kind") == "list" for element in message.list.values)
    ]
    if nested:
        raise invalid(nested)
    return {name: value_from(message) for name, message in messages.items()}


def value_from(message: sql_pb2.Value) -> Value:
    """A value; a message in which nothing is set, and a list within a list, are NULL."""
    if message.WhichOneof("kind") == "list":
        return tuple(_scalar(element) for element in message.list.values)
    return _scalar(message)


def _scalar(message: sql_pb2.Value) -> Scalar:
    match message.WhichOneof("kind"):
        case "boolean":
            return message.boolean
        case "integer":
            return message.integer
        case "number":
            return message.number
        case "text":
            return message.text
        case _:
            return None


def schema_message(schema: pa.Schema) -> sql_pb2.Schema:
    """Columns with the PostgreSQL types that the gateway noted in each field's metadata."""
    return sql_pb2.Schema(columns=[_column_type(field) for field in schema])


def _column_type(field: pa.Field) -> sql_pb2.ColumnType:
    metadata = field.metadata or {}
    return sql_pb2.ColumnType(
        name=field.name,
        postgres_type=metadata.get(b"pg_type", b"").decode(),
        type_oid=int(metadata.get(b"pg_oid", b"0")),
        wire_type=_wire_type(field.type),
    )


def _wire_type(arrow: pa.DataType) -> sql_pb2.WireType:
    if pa.types.is_boolean(arrow):
        return sql_pb2.WIRE_TYPE_BOOLEAN
    if pa.types.is_integer(arrow):
        return sql_pb2.WIRE_TYPE_INTEGER
    if pa.types.is_floating(arrow):
        return sql_pb2.WIRE_TYPE_DOUBLE
    return sql_pb2.WIRE_TYPE_TIMESTAMP if pa.types.is_timestamp(arrow) else sql_pb2.WIRE_TYPE_TEXT


def row_message(schema: sql_pb2.Schema, cells: Iterable[Scalar]) -> pb.Row:
    """One row."""
    return pb.Row(schema=schema, values=[_scalar_message(cell) for cell in cells])


def row_from(message: pb.Row, field: str) -> dict[str, Scalar]:
    """A row that a caller kept, by column. INVALID_REQUEST where its cells do not fit its own schema."""
    columns = message.schema.columns
    names = [column.name for column in columns]
    if len(names) != len(message.values) or len(set(names)) != len(names):
        raise invalid([FieldViolation(field, "needs one cell for each column, and no column twice", "RAGGED_ROW")])
    misfits = [
        FieldViolation(f"{field}.values[{index}]", f"is no value of the column {column.name}", "WRONG_TYPE")
        for index, (column, value) in enumerate(zip(columns, message.values, strict=True))
        if not _fits(column.wire_type, value)
    ]
    if misfits:
        raise invalid(misfits)
    return {name: _scalar(value) for name, value in zip(names, message.values, strict=True)}


def _fits(wire_type: int, value: sql_pb2.Value) -> bool:
    kind = value.WhichOneof("kind")
    return kind in (None, "null") or kind in _KINDS_BY_WIRE_TYPE.get(wire_type, frozenset())


def seconds(duration: Duration) -> float:
    """A duration in seconds; 0.0 where it is absent."""
    return duration.seconds + duration.nanos / 1e9


def duration_message(value: float) -> Duration:
    """Seconds as a duration."""
    duration = Duration()
    duration.FromTimedelta(timedelta(seconds=value))
    return duration
