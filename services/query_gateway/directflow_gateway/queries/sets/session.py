"""A session for statements that may fail, and another one where a statement had to take the first along."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from types import TracebackType
from typing import Self

import psycopg
from directflow_runtime.calls import current_call
from directflow_runtime.errors import DirectFlowError

from directflow_gateway.connections import LimitOverrides
from directflow_gateway.execution import (
    AllowanceExceeded,
    CellsResult,
    Phase,
    Rows,
    SqlStatement,
    Together,
    Told,
    Unresponsive,
    fetch_first,
    translate,
)
from directflow_gateway.execution.connection import must_be_pooled
from directflow_gateway.execution.wire import Parameters
from directflow_gateway.queries.engine import QueryEngine, Session
from directflow_gateway.queries.statement import Statement
from directflow_gateway.queries.statement_span import StatementSpan
from directflow_gateway.sql import CompiledStatement

TWO_ROWS = 2
"""Enough to tell one row from several; no more is ever kept for a tuple."""


class SetSession:
    """Where the statements of one call run. Opened as a context; raises what `QueryEngine.session` raises."""

    def __init__(self, engine: QueryEngine, statement: Statement) -> None:
        self._engine = engine
        self._statement = statement
        self._stack = AsyncExitStack()
        self._session: Session | None = None
        self._together: Together | None = None
        self._span: StatementSpan | None = None

    @contextmanager
    def span(self, operation: str, opened: Session) -> Iterator[StatementSpan]:
        """The span of all that runs here, whatever sessions it takes; `opened` is the first."""
        with self._engine.span(operation, self._statement, opened) as span:
            self._span = span
            span.runs(must_be_pooled(opened.conn).wire)
            try:
                yield span
            finally:
                self._span = None

    async def __aenter__(self) -> Self:
        await self.session()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    async def session(self) -> Session:
        """The session, opened where there is none."""
        if self._session is None:
            self._session = await self._stack.enter_async_context(self._engine.session(self._statement))
            conn = must_be_pooled(self._session.conn)
            self._together = Together(conn, self._session.limits)
            if self._span is not None:
                self._span.runs(conn.wire)
        return self._session

    async def compiled(self) -> CompiledStatement:
        """The author's statement."""
        return (await self.session()).prepared.compiled

    async def together(self) -> Together:
        """The session's way to run statements that may fail; after Unresponsive and AllowanceExceeded call `leave`."""
        await self.session()
        assert self._together is not None
        return self._together

    async def limit_s(self) -> float:
        """Longest time of one statement: what the limits allow, and what the call has left."""
        return min((await self.session()).limits.statement_timeout_s, max(0.001, current_call().remaining()))

    async def each(self, statements: Sequence[SqlStatement], limit_s: float, *, apart: bool) -> list[Told]:
        """See `Together.each`. Raises DATABASE_UNREACHABLE for a lost connection."""
        try:
            return await (await self.together()).each(statements, limit_s, apart=apart)
        except psycopg.OperationalError as error:
            raise translate(error, None, Phase.RUN) from None
        except (Unresponsive, AllowanceExceeded):
            await self.leave()
            raise

    async def cells(
        self,
        text: str,
        following: Callable[[], Parameters | None],
        took: Callable[[CellsResult], None],
        limit_s: float,
        *,
        hides: bool,
    ) -> None:
        """See `Together.cells`. Raises DATABASE_UNREACHABLE for a lost connection."""
        try:
            await (await self.together()).cells(text, following, took, limit_s, hides=hides)
        except psycopg.OperationalError as error:
            raise translate(error, None, Phase.RUN) from None

    async def alone(self, parameters: Sequence[str | None], limit_s: float) -> Rows | DirectFlowError:
        """The first rows of the author's own statement, read within every limit; or why there are none."""
        session = await self.session()
        limits = session.limits.lowered_by(LimitOverrides(statement_timeout_s=limit_s))
        compiled = session.prepared.compiled
        try:
            await (await self.together()).back()
            rows = await fetch_first(
                session.conn, compiled.text, parameters, TWO_ROWS, limits=limits, compiled=compiled
            )
            return Rows(len(rows), rows)
        except DirectFlowError as error:
            await self.leave()
            return error
        except psycopg.OperationalError as error:
            raise translate(error, None, Phase.RUN) from None

    async def leave(self) -> None:
        """Gives the session back in whatever state it is; the next statement gets another."""
        self._session = self._together = None
        if self._span is not None:
            self._span.left()
        await self._stack.aclose()
