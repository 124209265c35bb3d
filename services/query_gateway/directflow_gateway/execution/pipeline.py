"""Many statements in one round trip, in groups that fail each for itself."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

import psycopg
from psycopg import pq
from psycopg.errors import error_from_result
from psycopg.pq.abc import PGresult

from directflow_gateway.execution.clock import Clock
from directflow_gateway.execution.repeated import Repeated, send_prepared
from directflow_gateway.execution.wire import AllowanceExceeded, Parameters, Statement, Wire

FEW_GROUPS = 4
NAP_S = 0.0015
"""While the results of many groups are to come: the server sends each for itself, and to wake up for each would cost
more than to read it."""
AHEAD = 12
"""Sets of parameters that are sent before the first of their results is read: the server is never to wait for us."""
CELLS = b"_df_cells"
BETWEEN = b"_df_between"
"""Names of the statements that are prepared, and closed again in the same pipeline. Where that is cut short, the end
of the transaction closes them: never DEALLOCATE ALL, which would take a pooler's own statements away."""
PIPELINE_SYNC = int(pq.ExecStatus.PIPELINE_SYNC)
SINGLE_TUPLE = int(pq.ExecStatus.SINGLE_TUPLE)
FATAL_ERROR = int(pq.ExecStatus.FATAL_ERROR)


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
        self._parses: deque[list[int]] = deque()
        """For each group that was sent, which of its results tell of a Parse."""

    async def groups(
        self, head: Sequence[Statement], between: Statement, groups: Sequence[Sequence[Statement]], text: str = ""
    ) -> list[GroupResult]:
        """The head, and the groups with `between` in front of each but the first. Behind an error nothing of its group
        has run, and the next group has. `text`: of the many statements that have the same one."""
        self._wire.pgconn.enter_pipeline_mode()
        repeated = Repeated(self._wire, text)
        self._send(head, repeated, {BETWEEN: between.text} if len(groups) > 1 else {})
        for place, group in enumerate(groups):
            if place:
                send_prepared(self._wire, BETWEEN, ())
            self._send(group, repeated)
        await self._close_prepared()
        told = [await self._group(left) for left in range(len(groups) + 1, 0, -1)]
        await self._end()
        return told[:2] + [GroupResult(results[1:], error) for results, error in told[2:]]

    async def cells(
        self,
        head: Sequence[Statement],
        between: Statement,
        text: str,
        following: Callable[[], Parameters | None],
        took: Callable[[CellsResult], None],
        limit_s: float,
    ) -> None:
        """One text with one column for many sets of parameters, each with `between` in front: parsed once, and its
        cells row by row, so that those before an error are not lost with it. `took` is given what each set comes to,
        in the order in which `following` gave them; neither may raise. Raises psycopg.Error for `head` and the text,
        and what `Clock` does when the server works longer than `limit_s` on one of them."""
        self._wire.pgconn.enter_pipeline_mode()
        self._send(head, Repeated(self._wire, ""), {BETWEEN: between.text, CELLS: text})
        await self._wire.flush()
        opened = await self._group(0)  # before `following` is asked for anything: who fails here may be tried again
        under_way = 0 if opened.error is not None else await self._send_ahead(following, AHEAD)
        while under_way:
            self._wire.clock = Clock(deadline=self._wire.clock.deadline, work_s=limit_s)
            took(await self._cells(under_way))
            under_way = under_way - 1 + await self._send_ahead(following, AHEAD - under_way + 1)
        await self._close_prepared()
        await self._end()
        if opened.error is not None:
            raise opened.error

    # --- sending -----------------------------------------------------------------------------------------------------

    def _send(self, group: Sequence[Statement], repeated: Repeated, prepared: dict[bytes, str] | None = None) -> None:
        parses: list[int] = []
        place = 0
        for statement in group:
            before = repeated.send(statement)
            parses += range(place, place + before)
            place += before + 1
        for name, text in (prepared or {}).items():
            self._wire.prepared.add(name)
            self._wire.pgconn.send_prepare(name, text.encode())
        self._wire.pgconn.pipeline_sync()
        self._parses.append(parses)

    async def _send_ahead(self, following: Callable[[], Parameters | None], most: int) -> int:
        """Each set goes out at once, while the next one is made. How many there were."""
        sent = 0
        while sent < most and (parameters := following()) is not None:
            send_prepared(self._wire, BETWEEN, ())
            send_prepared(self._wire, CELLS, parameters)
            self._wire.pgconn.pipeline_sync()
            await self._wire.flush()
            sent += 1
        return sent

    async def _close_prepared(self) -> None:
        """Behind everything else."""
        if self._wire.prepared:
            for name in self._wire.prepared:
                self._wire.pgconn.send_close_prepared(name)
            self._wire.pgconn.pipeline_sync()
        await self._wire.flush()

    # --- receiving ---------------------------------------------------------------------------------------------------

    async def _let_come(self, groups: int) -> None:
        """Before the results of a group, when so many are still to come."""
        self._allowance = self._ends_at - self._wire.bytes_read  # without asking the kernel for each
        if self._allowance <= 0:
            raise AllowanceExceeded
        if groups > FEW_GROUPS and self._wire.pgconn.is_busy():
            self._wire.release()  # or whatever comes would wake us, at the server's expense
            await asyncio.sleep(NAP_S)

    async def _end(self) -> None:
        """Behind the last result."""
        if self._wire.prepared:
            await self._to_sync()
            self._wire.prepared.clear()
        self._wire.pgconn.exit_pipeline_mode()

    async def _group(self, left: int) -> GroupResult:
        await self._let_come(left)
        results = await self._to_sync()
        parses = self._parses.popleft()
        told: list[PGresult] = []
        for place, result in enumerate(results):
            if result.status == FATAL_ERROR:
                return GroupResult(told, error_from_result(result, encoding="utf-8"))
            if place not in parses:
                told.append(result)
        return GroupResult(told)

    async def _cells(self, left: int) -> CellsResult:
        await self._let_come(left)
        _, error = await self._one(single_rows=False)  # of what stands between
        cells, own = await self._one(single_rows=error is None)
        await self._to_sync()
        return CellsResult(cells, error or own)

    # What libpq has read already is taken without the price of a wait: there are many results, one for each row.

    async def _to_sync(self) -> list[PGresult]:
        """Results up to the next sync point, one a statement."""
        wire, pgconn = self._wire, self._wire.pgconn
        results: list[PGresult] = []
        while True:
            result = await wire.result(self._allowance) if pgconn.is_busy() else pgconn.get_result()
            status = None if result is None else result.status
            if status == PIPELINE_SYNC:
                return results
            if result is not None:
                results.append(result)
            if status is None or status == FATAL_ERROR:
                self._check_alive(results)

    async def _one(self, *, single_rows: bool) -> CellsResult:
        """The results of one statement to their end."""
        wire, pgconn = self._wire, self._wire.pgconn
        is_busy, get_result = pgconn.is_busy, pgconn.get_result
        cells, error = [], None
        if single_rows:
            pgconn.set_single_row_mode()
        while (result := await wire.result(self._allowance) if is_busy() else get_result()) is not None:
            status = result.status
            if status == SINGLE_TUPLE:
                cells.append(result.get_value(0, 0))
            elif status == FATAL_ERROR:
                error = error_from_result(result, encoding="utf-8")
        wire.check_alive()
        return CellsResult(b"".join(filter(None, cells)), error)

    def _check_alive(self, results: Sequence[PGresult]) -> None:
        """Raises what the server said last, where the connection is lost: libpq would answer with nothing for ever."""
        if self._wire.lost:
            for result in results:
                self._wire.check(result)
            self._wire.check_alive()
