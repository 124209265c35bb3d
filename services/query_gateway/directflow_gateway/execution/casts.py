"""From the text of a cell to a typed Arrow column. Casting inside Arrow is six times faster than Python objects."""

from collections.abc import Callable, Sequence

import pyarrow as pa
import pyarrow.compute as pc
from directflow_runtime.errors import DirectFlowError, StatusCode

from directflow_gateway.execution.plan import ResultColumn, ValueForm
from directflow_gateway.execution.timestamps import timestamps

TIMESTAMPTZ_OID = 1184
STRING = pa.string()
NAIVE = pa.timestamp("us")
UTC = pa.timestamp("us", "UTC")

Cast = Callable[[pa.StringArray], pa.Array]


def schema_of(columns: Sequence[ResultColumn], form: ValueForm) -> pa.Schema:
    """The Arrow schema of a result; each field's metadata holds PostgreSQL's type, by name and by oid."""
    return pa.schema([_field(column, form) for column in columns])


def casts_of(columns: Sequence[ResultColumn], form: ValueForm) -> list[Cast]:
    """For each column what makes its field's type of the text. Each may raise DATA_ERROR."""
    return [_cast(_type(column, form)) for column in columns]


def _field(column: ResultColumn, form: ValueForm) -> pa.Field:
    metadata = {b"pg_type": column.pg_type.encode(), b"pg_oid": str(column.oid).encode()}
    return pa.field(column.name, _type(column, form), metadata=metadata)


def _type(column: ResultColumn, form: ValueForm) -> pa.DataType:
    if form is ValueForm.TEXT:
        return STRING
    if column.wire.name == "TIMESTAMP":
        return UTC if column.oid == TIMESTAMPTZ_OID else NAIVE
    return {"BOOLEAN": pa.bool_(), "INTEGER": pa.int64(), "DOUBLE": pa.float64()}.get(column.wire.name, STRING)


def _cast(kind: pa.DataType) -> Cast:
    if kind == STRING:
        return lambda text: text
    if pa.types.is_boolean(kind):
        return lambda text: pc.equal(text, "t")  # PostgreSQL prints t and f, which Arrow's cast does not know
    if pa.types.is_timestamp(kind):
        return _guarded(lambda text: timestamps(text, kind))
    return _guarded(lambda text: pc.cast(text, kind))


def _guarded(cast: Cast) -> Cast:
    def guarded(text: pa.StringArray) -> pa.Array:
        try:
            return cast(text)
        except ValueError:  # ArrowInvalid is one. Its message holds the value.
            message = "the server printed a value that its type cannot have"
            raise DirectFlowError(StatusCode.FAILED_PRECONDITION, "DATA_ERROR", message) from None

    return guarded
