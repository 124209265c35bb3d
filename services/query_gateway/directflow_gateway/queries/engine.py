"""From a statement to a session in which it may run: the one path that everything takes to a customer's server.

template -> bound statement -> guard -> session -> description -> catalogue -> contract. What comes out is remembered
(prepared.py); values never are. What then runs is in rows.py and tuples.py.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass

import psycopg
from directflow_runtime.calls import current_call
from directflow_runtime.errors import DirectFlowError, Problem, Severity, StatusCode
from directflow_runtime.metrics import OFF, Metrics
from opentelemetry.trace import Tracer

from directflow_gateway.catalogue import may_be_resolved, problems_as_resolved, problems_by_name
from directflow_gateway.connections import Connection, Connections, Limits
from directflow_gateway.description import Description, contract_problems, describe
from directflow_gateway.execution import GatewayConnection, TransactionSettings
from directflow_gateway.execution.connection import must_be_pooled, wire_of
from directflow_gateway.pools import Pools
from directflow_gateway.queries.application_name import application_name
from directflow_gateway.queries.prepared import CompiledStatements, PreparedQueries, PreparedQuery, cache_key
from directflow_gateway.queries.sets.plan import SetPlan
from directflow_gateway.queries.sets.preparing import set_plan
from directflow_gateway.queries.statement import Statement, StatementRole
from directflow_gateway.queries.statement_meter import StatementMeter
from directflow_gateway.queries.statement_span import StatementSpan, StatementSpans
from directflow_gateway.sql import (
    CompiledStatement,
    StatementRefused,
    VariableValue,
    compile_template,
)

Values = Mapping[str, VariableValue]


@dataclass(frozen=True, slots=True, repr=False)
class Session:
    """A read-only transaction on a customer's server, and the statement that may run in it."""

    conn: psycopg.AsyncConnection[object]
    prepared: PreparedQuery
    limits: Limits
    is_known: bool = False
    """The statement was prepared for an earlier call."""


@dataclass(frozen=True, slots=True, repr=False)
class Opened:
    """A read-only transaction for a statement that the parser's guard admits and nobody has described yet."""

    conn: GatewayConnection
    connection: Connection
    compiled: CompiledStatement
    limits: Limits


