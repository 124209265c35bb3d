"""The first rows of a statement, for evaluations: a handful of cells as text."""

from collections.abc import Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import psycopg
import pyarrow as pa
from directflow_runtime.errors import DirectFlowError, StatusCode

from directflow_gateway.connections import Limits
from directflow_gateway.execution.casts import casts_of, schema_of
from directflow_gateway.execution.chunks import Run
from directflow_gateway.execution.connection import must_be_pooled
from directflow_gateway.execution.meter import row_too_large
from directflow_gateway.execution.plan import ResultColumn, ValueForm
from directflow_gateway.execution.raw_rows import RawRow
from directflow_gateway.execution.sqlstate import Phase, translate
from directflow_gateway.execution.wire import AllowanceExceeded, Parameters, Statement

if TYPE_CHECKING:
    from directflow_gateway.sql import CompiledStatement

Row = tuple[str | None, ...]
"""The cells of a row as PostgreSQL prints them, NULL as None."""

MOST_SKIPPED_ROWS = 10_000
"""Rows behind the wanted ones that are read and dropped: to stop the statement would end the transaction."""
CHUNK_ROWS = 8
CHUNK_ALLOWANCE = 16 * 1024 * 1024
DEFAULT = Limits()


async def fetch_first(
    connection: psycopg.AsyncConnection[Any],
    text: str,
    parameters: Parameters,
    max_rows: int,
    *,
    limits: Limits = DEFAULT,
    compiled: "CompiledStatement | None" = None,
) -> list[Row]:
    """At most `max_rows` rows of `text`, which has `$1`..`$n`. The transaction goes on afterwards.

    Raises DirectFlowError: what `stream` raises, and ROW_LIMIT_EXCEEDED when thousands of rows more come, for then the
    statement is not what it is used as. After an error the transaction can only be ended.
    """
    leased = must_be_pooled(connection)
    run = Run(leased, limits)
    rows: list[Row] = []
    try:
        async with aclosing(run.chunks(Statement(text, parameters), CHUNK_ROWS, CHUNK_ALLOWANCE)) as chunks:
            async for chunk in chunks:
                wanted = chunk[: max_rows - len(rows)]
                rows += [tuple(map(_decoded, checked_row(row, limits))) for row in wanted]
                if run.row_count > max_rows + MOST_SKIPPED_ROWS:
                    raise far_too_many(max_rows)
    except AllowanceExceeded:
        leased.abort()
        raise row_too_large(limits) from None
    except psycopg.Error as error:
        raise translate(error, compiled, Phase.RUN) from None
    return rows


def to_record_batch(
    columns: Sequence[ResultColumn], rows: Sequence[Row], form: ValueForm = ValueForm.TYPED
) -> pa.RecordBatch:
    """Rows of `fetch_first` as a record batch, cell for cell as `stream` would deliver them. Raises DATA_ERROR."""
    if not columns:  # SELECT FROM t: rows without columns
        return pa.RecordBatch.from_struct_array(pa.array([{}] * len(rows), pa.struct([])))
    texts = [pa.array([row[position] for row in rows], pa.string()) for position in range(len(columns))]
    arrays = [cast(text) for cast, text in zip(casts_of(columns, form), texts, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema_of(columns, form))


def _decoded(cell: bytes | None) -> str | None:
    return None if cell is None else cell.decode()


def checked_row(row: RawRow, limits: Limits) -> RawRow:
    """The row, within its limit of bytes. Raises ROW_TOO_LARGE."""
    if sum(len(cell) for cell in row if cell is not None) > limits.max_row_bytes:
        raise row_too_large(limits)
    return row


def far_too_many(max_rows: int) -> DirectFlowError:
    """The statement is not what it is used as."""
    message = f"the statement returns thousands of rows where {max_rows} would do; add a LIMIT"
    return DirectFlowError(
        StatusCode.RESOURCE_EXHAUSTED,
        "ROW_LIMIT_EXCEEDED",
        message,
        metadata={"limit": str(max_rows + MOST_SKIPPED_ROWS)},
    )
