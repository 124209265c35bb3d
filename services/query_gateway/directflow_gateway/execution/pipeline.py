"""Many statements in one round trip, in groups that fail each for itself."""

from collections.abc import Sequence
from typing import NamedTuple

import psycopg
from psycopg import pq
from psycopg.errors import error_from_result
from psycopg.pq.abc import PGresult

from directflow_gateway.execution.wire import AllowanceExceeded, Parameters, Statement, Wire

FEW_GROUPS = 4
NAP_S = 0.0008
"""While the results of many groups are to come: the server sends each for itself, and to wake up for each would cost
more than to read it."""
PREPARED = b"_df_cells"
"""Name of the one statement that is prepared, and closed again in the same pipeline. Where that is cut short, the end
of the transaction closes it: never DEALLOCATE ALL, which would take a pooler's own statements away."""


class GroupResult(NamedTuple):
    """What a group of statements came to: the results before the first error, and that error where there is one."""

    results: list[PGresult]
    error: psycopg.Error | None = None


class CellsResult(NamedTuple):
    """The cells of a statement with one column, one behind the other; with an error, those of the rows before it."""

    cells: bytes
    error: psycopg.Error | None = None


class Pipeline:
    """Raises psycopg.OperationalError when the connection is lost, AllowanceExceeded when all results together are
    larger than `allowance` bytes: they are held until the last one has come."""

    def __init__(self, wire: Wire, allowance: int) -> None:
        self._wire = wire
        self._allowance = allowance
        self._ends_at = wire.read_so_far() + allowance

    async def groups(self, groups: Sequence[Sequence[Statement]]) -> list[GroupResult]:
        """Behind an error nothing of its group has run, and the next group has."""
        self._begin()
        for group in groups:
            self._send(group)
        await self._wire.flush()
        told = []
        for left in range(len(groups), 0, -1):
            self._let_come(left)
            told.append(await self._group())
        self._wire.pgconn.exit_pipeline_mode()
        return told

    async def cells(
        self, head: Sequence[Statement], before: Statement, statement: str, each: Sequence[Parameters]
    ) -> list[CellsResult]:
        """One text with one column for many sets of parameters, each with `before` in front: parsed once, and its cells
        row by row, so that those before an error are not lost with it. Raises psycopg.Error for `head` and the text."""
        self._begin()
        self._prepare(head, statement)
        for parameters in each:
            self._wire.send(before)
            self._wire.pgconn.send_query_prepared(
                PREPARED, [None if text is None else text.encode() for text in parameters]
            )
            self._wire.pgconn.pipeline_sync()
        self._wire.pgconn.send_close_prepared(PREPARED)
        self._wire.pgconn.pipeline_sync()
        await self._wire.flush()
        opened = await self._group()
        told = []
        for left in range(len(each), 0, -1):
            self._let_come(left)
            told.append(await self._cells())
        await self._wire.to_sync(self._allowance)
        self._wire.prepared.discard(PREPARED)
        self._wire.pgconn.exit_pipeline_mode()
        if opened.error is not None:
            raise opened.error
        return told

    # --- sending -----------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        self._wire.nap_s = 0.0
        self._wire.pgconn.enter_pipeline_mode()

    def _send(self, group: Sequence[Statement]) -> None:
        for statement in group:
            self._wire.send(statement)
        self._wire.pgconn.pipeline_sync()

    def _prepare(self, head: Sequence[Statement], text: str) -> None:
        for statement in head:
            self._wire.send(statement)
        self._wire.prepared.add(PREPARED)
        self._wire.pgconn.send_prepare(PREPARED, text.encode())
        self._wire.pgconn.pipeline_sync()

    # --- receiving ---------------------------------------------------------------------------------------------------

    def _let_come(self, groups: int) -> None:
        self._wire.nap_s = NAP_S if groups > FEW_GROUPS else 0.0
        self._allowance = self._ends_at - self._wire.read_so_far()
        if self._allowance <= 0:
            raise AllowanceExceeded

    async def _group(self) -> GroupResult:
        results = await self._wire.to_sync(self._allowance)
        for place, result in enumerate(results):
            if result.status == pq.ExecStatus.FATAL_ERROR:
                return GroupResult(results[:place], error_from_result(result, encoding="utf-8"))
        return GroupResult(results)

    async def _cells(self) -> CellsResult:
        _, error = await self._one(single_rows=False)  # of `before`
        cells, own = await self._one(single_rows=error is None)
        await self._wire.to_sync(self._allowance)
        return CellsResult(cells, error or own)

    async def _one(self, *, single_rows: bool) -> CellsResult:
        """The results of one statement to their end."""
        wire, pgconn = self._wire, self._wire.pgconn
        cells, error = bytearray(), None
        if single_rows:
            pgconn.set_single_row_mode()
        while True:
            # Without the price of a wait for what libpq has read already: there is a result for each row.
            result = await wire.result(self._allowance) if pgconn.is_busy() else pgconn.get_result()
            if result is None:
                break
            if result.status == pq.ExecStatus.SINGLE_TUPLE:
                cells += result.get_value(0, 0) or b""
            elif result.status == pq.ExecStatus.FATAL_ERROR:
                error = error_from_result(result, encoding="utf-8")
        wire.check_alive()
        return CellsResult(bytes(cells), error)
