"""Streams the rows of one statement as Arrow record batches, in bounded memory.

Chunked rows, never a cursor: a cursor forbids parallel plans and is planned for a tenth of the rows. There is no
read-ahead in the process, because the sockets' buffers are one: PostgreSQL works on while the consumer is busy, and
stops when they are full.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import psycopg
import pyarrow as pa
from directflow_runtime.errors import DirectFlowError

from directflow_gateway.connections import Limits
from directflow_gateway.execution.batches import Batches
from directflow_gateway.execution.cancel import BUDGET_S, stop
from directflow_gateway.execution.chunks import Run
from directflow_gateway.execution.connection import GatewayConnection, must_be_pooled
from directflow_gateway.execution.meter import Meter, row_too_large
from directflow_gateway.execution.pieces import Cutter, Piece
from directflow_gateway.execution.plan import StreamPlan, StreamProgress
from directflow_gateway.execution.raw_rows import RawRow
from directflow_gateway.execution.sqlstate import Phase, translate
from directflow_gateway.execution.wire import AllowanceExceeded, Parameters, Statement

if TYPE_CHECKING:
    from directflow_gateway.sql import CompiledStatement

SAVEPOINT = Statement("SAVEPOINT _df_s")
BACK = Statement("ROLLBACK TO SAVEPOINT _df_s")
CHUNK_ALLOWANCE = 14 * 1024 * 1024
"""Most bytes of one chunk of several rows; the planner says about 1 MiB. See `_rows` for what happens beyond."""
ROW_OVERHEAD = 256 * 1024
"""What a row may need on the wire beyond its text: lengths, and the frames of TLS."""
FLUSH_S = 0.5
"""Rows of a slow statement wait for a full batch no longer than this, once another row has come."""

Progressed = Callable[[StreamProgress], None]


async def stream(
    connection: psycopg.AsyncConnection[Any],
    text: str,
    parameters: Parameters,
    plan: StreamPlan,
    limits: Limits,
    on_progress: Progressed | None = None,
    *,
    compiled: "CompiledStatement | None" = None,
) -> AsyncGenerator[pa.RecordBatch, None]:
    """The rows of `text`, which has `$1`..`$n`, with the text form of each parameter; sent with type unknown.

    Batches are at most 1 MiB unless one row is larger. The rows are complete exactly when the iteration ends without
    an exception and `StreamProgress.truncated` is false; `on_progress` is called before each batch and at that end.
    Close it explicitly (`aclosing`), or the statement runs on until the garbage collector comes by. Within a
    `read_only_transaction` on a leased connection, which can only be ended after anything but a complete stream.

    Raises DirectFlowError: ROW_LIMIT_EXCEEDED, BYTE_LIMIT_EXCEEDED, ROW_TOO_LARGE, STATEMENT_TIMEOUT, STREAM_TOO_OLD,
    DEADLINE_EXCEEDED, DEFINITION_BROKEN (the columns are no longer those of `plan`), DATA_ERROR, DATABASE_UNREACHABLE,
    and whatever else `sqlstate.translate` makes of the server's errors, with the help of `compiled`.
    """
    leased = must_be_pooled(connection)
    run = Run(leased, limits, plan.columns)
    rows = _rows(leased, run, Statement(text, parameters), plan, limits)
    meter = Meter(limits)
    batches = Batches(plan.columns, plan.form)
    tell = on_progress or (lambda progress: None)
    try:
        async with aclosing(_pieces(rows, run, len(plan.columns))) as pieces:
            async for piece in pieces:
                kept = meter.admit(piece) if piece is not None else None
                for batch in batches.add(kept) if kept is not None else batches.rest():
                    tell(meter.progress)
                    yield batch
                if meter.progress.truncated:
                    break
        for batch in batches.rest():
            tell(meter.progress)
            yield batch
    except psycopg.Error as error:
        raise translate(error, compiled, Phase.RUN) from None
    tell(meter.progress)


async def _pieces(rows: AsyncGenerator[list[RawRow], None], run: Run, width: int) -> AsyncGenerator[Piece | None, None]:
    """The rows in pieces. None: give out what you have, the statement is slow."""
    cutter = Cutter(width)
    flushed_at = time.monotonic()
    async with aclosing(rows):
        async for chunk in rows:
            for piece in cutter.add(chunk, run.bytes_read):
                yield piece
            if time.monotonic() - flushed_at > FLUSH_S:
                for piece in cutter.rest():
                    yield piece
                yield None
                flushed_at = time.monotonic()
    for piece in cutter.rest():
        yield piece


async def _rows(
    connection: GatewayConnection, run: Run, statement: Statement, plan: StreamPlan, limits: Limits
) -> AsyncGenerator[list[RawRow], None]:
    """The rows chunk by chunk.

    When the first chunk outgrows its allowance, the planner was wrong about the width. Nothing has been given out, so
    the statement is stopped and sent again in the same snapshot, row by row. Later the stream can only be ended.
    """
    try:
        if plan.chunk_rows > 1:
            await connection.wire.run(SAVEPOINT)
            try:
                async with aclosing(run.chunks(statement, plan.chunk_rows, CHUNK_ALLOWANCE)) as chunks:
                    async for rows in chunks:
                        yield rows
                return
            except AllowanceExceeded:
                if run.row_count or not await _back(connection):
                    raise
        async with aclosing(run.chunks(statement, 1, limits.max_row_bytes + ROW_OVERHEAD)) as chunks:
            async for rows in chunks:
                yield rows
    except AllowanceExceeded:
        # Closed, not cancelled: while the server sends one row it hears no cancel, and a drain would read all of it.
        connection.abort()
        raise row_too_large(limits) from None


async def _back(connection: GatewayConnection) -> bool:
    """Stops the statement and undoes that; False when the connection did not survive it."""
    try:
        async with asyncio.timeout(BUDGET_S):
            await stop(connection)
            await connection.wire.run(BACK)
    except (psycopg.OperationalError, AllowanceExceeded, DirectFlowError, TimeoutError):
        return False
    return True