class QueryEngine:
    """Prepares statements and opens sessions for them."""

    def __init__(
        self,
        connections: Connections,
        pools: Pools,
        prepared: PreparedQueries,
        tracer: Tracer,
        metrics: Metrics = OFF,
        *,
        tells_text: bool = True,
    ) -> None:
        """`tells_text`: spans hold the text of statements."""
        self._spans = StatementSpans(tracer, StatementMeter(metrics), tells_text=tells_text)
        self._connections = connections
        self._pools = pools
        self._compiled = CompiledStatements()
        self._prepared = prepared

    @asynccontextmanager
    async def session(self, statement: Statement, *, streams: bool = False) -> AsyncIterator[Session]:
        """A session in which `statement` may run, described and checked in the same snapshot where it is new.

        Raises DirectFlowError: CONNECTION_NOT_FOUND, STATEMENT_REFUSED, DEFINITION_BROKEN, and what pools raise.
        """
        async with self.opened(statement, streams=streams) as opened:
            key = cache_key(opened.connection, opened.conn.generation, statement)
            prepared = self._prepared.get(key)
            is_known = prepared is not None
            if prepared is None:
                prepared = await self._prepare(opened, statement)
                self._prepared.put(key, prepared)
            try:
                yield Session(opened.conn, prepared, opened.limits, is_known)
            except DirectFlowError as error:
                if error.reason == "DEFINITION_BROKEN":
                    # A table was altered after the description: the next call describes anew.
                    self._prepared.forget(key)
                raise

    @asynccontextmanager
    async def opened(self, statement: Statement, *, streams: bool = False) -> AsyncIterator[Opened]:
        """A transaction for `statement`, which only the parser has seen.

        Raises DirectFlowError: CONNECTION_NOT_FOUND, STATEMENT_REFUSED, and what pools raise.
        """
        connection = await self._connections.known(statement.connection)
        limits = connection.limits.lowered_by(statement.limits)
        # Before a session is taken: a refused statement must cost the customer's database nothing.
        compiled = await self._compile(connection, statement)
        settings = transaction_settings(statement, limits, streams)
        async with self._pools.transaction(connection, settings, current_call().deadline) as conn:
            yield Opened(conn, connection, compiled, limits)

    def span(self, operation: str, statement: Statement, session: Session) -> AbstractContextManager[StatementSpan]:
        """The span of a statement that runs in `session`."""
        database = session.prepared.connection.database
        on_replica = must_be_pooled(session.conn).is_replica
        return self._spans.of(operation, statement, database, prepared=session.is_known, on_replica=on_replica)

    async def role_replaced_since(self, connection: str, began: float) -> bool:
        """Whether the role that a call ran as may have been replaced since then, on the clock of `time.monotonic()`:
        then its failure is no missing grant. Looks for itself, now and then. Raises DirectFlowError."""
        known = await self._connections.known(connection)
        return await self._pools.replaced_since(known, began, current_call().deadline)

    async def check(self, statement: Statement) -> None:
        """Raises DirectFlowError for a statement that is refused before a session is taken."""
        await self._compile(await self._connections.known(statement.connection), statement)

    async def described_within(
        self, session: Session, statement: Statement, compiled: CompiledStatement | None = None
    ) -> Description:
        """Another statement of the session's connection, described and checked in the session's snapshot.

        `compiled` where the text is one of our own making. Nothing is remembered. Raises DirectFlowError.
        """
        connection = session.prepared.connection
        compiled = compiled or await self._compile(connection, statement)
        with self._describing(session.conn, connection, statement):
            return await self._describe(session.conn, connection, statement, compiled)

    async def _prepare(self, opened: Opened, statement: Statement) -> PreparedQuery:
        with self._describing(opened.conn, opened.connection, statement):
            description = await self._describe(opened.conn, opened.connection, statement, opened.compiled)
            sets = await self._set_plan(opened.conn, statement, description)
        return PreparedQuery(statement, opened.connection, description, sets)

    @contextmanager
    def _describing(
        self, conn: psycopg.AsyncConnection[object], connection: Connection, statement: Statement
    ) -> Iterator[None]:
        """The span of all that the server is asked about a statement: its catalogue and its set form as well."""
        with self._spans.of("describe", statement, connection.database) as span:
            span.runs(wire_of(conn))
            yield

    async def _describe(
        self,
        conn: psycopg.AsyncConnection[object],
        connection: Connection,
        statement: Statement,
        compiled: CompiledStatement,
    ) -> Description:
        """What the server says of a statement, once it keeps its contract and reaches nothing that is not allowed."""
        description, problems = await self._examine(conn, connection, statement, compiled)
        refuse(problems)
        refuse(contract_problems(description, statement.role.value, statement.key_column), broken=True)
        return description

    async def examine(
        self,
        conn: psycopg.AsyncConnection[object],
        connection: Connection,
        statement: Statement,
        compiled: CompiledStatement,
        *,
        find_all: bool = False,
    ) -> tuple[Description, list[Problem]]:
        """What the server says of a statement, and what it reaches that is not allowed.

        Names are judged before the server parses anything (see problems_by_name), and nothing is planned before they
        are: EXPLAIN calls IMMUTABLE functions to fold constants. Raises DirectFlowError where the server refuses the
        statement; with `find_all` it names every column that does not exist.
        """
        with self._describing(conn, connection, statement):
            return await self._examine(conn, connection, statement, compiled, find_all=find_all)

    async def _examine(
        self,
        conn: psycopg.AsyncConnection[object],
        connection: Connection,
        statement: Statement,
        compiled: CompiledStatement,
        *,
        find_all: bool = False,
    ) -> tuple[Description, list[Problem]]:
        allowed = allowed_functions(connection, statement)
        by_name = await problems_by_name(conn, compiled, allowed)
        if not may_be_resolved(by_name):
            refuse(by_name)
        description = await describe(conn, compiled, find_all=find_all)
        if not by_name:
            return description, []
        return description, await problems_as_resolved(conn, description.compiled, by_name, allowed)

    async def set_plan(self, opened: Opened, statement: Statement, description: Description) -> SetPlan | None:
        """How a statement about one profile runs for many; None for other roles."""
        with self._describing(opened.conn, opened.connection, statement):
            return await self._set_plan(opened.conn, statement, description)

    async def _set_plan(
        self, conn: psycopg.AsyncConnection[object], statement: Statement, description: Description
    ) -> SetPlan | None:
        if statement.role not in (StatementRole.CONDITION, StatementRole.PRELOAD):
            return None
        return await set_plan(conn, description, is_condition=statement.role is StatementRole.CONDITION)

    async def _compile(self, connection: Connection, statement: Statement) -> CompiledStatement:
        allowed = allowed_functions(connection, statement)

        def compile_it() -> CompiledStatement:
            with self._spans.compiling(statement):
                return compile_template(statement.template, statement.variables, allowed_functions=allowed)

        return await self._compiled.get(statement, allowed, compile_it)


def allowed_functions(connection: Connection, statement: Statement) -> frozenset[str]:
    """Functions beyond the built-in allow-list: the connection's and the statement's."""
    return connection.allowed_functions | statement.allowed_functions


def transaction_settings(statement: Statement, limits: Limits, streams: bool) -> TransactionSettings:
    """What the transaction sets for itself on the customer's server.

    PostgreSQL's statement_timeout runs on while a slow reader holds a stream up, so a stream is given its age there;
    the gateway's own clock counts the server's time. Neither outlives the caller's deadline, also when the gateway
    hangs or is cut off and cannot cancel anything.
    """
    call = current_call()
    name = application_name(call.trace_id, statement.definition)
    if streams:
        return TransactionSettings.for_stream(name, limits, call.remaining())
    return TransactionSettings.for_call(name, limits, call.remaining())


def refuse(problems: list[Problem], *, broken: bool = False) -> None:
    """Raises for the errors among the problems: STATEMENT_REFUSED, or with `broken` DEFINITION_BROKEN."""
    errors = [problem for problem in problems if problem.severity is Severity.ERROR]
    if not errors:
        return
    if not broken:
        raise StatementRefused(errors)
    raise DirectFlowError(
        StatusCode.FAILED_PRECONDITION, "DEFINITION_BROKEN", " ".join(p.message for p in errors[:3]), problems=problems
    )
