"""Rows of one statement for one set of values: streamed in Arrow batches, or counted."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
from directflow_runtime.errors import DirectFlowError, FieldViolation, Problem, StatusCode

from directflow_gateway.description import ColumnType, plan
from directflow_gateway.execution import StreamPlan, fetch_first, snapshot_time, stream
from directflow_gateway.queries.engine import QueryEngine, Session, Values
from directflow_gateway.queries.statement import Statement
from directflow_gateway.queries.statement_span import StatementSpan, statement_span
from directflow_gateway.sql import (
    CompiledStatement,
    bind,
    normalise_for_telemetry,
    wrap_for_columns,
    wrap_for_count,
    wrap_for_key_order,
)


@dataclass(frozen=True, slots=True)
class Arrangement:
    """How the rows of a statement are wanted."""

    as_text: bool = False
    """True: every cell as PostgreSQL prints it."""
    columns: tuple[str, ...] = ()
    """Only these, in this order; empty: all."""
    order_by: str = ""
    """Order by this column, NULL first, text by its bytes."""
    after: str | None = None
    """With `order_by`: only rows whose column is greater than this."""


@dataclass(frozen=True, slots=True, repr=False)
class Opening:
    """What is known before the first row."""

    columns: tuple[ColumnType, ...]
    schema: pa.Schema
    snapshot_time: datetime
    estimated_rows: int
    warnings: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Ending:
    """Counts of a stream that ended in good order."""

    row_count: int
    byte_count: int
    elapsed_s: float
    first_row_s: float
    truncated: bool


RowEvent = Opening | pa.RecordBatch | Ending


async def stream_rows(
    engine: QueryEngine, statement: Statement, values: Values, arrangement: Arrangement
) -> AsyncIterator[RowEvent]:
    """An Opening, then record batches, then an Ending; without the Ending the rows are not complete. Close it
    explicitly (`aclosing`): an abandoned generator would keep the session. Raises DirectFlowError."""
    async with engine.session(statement) as session:
        columns, compiled, parameters = arranged(session, values, arrangement)
        with statement_span("stream", statement, session.prepared.connection.database) as span:
            async for event in _stream(session, span, columns, compiled, parameters, arrangement):
                yield event
