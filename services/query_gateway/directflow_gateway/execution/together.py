"""Several short statements in one round trip, each of which may fail without ending the transaction.

A savepoint and not a transaction of its own: what runs behind an error still sees the same snapshot.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace

import psycopg
from directflow_runtime.errors import DirectFlowError
from psycopg import pq
from psycopg.pq.abc import PGresult

from directflow_gateway.connections import Limits
from directflow_gateway.execution.chunks import Run
from directflow_gateway.execution.clock import Clock
from directflow_gateway.execution.connection import GatewayConnection
from directflow_gateway.execution.first_rows import Row
from directflow_gateway.execution.pipeline import CellsResult, GroupResult, Pipeline
from directflow_gateway.execution.raw_rows import RawRow
from directflow_gateway.execution.transaction import duration
from directflow_gateway.execution.wire import AllowanceExceeded, Parameters, Statement

SAVEPOINT = Statement("SAVEPOINT _df_t")
BACK = Statement("ROLLBACK TO SAVEPOINT _df_t")
LIMITED = Statement("SAVEPOINT _df_u")
NEXT = Statement("ROLLBACK TO SAVEPOINT _df_u")
"""Behind the limit: to set it again for each statement would cost more than most of them."""
NOW = "pg_catalog.date_part('epoch', pg_catalog.clock_timestamp())"
LIMIT = f"SELECT {NOW}, pg_catalog.set_config('statement_timeout', $1, true)"
PLANS = "SELECT pg_catalog.set_config('plan_cache_mode', $1, true)"
CLOCK = Statement(f"SELECT {NOW}")
RESULT_ALLOWANCE = 16 * 1024 * 1024
"""Most bytes of one result."""
HEAD_TRIES = 4
"""The limit is in force for the head's last statement, and for the first one of the head after it. Both do next to
nothing, but a limit of milliseconds strikes where a busy machine gives the server no turn for so long."""
GRACE_S = 1.0
"""The server's own limit is to strike first: it needs no second connection to stop what runs."""


class Unresponsive(Exception):
    """PostgreSQL did not keep its own statement_timeout (`format('%999999999s', 'x')` is why). The connection
    is closed."""


@dataclass(frozen=True, slots=True, repr=False)
class Rows:
    """What a statement about one profile came to."""

    count: int
    first: list[Row]
    """At most two."""


Told = Rows | psycopg.Error
"""Rows of one statement, or why it has none."""


