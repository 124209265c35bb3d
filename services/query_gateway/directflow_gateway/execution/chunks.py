"""One statement's run on a leased connection: chunks of raw rows up to the server's own end marker."""

from collections.abc import AsyncGenerator, Sequence

import psycopg
from directflow_runtime.errors import DirectFlowError, StatusCode
from psycopg import pq
from psycopg.pq.abc import PGresult

from directflow_gateway.connections import Limits
from directflow_gateway.execution.clock import Clock
from directflow_gateway.execution.connection import OVERDUE_S, GatewayConnection
from directflow_gateway.execution.plan import ResultColumn
from directflow_gateway.execution.raw_rows import RawRow, RawRows
from directflow_gateway.execution.wire import Statement

ROWS = (pq.ExecStatus.TUPLES_CHUNK, pq.ExecStatus.SINGLE_TUPLE)


class Run:
    """Runs a statement under the limits of its call."""

    def __init__(
        self, connection: GatewayConnection, limits: Limits, columns: Sequence[ResultColumn] | None = None
    ) -> None:
        """`columns`: what the result must consist of; None where the caller looks at text only."""
        self.row_count = 0
        self._connection = connection
        self._clock = Clock(
            deadline=connection.wire.clock.deadline,
            age_s=limits.max_stream_age_s,
            work_s=limits.statement_timeout_s,
        )
        self._oids = None if columns is None else [column.oid for column in columns]

    @property
    def bytes_read(self) -> int:
        """Bytes that came over the wire on this connection; 0 where the platform does not count."""
        return self._connection.wire.bytes_read

    async def chunks(self, statement: Statement, chunk_rows: int, allowance: int) -> AsyncGenerator[list[RawRow], None]:
        """Its rows. Ends normally only behind the server's own count of them. Close it (`aclosing`).

        Raises psycopg.Error, AllowanceExceeded (one chunk outgrew `allowance` bytes), and DirectFlowError of the clock.
        """
        wire, watch, raw = self._connection.wire, self._connection.watch, RawRows()
        ended, told = False, None
        outer, wire.clock = wire.clock, self._clock
        watch.deadline = self._clock.ends_at + OVERDUE_S
        self.row_count = 0
        try:
            await wire.start(statement, chunk_rows)
            while (result := await wire.result(allowance)) is not None:
                wire.check(result)
                told = result.command_tuples if told is None else told  # libpq puts it into the last chunk or the end
                ended = result.status == pq.ExecStatus.TUPLES_OK
                if result.status in ROWS:
                    self._count(result)
                    yield raw.read(result)
            self._check_end(ended, told)
        finally:
            wire.clock, watch.deadline = outer, outer.ends_at + OVERDUE_S
            wire.release()

    def _count(self, result: PGresult) -> None:
        if not self.row_count and self._oids is not None:
            self._check_columns(result, self._oids)
        self.row_count += result.ntuples

    def _check_columns(self, result: PGresult, expected: list[int]) -> None:
        """A table may have been altered since the statement was described."""
        if [result.ftype(position) for position in range(result.nfields)] != expected:
            message = "the columns of the result have changed since the statement was described; try again"
            raise DirectFlowError(StatusCode.FAILED_PRECONDITION, "DEFINITION_BROKEN", message)

    def _check_end(self, ended: bool, told: int | None) -> None:
        """Nothing but the server's end marker and its count makes the rows complete."""
        if not ended:
            raise psycopg.OperationalError("the connection to the database was lost")
        if told != self.row_count:
            raise DirectFlowError(StatusCode.INTERNAL, "INTERNAL", "the server's count of the rows is not ours")
