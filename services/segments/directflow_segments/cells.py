"""Single cells out of Arrow columns: for segments and single rows, never for audiences."""

import pyarrow as pa
import pyarrow.compute as pc

from directflow_segments.data_sources import Scalar

_INFINITIES = {-(2**63): "-infinity", 2**63 - 1: "infinity"}


def cells_of(column: pa.Array) -> list[Scalar]:
    """The cells of a column as booleans, integers, numbers or texts; a timestamp as ISO text."""
    return _timestamps(column) if pa.types.is_timestamp(column.type) else column.to_pylist()


def _timestamps(column: pa.TimestampArray) -> list[Scalar]:
    # Through Arrow: Python's datetime ends with the year 9999, and int64's ends stand for infinity.
    microseconds = column.cast(pa.int64()).to_pylist()
    finite = pc.if_else(pc.is_in(column.cast(pa.int64()), pa.array(list(_INFINITIES))), None, column)
    texts = finite.cast(pa.string()).to_pylist()
    return [_INFINITIES.get(count, text) for count, text in zip(microseconds, texts, strict=True)]
