"""The first row of a statement for each of many tuples, in the tuples' order."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from time import monotonic

import psycopg
import pyarrow as pa
from directflow_runtime.errors import DirectFlowError

from directflow_gateway.connections import Limits
from directflow_gateway.description import ColumnType
from directflow_gateway.execution import Row, Rows, to_record_batch
from directflow_gateway.execution.first_rows import MOST_SKIPPED_ROWS, far_too_many
from directflow_gateway.execution.meter import row_too_large
from directflow_gateway.execution.raw_rows import RawRow
from directflow_gateway.queries.engine import QueryEngine
from directflow_gateway.queries.outcomes import Outcome
from directflow_gateway.queries.replaced_role import streams_again
from directflow_gateway.queries.rows import Opening, opening_of
from directflow_gateway.queries.sets.costs import Form, Step
from directflow_gateway.queries.sets.driver import Driver
from directflow_gateway.queries.sets.plan import SetPlan, single_plan
from directflow_gateway.queries.sets.session import TWO_ROWS, SetSession
from directflow_gateway.queries.sets.tuples import BoundTuples, Tuples, bound_tuples
from directflow_gateway.queries.sets.work import Chunk, Ended, Parts, statement_for
from directflow_gateway.queries.statement import Statement

FIRST_WINDOW = 64
MOST_WINDOW = 2_000
"""Tuples whose rows are held until all of them are there, so that they can be sent in order."""
WINDOW_BYTES = 2 * 1024 * 1024
HELD_BYTES = 32 * 1024 * 1024
"""Beyond this a window is given up and run again in smaller statements: its rows are far wider than those before."""
SHRINK = 8
"""So many times smaller is the next try."""
BATCH_BYTES = 512 * 1024
CHUNK_ROWS = 64
"""libpq loses the rows of a chunk that an error cuts short: where one is expected, rows come one by one."""


class WindowTooLargeError(Exception):
    """The rows of a window's tuples are more than may be held."""


@dataclass(frozen=True, slots=True)
class FetchedRows:
    """Rows of some tuples, and the index of each row's tuple."""

    batch: pa.RecordBatch
    indexes: list[int]


@dataclass(frozen=True, slots=True)
class Fetched:
    """The outcome of every tuple, in order: the end of a fetch."""

    outcomes: list[Outcome]
    errors: Mapping[int, DirectFlowError] = field(repr=False)
    """Why tuples have the outcome ERROR, by index, rising."""


@streams_again
async def fetch(
    engine: QueryEngine, statement: Statement, tuples: Tuples
) -> AsyncGenerator[Opening | FetchedRows | Fetched, None]:
    """An Opening, then the first row of every tuple that has one, then every tuple's outcome."""
    async with SetSession(engine, statement) as session:
        opened = await session.session()
        prepared = opened.prepared
        columns = prepared.description.columns
        with session.span("fetch", opened) as span:
            await span.text(prepared.compiled.text)
            span.asks_about(tuples.row_count)
            yield opening_of(opened, columns)
            plan = prepared.sets or single_plan(prepared.compiled, is_condition=False)
            bound = await bound_tuples(prepared.compiled, tuples, distinct=not plan.is_volatile)
            fetching = Fetching(session, bound, plan)
            span.returns(lambda: (fetching.row_count, fetching.byte_count))
            async with aclosing(fetching.batches(columns)) as batches:
                async for rows in batches:
                    yield rows
            span.worked_by({form.value: count for form, count in fetching.forms.items()})
            yield Fetched(fetching.outcomes, fetching.errors)


