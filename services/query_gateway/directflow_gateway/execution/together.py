"""Several short statements in one round trip, each of which may fail without ending the transaction.

A savepoint and not a transaction of its own: what runs behind an error still sees the same snapshot.
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace

import psycopg
from directflow_runtime.errors import DirectFlowError
from psycopg import pq
from psycopg.pq.abc import PGresult

from directflow_gateway.connections import Limits
from directflow_gateway.execution.chunks import Run
from directflow_gateway.execution.clock import Clock
from directflow_gateway.execution.connection import GatewayConnection
from directflow_gateway.execution.first_rows import Row
from directflow_gateway.execution.raw_rows import RawRow
from directflow_gateway.execution.transaction import duration
from directflow_gateway.execution.wire import AllowanceExceeded, GroupResult, Statement

SAVEPOINT = Statement("SAVEPOINT _df_t")
BACK = Statement("ROLLBACK TO SAVEPOINT _df_t")
LIMIT = "SELECT pg_catalog.set_config('statement_timeout', $1, true)"
RESULT_ALLOWANCE = 16 * 1024 * 1024
"""Most bytes of one result."""
GRACE_S = 1.0
"""The server's own limit is to strike first: it needs no second connection to stop what runs."""


class Unresponsive(Exception):
    """PostgreSQL did not keep its own statement_timeout (`format('%999999999s', 'x')` is why). The connection
    is closed."""


Told = list[Row] | psycopg.Error
"""Rows of one statement, or why it has none."""


class Together:
    """Statements of one transaction that may fail.

    Raises psycopg.OperationalError when the connection is lost, Unresponsive and AllowanceExceeded when it had to be.
    """

    def __init__(self, connection: GatewayConnection, limits: Limits) -> None:
        self._connection = connection
        self._limits = limits
        self._begun = False

    @property
    def lost(self) -> bool:
        """True when nothing more can be run."""
        return self._connection.wire.lost

    async def each(self, statements: Sequence[Statement], limit_s: float, *, apart: bool) -> list[Told]:
        """Every statement, none of which is run because another one failed. PostgreSQL may work `limit_s` on each.

        `apart`: where many are expected to fail. Else what stands behind a failure takes a round trip more.
        """
        told: list[Told] = []
        while len(told) < len(statements):
            rest = statements[len(told) :]
            groups = [[statement] for statement in rest] if apart else [rest]
            for done in await self._groups(groups, limit_s, len(rest)):
                told += [_rows(result) for result in done.results]
                if done.error is not None:
                    told.append(done.error)
        return told

    async def one(self, statement: Statement, limit_s: float) -> Told:
        """One statement."""
        (told,) = await self.each([statement], limit_s, apart=False)
        return told

    async def chunks(self, statement: Statement, chunk_rows: int, limit_s: float) -> AsyncGenerator[list[RawRow], None]:
        """The rows of one statement as they come; those before an error come before it, but for the last chunk's.
        Close it (`aclosing`): the next statement can follow behind the last row, or an error. Raises psycopg.Error.
        """
        await self._groups([[]], limit_s, 1)
        run = Run(self._connection, replace(self._limits, statement_timeout_s=limit_s + GRACE_S))
        try:
            async with aclosing(run.chunks(statement, chunk_rows, RESULT_ALLOWANCE)) as chunks:
                async for chunk in chunks:
                    yield chunk
        except DirectFlowError as error:
            raise self._unresponsive(error) from None

    async def cells(self, statement: Statement, limit_s: float, into: bytearray) -> psycopg.Error | None:
        """Adds the one cell of every row as it comes, row after row; returns the error that ended the rows, if any."""
        try:
            async with aclosing(self.chunks(statement, 1, limit_s)) as chunks:
                async for ((cell,),) in chunks:
                    into += cell or b""
        except psycopg.OperationalError as error:
            if self.lost:
                raise
            return error
        except psycopg.Error as error:
            return error
        return None

    async def _groups(
        self, groups: Sequence[Sequence[Statement]], limit_s: float, statements: int
    ) -> list[GroupResult]:
        """Each group behind the savepoint and with the limit; what these two come to is left out of the results."""
        limit = Statement(LIMIT, (duration(limit_s),))
        sent = [[self._savepoint(first=not place), limit, *group] for place, group in enumerate(groups)]
        wire = self._connection.wire
        outer, wire.clock = wire.clock, Clock(deadline=wire.clock.deadline, work_s=limit_s * statements + GRACE_S)
        try:
            done = await wire.run_groups(sent, RESULT_ALLOWANCE)
        except DirectFlowError as error:
            raise self._unresponsive(error) from None
        except AllowanceExceeded:
            self._connection.abort()
            raise
        finally:
            wire.clock = outer
            wire.release()
        return [GroupResult(group.results[2:], group.error) for group in done]

    def _unresponsive(self, error: DirectFlowError) -> Exception:
        """Our own clock struck first: the call's deadline, or a server that does not keep the limit it was given."""
        if error.reason != "STATEMENT_TIMEOUT":
            return error
        self._connection.abort()
        return Unresponsive()

    def _savepoint(self, *, first: bool) -> Statement:
        if first and not self._begun:
            self._begun = True
            return SAVEPOINT
        return BACK


def _rows(result: PGresult) -> list[Row]:
    assert result.status == pq.ExecStatus.TUPLES_OK
    columns = range(result.nfields)
    return [tuple(_text(result.get_value(row, column)) for column in columns) for row in range(result.ntuples)]


def _text(cell: bytes | None) -> str | None:
    return None if cell is None else cell.decode()
