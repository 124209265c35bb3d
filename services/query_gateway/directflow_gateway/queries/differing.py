"""Two statements of one connection, their keyed rows side by side in one snapshot."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace

import pyarrow as pa
from directflow_runtime.errors import DirectFlowError, FieldViolation, StatusCode

from directflow_gateway.description import Description, plan
from directflow_gateway.execution import StreamPlan, StreamProgress
from directflow_gateway.execution.connection import must_be_pooled
from directflow_gateway.queries.engine import QueryEngine, Session, Values, allowed_functions
from directflow_gateway.queries.replaced_role import streams_again
from directflow_gateway.queries.rows import Arrangement, Ending, Opening, Wanted, opening_of, picked
from directflow_gateway.queries.statement import Statement, StatementRole
from directflow_gateway.sql import bind
from directflow_gateway.sql.merging import Part, merge


@dataclass(frozen=True, slots=True)
class Pair:
    """Two statements, and what of their rows is wanted."""

    first: Statement
    """Its limits hold for both together."""
    second: Statement
    key_column: str
    columns: tuple[str, ...]
    """Those that a statement does not have are NULL in its rows."""

    @property
    def connection(self) -> str:
        """The connection's name: of both."""
        return self.first.connection


@dataclass(frozen=True, slots=True, repr=False)
class PairOpening:
    """What is known before the first row."""

    opening: Opening
    first_columns: tuple[str, ...]
    """Those of the wanted columns that the first statement has."""
    second_columns: tuple[str, ...]


@streams_again
async def stream_difference(
    engine: QueryEngine, pair: Pair, values: Values
) -> AsyncGenerator[PairOpening | pa.RecordBatch | Ending, None]:
    """A PairOpening, then record batches by key, then an Ending; see `rows.stream_rows`. Raises DirectFlowError."""
    _refuse_unequal(pair)
    await engine.check(pair.second)  # before a session is taken, as with the first
    async with engine.session(pair.first, streams=True) as session:
        other = await engine.described_within(session, pair.second)
        description = await _merged(engine, session, other, pair)
        with engine.span("compare", pair.first, session) as span:
            await span.text(description.compiled.text)
            wanted = Wanted(description.compiled, bind(description.compiled, values), description.columns)
            with span.planning():
                estimate = await plan(session.conn, wanted.compiled, wanted.parameters)
            span.planned(estimate.rows)
            opening = opening_of(session, wanted.columns, Arrangement().form, estimate.rows)
            yield PairOpening(opening, _having(session.prepared.description, pair), _having(other, pair))
            progress, started = StreamProgress(), time.monotonic()
            span.runs(must_be_pooled(session.conn).wire, progress)
            async with aclosing(wanted.batches(session, StreamPlan(wanted.columns, estimate.width), progress)) as rows:
                async for batch in rows:
                    span.batch()
                    yield batch
            elapsed = time.monotonic() - started
            yield Ending(progress.rows, progress.bytes, elapsed, progress.first_row_s or 0.0, progress.truncated)


async def _merged(engine: QueryEngine, session: Session, other: Description, pair: Pair) -> Description:
    """The two as one statement, past the guard, the server's description and the catalogue, like any other."""
    connection = session.prepared.connection
    first, second = _part(session.prepared.description, pair), _part(other, pair)
    columns = [name for name in pair.columns if name in first.types or name in second.types]
    allowed = allowed_functions(connection, pair.first) | allowed_functions(connection, pair.second)
    merged = await asyncio.to_thread(merge, first, second, pair.key_column, columns, allowed)
    as_any = replace(pair.first, role=StatementRole.AD_HOC, allowed_functions=allowed)
    return await engine.described_within(session, as_any, merged)


def _part(description: Description, pair: Pair) -> Part:
    columns = description.columns
    picked(columns, (pair.key_column,), "key_column")
    picked(columns, _having(description, pair), "columns")  # there, and not twice
    return Part(description.compiled, {column.name: column.pg_type for column in columns})


def _having(description: Description, pair: Pair) -> tuple[str, ...]:
    names = {column.name for column in description.columns}
    return tuple(name for name in pair.columns if name in names)


def _refuse_unequal(pair: Pair) -> None:
    violations = []
    if pair.first.connection != pair.second.connection:
        violations.append(FieldViolation("second.connection", "Must be the first one's.", "OTHER_CONNECTION"))
    kinds = {variable.name: variable for variable in pair.first.variables}
    violations += [
        FieldViolation("second.variables", f"{variable.name} is declared otherwise in the first.", "OTHER_KIND")
        for variable in pair.second.variables
        if kinds.get(variable.name, variable) != variable
    ]
    if len(set(pair.columns) | {pair.key_column}) <= len(pair.columns):
        violations.append(FieldViolation("columns", "No column twice, and not the key column.", "DUPLICATE"))
    if violations:
        raise DirectFlowError(
            StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", "The statements do not go together.", violations=violations
        )