class Fetching:
    """Window after window of tuples."""

    def __init__(self, session: SetSession, bound: BoundTuples, plan: SetPlan) -> None:
        self._session = session
        self._bound = bound
        self._plan = plan
        self.outcomes: list[Outcome] = []
        self.errors: dict[int, DirectFlowError] = {}
        self.forms: dict[Form, int] = {}
        self.row_count = 0
        self.byte_count = 0
        """Of cell text, of the rows that were given out."""

    async def batches(self, columns: Sequence[ColumnType]) -> AsyncGenerator[FetchedRows, None]:
        """All rows, in the order of the tuples."""
        size, place = FIRST_WINDOW, 0
        while place < len(self._bound.places):
            window = Window(self._session, self._bound, self._plan, (await self._session.session()).limits)
            indexes = range(place, min(place + size, len(self._bound.places)))
            try:
                await self._fill(window, indexes)
            except WindowTooLargeError:
                await self._session.leave()
                size = max(1, len(indexes) // SHRINK)
                continue
            for part in self._parts(window, indexes):
                yield FetchedRows(to_record_batch(columns, [row for _, row in part]), [index for index, _ in part])
            place = indexes.stop
            size = max(1, min(MOST_WINDOW, 4 * size, WINDOW_BYTES * len(indexes) // max(1, window.bytes)))

    async def _fill(self, window: "Window", indexes: range) -> None:
        wanted = sorted({self._bound.places[index] for index in indexes} - {-1})
        if wanted:
            chunk = range(wanted[0], wanted[-1] + 1) if wanted[-1] - wanted[0] + 1 == len(wanted) else wanted
            driver = Driver(self._session, self._bound, self._plan, window)
            await driver.run(chunk)
            for form, count in driver.statements.items():
                self.forms[form] = self.forms.get(form, 0) + count

    def _parts(self, window: "Window", indexes: range) -> list[list[tuple[int, Row]]]:
        """Takes the outcomes of a window; its rows in parts of about BATCH_BYTES."""
        parts: list[list[tuple[int, Row]]] = []
        size = BATCH_BYTES
        for index in indexes:
            place = self._bound.places[index]
            error = self._bound.refused.get(index) or window.errors.get(place)
            row = window.rows.get(place)
            if error is not None:
                self.errors[index] = error
                self.outcomes.append(Outcome.ERROR)
                continue
            self.outcomes.append(_outcome(window.counts.get(place, 0)))
            if row is not None:
                if size >= BATCH_BYTES:
                    parts.append([])
                    size = 0
                parts[-1].append((index, row))
                size += (row_bytes := _size(row))
                self.byte_count += row_bytes
                self.row_count += 1
        return parts


class Window:
    """Keeps the first row of each tuple of a window, and counts the others."""

    def __init__(self, session: SetSession, bound: BoundTuples, plan: SetPlan, limits: Limits) -> None:
        self._session = session
        self._bound = bound
        self._plan = plan
        self._limits = limits
        self._differing = frozenset(bound.columns)
        self.rows: dict[int, Row] = {}
        self.counts: dict[int, int] = {}
        self.errors: dict[int, DirectFlowError] = {}
        self.bytes = 0

    @property
    def transfers(self) -> bool:
        return True

    async def run(self, step: Step, chunk: Chunk) -> Ended:
        ended = await self._read(step.form, chunk, step.limit_s)
        return ended if ended.error is None or step.form is Form.LATERAL else Ended(0, ended.error)

    async def run_in_order(self, parts: Parts, limit_s: float) -> None:
        while (part := parts.following()) is not None:
            chunk = parts.chunk[part.start : part.stop]
            parts.ended(await self._read(Form.LATERAL, chunk, limit_s, chunk_rows=1))

    def took(self, index: int, rows: Rows) -> None:
        self._forget(index)
        limits = self._limits
        if rows.count > TWO_ROWS + MOST_SKIPPED_ROWS:
            self.failed(index, far_too_many(TWO_ROWS))
        elif any(_size(row) > limits.max_row_bytes for row in rows.first):
            self.failed(index, row_too_large(limits))
        elif rows.first:
            self._count(index, rows.count)
            self._keep(index, rows.first[0])

    def failed(self, index: int, error: DirectFlowError) -> None:
        self._forget(index)
        self.errors[index] = error

    async def _read(self, form: Form, chunk: Chunk, limit_s: float, chunk_rows: int = CHUNK_ROWS) -> Ended:
        """Reads a statement's rows. Complete are the tuples before the last one that came: in order, but for a JOIN."""
        statement = statement_for(self._plan.statement(form, self._differing), self._bound, self._plan.types, chunk)
        for index in chunk:
            self._forget(index)
            self.errors.pop(index, None)
        together = await self._session.together()
        last, started = 0, monotonic()
        try:
            async with aclosing(together.chunks(statement, chunk_rows, limit_s)) as chunks:
                async for rows in chunks:
                    for row in rows:
                        last = int(row[0] or 0)
                        self._take(chunk[last - 1], row)
        except psycopg.Error as error:
            if together.lost:
                raise
            return Ended(max(0, last - 1), error)
        return Ended(len(chunk), worked_s=monotonic() - started)

    def _take(self, index: int, row: RawRow) -> None:
        _, there, *cells = row
        if there is None or index in self.errors:
            return
        self._count(index, 1)
        if self.counts[index] > TWO_ROWS + MOST_SKIPPED_ROWS:
            self.failed(index, far_too_many(TWO_ROWS))
        elif self.counts[index] <= TWO_ROWS and sum(map(len, filter(None, cells))) > self._limits.max_row_bytes:
            self.failed(index, row_too_large(self._limits))
        elif self.counts[index] == 1:
            self._keep(index, tuple(None if cell is None else cell.decode() for cell in cells))

    def _keep(self, index: int, row: Row) -> None:
        self.rows[index] = row
        self.bytes += _size(row)
        if self.bytes > HELD_BYTES and len(self.rows) > 1:
            raise WindowTooLargeError

    def _count(self, index: int, rows: int) -> None:
        self.counts[index] = self.counts.get(index, 0) + rows

    def _forget(self, index: int) -> None:
        row = self.rows.pop(index, None)
        if row is not None:
            self.bytes -= _size(row)
        self.counts.pop(index, None)


def _outcome(rows: int) -> Outcome:
    if rows == 0:
        return Outcome.NO_ROW
    return Outcome.ROW if rows == 1 else Outcome.MULTIPLE_ROWS


def _size(row: Row) -> int:
    return sum(len(cell) if cell.isascii() else len(cell.encode()) for cell in row if cell is not None)