class Together:
    """Statements of one transaction that may fail.

    Raises psycopg.OperationalError when the connection is lost, Unresponsive and AllowanceExceeded when it had to be.
    """

    def __init__(self, connection: GatewayConnection, limits: Limits) -> None:
        self._connection = connection
        self._limits = limits
        self._begun = False
        self.worked_s = 0.0
        """How long the server worked on the last statements that came to their end, by its own clock: neither the
        network nor what else this process does is in it."""

    @property
    def lost(self) -> bool:
        """True when nothing more can be run."""
        return self._connection.wire.lost

    async def each(self, statements: Sequence[Statement], limit_s: float, *, apart: bool) -> list[Told]:
        """Every statement, also behind one that failed. PostgreSQL may work `limit_s` on each.

        `apart`: where many are expected to fail. Else what stands behind a failure takes a round trip more, and behind
        one that took too long nothing is run: there are fewer results than statements.
        """
        told: list[Told] = []
        while len(told) < len(statements) and not (told and isinstance(told[-1], psycopg.errors.QueryCanceled)):
            rest = statements[len(told) :]
            groups = [[statement] for statement in rest] if apart else [rest]
            for done in await self._groups(groups, limit_s):
                told += [_rows(result) for result in done.results]
                if done.error is not None:
                    told.append(done.error)
        return told

    async def chunks(self, statement: Statement, chunk_rows: int, limit_s: float) -> AsyncGenerator[list[RawRow], None]:
        """The rows of one statement as they come; those before an error come before it, but for the last chunk's.
        Close it (`aclosing`): the next statement can follow behind the last row, or an error. Raises psycopg.Error.
        """
        (opened,) = await self._groups([[]], limit_s)
        if opened.error is not None:
            raise opened.error
        run = Run(self._connection, replace(self._limits, statement_timeout_s=limit_s + GRACE_S))
        try:
            async with aclosing(run.chunks(statement, chunk_rows, RESULT_ALLOWANCE)) as chunks:
                async for chunk in chunks:
                    yield chunk
        except psycopg.Error:
            if not self.lost:
                await self._connection.wire.drain(RESULT_ALLOWANCE)  # to the end of the failed statement's results
            raise
        except DirectFlowError as error:
            raise self._unresponsive(error) from None

    async def cells(
        self,
        text: str,
        following: Callable[[], Parameters | None],
        took: Callable[[CellsResult], None],
        limit_s: float,
        *,
        hides: bool,
    ) -> None:
        """One text with one column for many sets of parameters, with what came before an error; a NULL adds nothing.
        See `Pipeline.cells`: what one set comes to may decide on the next.

        Planned once, unless that `hides` from the planner what it would use: parameters that are no arrays.
        """
        head = [
            *self._head(limit_s),
            Statement(PLANS, ("force_custom_plan" if hides else "force_generic_plan",)),
            LIMITED,
        ]
        for tries_left in reversed(range(HEAD_TRIES)):
            async with self._bounded(limit_s) as pipeline:
                try:
                    await pipeline.cells(head, NEXT, text, following, took, limit_s + GRACE_S)
                    return
                except psycopg.errors.QueryCanceled:  # in the head: what comes after it is told
                    if not tries_left:
                        raise
            head[0] = self._savepoint()

    async def back(self) -> None:
        """Leaves the transaction as if nothing had run, for statements that run without its help."""
        for tries_left in reversed(range(HEAD_TRIES)):
            try:
                if self._begun:
                    await self._connection.wire.run(BACK)
                return
            except psycopg.errors.QueryCanceled:
                if not tries_left:
                    raise

    async def _groups(self, groups: Sequence[Sequence[Statement]], limit_s: float) -> list[GroupResult]:
        """What each group comes to. The head sets the limit, and all groups start from there."""
        head = [*self._head(limit_s), LIMITED]
        sent = [[*groups[0], CLOCK], *groups[1:]]
        statements = [statement for group in groups for statement in group]
        is_same = len(statements) > 1 and len({statement.text for statement in statements}) == 1
        for _ in range(HEAD_TRIES):
            async with self._bounded(limit_s * max(1, len(statements))) as pipeline:
                opened, first, *others = await pipeline.groups(head, NEXT, sent, statements[0].text if is_same else "")
            if not isinstance(opened.error, psycopg.errors.QueryCanceled):
                break
            head[0] = self._savepoint()
        else:  # as if the limit had struck in each of them: who asks alone, asks with more time
            return [GroupResult([], opened.error) for _ in groups]
        if opened.error is not None:
            raise opened.error
        self.worked_s = 0.0 if first.error else _seconds(first.results[-1]) - _seconds(opened.results[1])
        return [first if first.error else GroupResult(first.results[:-1]), *others]

    def _head(self, limit_s: float) -> list[Statement]:
        return [self._savepoint(), Statement(LIMIT, (duration(limit_s),))]

    @asynccontextmanager
    async def _bounded(self, work_s: float) -> AsyncIterator[Pipeline]:
        """A pipeline under our own clock, which strikes after the server's."""
        wire = self._connection.wire
        outer, wire.clock = wire.clock, Clock(deadline=wire.clock.deadline, work_s=work_s + GRACE_S)
        try:
            yield Pipeline(wire, RESULT_ALLOWANCE)
        except DirectFlowError as error:
            raise self._unresponsive(error) from None
        except AllowanceExceeded:
            self._connection.abort()
            raise
        finally:
            wire.clock = outer
            wire.release()

    def _unresponsive(self, error: DirectFlowError) -> Exception:
        """Our own clock struck first: the call's deadline, or a server that does not keep the limit it was given."""
        if error.reason != "STATEMENT_TIMEOUT":
            return error
        self._connection.abort()
        return Unresponsive()

    def _savepoint(self) -> Statement:
        if self._begun:
            return BACK
        self._begun = True
        return SAVEPOINT


def _seconds(result: PGresult) -> float:
    return float(result.get_value(0, 0) or 0)


def _rows(result: PGresult) -> Rows:
    assert result.status == pq.ExecStatus.TUPLES_OK
    columns, first = range(result.nfields), range(min(2, result.ntuples))
    return Rows(result.ntuples, [tuple(_text(result.get_value(row, column)) for column in columns) for row in first])


def _text(cell: bytes | None) -> str | None:
    return None if cell is None else cell.decode()
