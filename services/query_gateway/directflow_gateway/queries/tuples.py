"""One statement for each of many tuples of values, one by one in the tuples' order.

What concerns one tuple (its value, its data) is that tuple's outcome, and every other tuple gets its exact answer. An
error ends PostgreSQL's transaction, so the tuples behind it are read in a new one, with a new snapshot.
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pyarrow as pa
from directflow_runtime.errors import DirectFlowError

from directflow_gateway.execution import Row, fetch_first, to_record_batch
from directflow_gateway.queries.engine import QueryEngine, Session, Values
from directflow_gateway.queries.outcomes import BOOLEANS, Evaluated, Outcome, concerns_the_tuple
from directflow_gateway.queries.rows import Opening, opening_of
from directflow_gateway.queries.statement import Statement
from directflow_gateway.queries.statement_span import statement_span
from directflow_gateway.sql import bind, normalise_for_telemetry

TWO_ROWS = 2
"""Enough to tell one row from several; no more is ever transferred for a tuple."""
ROWS_PER_BATCH = 1_000
BYTES_PER_BATCH = 1024 * 1024


@dataclass(frozen=True, slots=True)
class FetchedRows:
    """Rows of some tuples, and the index of each row's tuple."""

    batch: pa.RecordBatch
    indexes: list[int]


@dataclass(frozen=True, slots=True)
class Fetched:
    """The outcome of every tuple, in order: the end of a fetch."""

    outcomes: list[Evaluated]


class OneByOne:
    """Reads tuple after tuple in one session, and takes a new session after an error."""

    def __init__(self, engine: QueryEngine, statement: Statement) -> None:
        self._engine = engine
        self._statement = statement
        self._stack = AsyncExitStack()
        self._session: Session | None = None

    async def __aenter__(self) -> "OneByOne":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def session(self) -> Session:
        """The session, opened where there is none."""
        if self._session is None:
            self._session = await self._stack.enter_async_context(self._engine.session(self._statement))
        return self._session

    async def rows(self, values: Values) -> list[Row]:
        """The first two rows for these values. Raises DirectFlowError; the session is given back then."""
        session = await self.session()
        compiled = session.prepared.compiled
        # Before the server sees anything: a value that does not fit its kind costs no transaction.
        parameters = bind(compiled, values)
        try:
            return await fetch_first(
                session.conn, compiled.text, parameters, TWO_ROWS, limits=session.limits, compiled=compiled
            )
        except BaseException:
            self._session = None
            await self._stack.aclose()
            raise


async def evaluate(engine: QueryEngine, statement: Statement, each: Sequence[Values]) -> list[Evaluated]:
    """The outcome of a condition for every tuple. Raises DirectFlowError for what concerns all of them."""
    async with OneByOne(engine, statement) as reader:
        session = await reader.session()
        with statement_span(engine.tracer, "evaluate", statement, session.prepared.connection.database) as span:
            span.text(normalise_for_telemetry(session.prepared.compiled.text))
            evaluated = [await _evaluate_one(reader, values) for values in each]
            span.returned(len(evaluated))
            return evaluated


async def _evaluate_one(reader: OneByOne, values: Values) -> Evaluated:
    try:
        rows = await reader.rows(values)
    except DirectFlowError as error:
        if not concerns_the_tuple(error):
            raise
        return Evaluated(Outcome.ERROR, error)
    return Evaluated(outcome_of(rows))


def outcome_of(rows: Sequence[Row]) -> Outcome:
    """What the rows of a condition say."""
    if not rows:
        return Outcome.NO_ROW
    return BOOLEANS[rows[0][0]] if len(rows) == 1 else Outcome.MULTIPLE_ROWS


async def fetch(
    engine: QueryEngine, statement: Statement, each: Sequence[Values]
) -> AsyncGenerator[Opening | FetchedRows | Fetched, None]:
    """An Opening, then the first row of every tuple that has one, then every tuple's outcome."""
    async with OneByOne(engine, statement) as reader:
        session = await reader.session()
        columns = session.prepared.description.columns
        with statement_span(engine.tracer, "fetch", statement, session.prepared.connection.database) as span:
            span.text(normalise_for_telemetry(session.prepared.compiled.text))
            yield await opening_of(session, columns)
            outcomes: list[Evaluated] = []
            pending = Pending()
            for index, values in enumerate(each):
                outcome, row = await _fetch_one(reader, values)
                outcomes.append(outcome)
                if row is not None:
                    pending.add(index, row)
                if pending.full:
                    yield FetchedRows(to_record_batch(columns, pending.rows), pending.indexes)
                    pending = Pending()
            if pending.rows:
                yield FetchedRows(to_record_batch(columns, pending.rows), pending.indexes)
            span.returned(sum(outcome.outcome in HAS_ROW for outcome in outcomes))
            yield Fetched(outcomes)


HAS_ROW = frozenset({Outcome.ROW, Outcome.MULTIPLE_ROWS})


class Pending:
    """Rows that wait for their batch to be large enough."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.indexes: list[int] = []
        self._bytes = 0

    def add(self, index: int, row: Row) -> None:
        """Adds the row of a tuple."""
        self.rows.append(row)
        self.indexes.append(index)
        self._bytes += sum(len(cell) for cell in row if cell is not None)

    @property
    def full(self) -> bool:
        """True when it should be sent."""
        return len(self.rows) >= ROWS_PER_BATCH or self._bytes >= BYTES_PER_BATCH // 2


async def _fetch_one(reader: OneByOne, values: Values) -> tuple[Evaluated, Row | None]:
    try:
        rows = await reader.rows(values)
    except DirectFlowError as error:
        if not concerns_the_tuple(error):
            raise
        return Evaluated(Outcome.ERROR, error), None
    if not rows:
        return Evaluated(Outcome.NO_ROW), None
    return Evaluated(Outcome.ROW if len(rows) == 1 else Outcome.MULTIPLE_ROWS), rows[0]
