"""Rows of one statement for one set of values: streamed in Arrow batches, or counted."""

import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Self, TypeAlias

import pyarrow as pa
from directflow_runtime.errors import DirectFlowError, FieldViolation, Problem, StatusCode

from directflow_gateway.description import ColumnType, plan
from directflow_gateway.execution import StreamPlan, StreamProgress, ValueForm, fetch_first, schema_of, stream
from directflow_gateway.execution.connection import must_be_pooled
from directflow_gateway.queries.engine import QueryEngine, Session, Values
from directflow_gateway.queries.replaced_role import answers_again, streams_again
from directflow_gateway.queries.statement import Statement
from directflow_gateway.sql import (
    CompiledStatement,
    bind,
    wrap_for_columns,
    wrap_for_count,
    wrap_for_key_order,
)
from directflow_gateway.sql.wrapping import AFTER_VARIABLE


@dataclass(frozen=True, slots=True)
class Arrangement:
    """How the rows of a statement are wanted."""

    form: ValueForm = ValueForm.TYPED
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


RowEvent: TypeAlias = Opening | pa.RecordBatch | Ending


@streams_again
async def stream_rows(
    engine: QueryEngine, statement: Statement, values: Values, arrangement: Arrangement
) -> AsyncGenerator[RowEvent, None]:
    """An Opening, then record batches, then an Ending; without the Ending the rows are not complete. Close it
    explicitly (`aclosing`): an abandoned generator would keep the session. Raises DirectFlowError."""
    async with engine.session(statement, streams=True) as session:
        with engine.span("stream", statement, session) as span:
            wanted = Wanted.of(session, values, arrangement)
            await span.text(wanted.compiled.text)
            with span.planning():
                estimate = await plan(session.conn, wanted.compiled, wanted.parameters)
            span.planned(estimate.rows)
            yield opening_of(session, wanted.columns, arrangement.form, estimate.rows)
            progress, started = StreamProgress(), time.monotonic()
            span.runs(must_be_pooled(session.conn).wire, progress)
            batches = wanted.batches(session, StreamPlan(wanted.columns, estimate.width, arrangement.form), progress)
            async with aclosing(batches):
                async for batch in batches:
                    span.batch()
                    yield batch
            yield Ending(
                row_count=progress.rows,
                byte_count=progress.bytes,
                elapsed_s=time.monotonic() - started,
                first_row_s=progress.first_row_s or 0.0,
                truncated=progress.truncated,
            )


@dataclass(frozen=True, slots=True, repr=False)
class Wanted:
    """A statement as a call wants it: its wrapped text, its bound parameters, the columns that come out."""

    compiled: CompiledStatement
    parameters: tuple[str | None, ...]
    columns: tuple[ColumnType, ...]

    @classmethod
    def of(cls, session: Session, values: Values, arrangement: Arrangement) -> Self:
        """Wraps and binds. Raises VARIABLE_REJECTED, and INVALID_REQUEST for a column that is not there."""
        compiled, columns = session.prepared.compiled, session.prepared.description.columns
        if arrangement.order_by:
            (key,) = picked(columns, (arrangement.order_by,), "order_by_column")
            as_text = key.pg_type not in ORDERED_BY_THEMSELVES
            compiled = wrap_for_key_order(compiled, key.name, arrangement.after is not None, as_text=as_text)
            values = {**values, AFTER_VARIABLE: arrangement.after}
        if arrangement.columns:
            columns = picked(columns, arrangement.columns, "columns")
            compiled = wrap_for_columns(compiled, arrangement.columns)
        return cls(compiled, bind(compiled, values), columns)

    def batches(
        self, session: Session, plan: StreamPlan, progress: StreamProgress
    ) -> AsyncGenerator[pa.RecordBatch, None]:
        """The rows; `progress` follows them."""

        def follow(now: StreamProgress) -> None:
            for field in fields(StreamProgress):
                setattr(progress, field.name, getattr(now, field.name))

        return stream(
            session.conn, self.compiled.text, self.parameters, plan, session.limits, follow, compiled=self.compiled
        )


ORDERED_BY_THEMSELVES = frozenset({"smallint", "integer", "bigint", "uuid"})
"""Types whose equal values have equal text, and whose order no collation changes: their own order can use an index."""


def picked(columns: Sequence[ColumnType], names: Sequence[str], field: str) -> tuple[ColumnType, ...]:
    """The named columns, in the order of the names. INVALID_REQUEST names all that are missing or ambiguous."""
    by_name = {column.name: column for column in columns}
    doubled = {name for name in names if sum(column.name == name for column in columns) > 1}
    wrong = [name for name in names if name not in by_name or name in doubled]
    if wrong:
        raise DirectFlowError(
            StatusCode.INVALID_ARGUMENT,
            "INVALID_REQUEST",
            "The statement has no single column of that name.",
            violations=[FieldViolation(field, f"No single column {name[:64]}.", "UNKNOWN_COLUMN") for name in wrong],
        )
    return tuple(by_name[name] for name in names)


def opening_of(
    session: Session, columns: Sequence[ColumnType], form: ValueForm = ValueForm.TYPED, estimated_rows: int = 0
) -> Opening:
    """What is known before the first row. The moment is the snapshot's, by the customer's own clock."""
    snapshot_time = must_be_pooled(session.conn).snapshot_time
    assert snapshot_time is not None  # the transaction's beginning has told it
    return Opening(
        columns=tuple(columns),
        schema=schema_of(columns, form),
        snapshot_time=snapshot_time,
        estimated_rows=estimated_rows,
        warnings=session.prepared.description.warnings,
    )


@answers_again
async def count_rows(
    engine: QueryEngine, statement: Statement, values: Values, distinct_column: str = ""
) -> tuple[int, int]:
    """Rows of the statement, and different values of a column that are not NULL (0 without a column)."""
    async with engine.session(statement) as session:
        if distinct_column:
            picked(session.prepared.description.columns, (distinct_column,), "distinct_column")
        compiled = wrap_for_count(session.prepared.compiled, distinct_column or None)
        with engine.span("count", statement, session) as span:
            await span.text(compiled.text)
            span.runs(must_be_pooled(session.conn).wire)
            ((rows, *values_found),) = await fetch_first(
                session.conn, compiled.text, bind(compiled, values), 1, limits=session.limits, compiled=compiled
            )
            span.returned(1)
            return int(rows or 0), int(values_found[0] or 0) if values_found else 0


@answers_again
async def estimate_rows(engine: QueryEngine, statement: Statement, values: Values) -> int:
    """The planner's estimate of the rows; the statement does not run."""
    async with engine.session(statement) as session:
        compiled = session.prepared.compiled
        with engine.span("estimate", statement, session) as span:
            span.runs(must_be_pooled(session.conn).wire)
            with span.planning():
                estimate = await plan(session.conn, compiled, bind(compiled, values))
            span.planned(estimate.rows)
            return estimate.rows
