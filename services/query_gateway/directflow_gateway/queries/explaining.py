"""The rows that a statement has for one key, and why: both in one snapshot."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import psycopg
import pyarrow as pa
from directflow_runtime.calls import current_call
from directflow_runtime.errors import DirectFlowError

from directflow_gateway.description import ColumnType
from directflow_gateway.description.attempt import OUTWARD
from directflow_gateway.execution import (
    AllowanceExceeded,
    Phase,
    SqlStatement,
    Together,
    Told,
    Unresponsive,
    fetch_first,
    to_record_batch,
    translate,
)
from directflow_gateway.execution.connection import must_be_pooled
from directflow_gateway.queries.engine import QueryEngine, Session, Values, allowed_functions
from directflow_gateway.queries.replaced_role import answers_again
from directflow_gateway.queries.rows import picked
from directflow_gateway.queries.statement import Statement, StatementRole
from directflow_gateway.sql import CompiledStatement, StatementRefused, bind
from directflow_gateway.sql.explanation import (
    KEY_VARIABLE,
    TOLD_VARIABLE,
    Conjunct,
    NotExplained,
    PlainSelect,
    conjuncts_of,
    nearest_rows,
    plain_select,
    write_candidates,
)
from directflow_gateway.sql.keys import may_be_key, wrap_for_key

MOST_ROWS = 1_000
MOST_BYTES = 2_000_000
MOST_ROW_BYTES = 64 * 1024
"""Keys and contact points are short; a thousand rows of 3.5 MiB each would be held in memory at once."""
UNKNOWN = "e"
"""The letter of a conjunct that fails when it is evaluated alone; t, f and n come from PostgreSQL."""
_FAILS_ALONE = frozenset({"DATA_ERROR", "VARIABLE_REJECTED"})
_TOO_LONG = "Evaluating its conjuncts took longer than a statement may."
_COMPUTED = "Its select list computes over several rows: whether a row comes out does not hang on its WHERE alone."
_DISAGREE = "Its conjuncts and its rows do not agree: it has an aggregate, or a function whose value changes."


@dataclass(frozen=True, slots=True)
class RowQuestion:
    """Whose row is asked about."""

    key_column: str
    key: str = field(repr=False)
    columns: tuple[str, ...]
    """Of the rows to return; those that the statement does not have are left out."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """What the conjuncts are for the rows that FROM has for the key."""

    count: int = 0
    nearest: tuple[str, ...] = ()
    """A letter a conjunct: t, f, n, or UNKNOWN. At most 20 rows, those first with most of t."""


@dataclass(frozen=True, slots=True)
class Explained:
    """The answer."""

    rows: pa.RecordBatch = field(repr=False)
    truncated: bool
    conjuncts: tuple[Conjunct, ...]
    candidates: Candidates
    unexplained: str = ""
    """Why there are no conjuncts, or what does not fit: a sentence without values."""


@answers_again
async def explain_row(engine: QueryEngine, statement: Statement, values: Values, question: RowQuestion) -> Explained:
    """Raises what a stream of the statement raises; what concerns its conjuncts alone is told as `unexplained`."""
    async with engine.session(statement) as session:
        with engine.span("explain", statement, session) as span:
            columns = session.prepared.description.columns
            (key,) = picked(columns, (question.key_column,), "key_column")
            names = {column.name for column in columns}
            wanted = picked(columns, [name for name in question.columns if name in names] or [key.name], "columns")
            asked = _Asked(engine, session, statement, question, key)
            await span.text(session.prepared.compiled.text)
            span.runs(must_be_pooled(session.conn).wire)
            rows, truncated = await asked.rows(values, wanted)
            span.returned(len(rows))
            found = to_record_batch(wanted, rows)
            return await asked.explained(values, found, truncated)


@dataclass(frozen=True, slots=True, repr=False)
class _Asked:
    engine: QueryEngine
    session: Session
    statement: Statement
    question: RowQuestion
    key: ColumnType

    async def rows(self, values: Values, wanted: Sequence[ColumnType]) -> tuple[list[tuple[str | None, ...]], bool]:
        """The statement's rows with the key, and whether there are more."""
        if not may_be_key(self.question.key, self.key.pg_type):
            return [], False
        names = tuple(column.name for column in wanted)
        compiled = wrap_for_key(self.session.prepared.compiled, self.key.name, self.key.pg_type, names, MOST_ROWS + 1)
        limits = replace(self.session.limits, max_row_bytes=min(MOST_ROW_BYTES, self.session.limits.max_row_bytes))
        parameters = bind(compiled, {**values, KEY_VARIABLE: self.question.key})
        found = await fetch_first(
            self.session.conn, compiled.text, parameters, MOST_ROWS + 1, limits=limits, compiled=compiled
        )
        kept = _within(found[:MOST_ROWS])
        return kept, len(kept) < len(found)

    async def explained(self, values: Values, rows: pa.RecordBatch, truncated: bool) -> Explained:
        """The rows with what is to be said of them."""
        try:
            plain, conjuncts = await asyncio.to_thread(self._taken_apart)
            if not may_be_key(self.question.key, self.key.pg_type):
                return Explained(rows, truncated, conjuncts, Candidates())
            candidates = await self._candidates(plain, len(conjuncts), values)
        except NotExplained as why:
            return Explained(rows, truncated, (), Candidates(), str(why))
        are_in = bool(candidates.nearest) and set(candidates.nearest[0]) == {"t"}
        if rows.num_rows and not are_in and UNKNOWN not in "".join(candidates.nearest):
            return Explained(rows, truncated, (), Candidates(), _DISAGREE)
        return Explained(rows, truncated, conjuncts, candidates, _DISAGREE if are_in and not rows.num_rows else "")

    def _taken_apart(self) -> tuple[PlainSelect, tuple[Conjunct, ...]]:
        description = self.session.prepared.description
        plain = plain_select(description.compiled, was_rearranged=OUTWARD in description.rewrites)
        return plain, conjuncts_of(description.compiled, plain)

    async def _candidates(self, plain: PlainSelect, count: int, values: Values) -> Candidates:
        """Each conjunct for the candidate rows; one that fails is left out, and the others are asked again."""
        compiled = await self._admitted(plain)
        together = Together(must_be_pooled(self.session.conn), self.session.limits)
        run = _Run(self.session, compiled, {**values, KEY_VARIABLE: self.question.key}, together)
        told = [True] * count
        answer = (await run.each([told], apart=False))[0]
        if isinstance(answer, DirectFlowError) and answer.reason in _FAILS_ALONE:
            alone = await run.each([[number == only for number in range(count)] for only in range(count)], apart=True)
            told = [not isinstance(outcome, DirectFlowError) for outcome in alone]
            answer = (await run.each([told], apart=False))[0]
        if isinstance(answer, DirectFlowError):
            raise NotExplained("Evaluating its conjuncts fails.")
        rows, letters = answer
        return Candidates(rows, tuple(_with_unknown(row, told) for row in nearest_rows(letters)))

    async def _admitted(self, plain: PlainSelect) -> CompiledStatement:
        """The text about candidates, past the guard, the server's description and the catalogue, like any other."""
        connection = self.session.prepared.connection
        allowed = allowed_functions(connection, self.statement)
        compiled = self.session.prepared.compiled
        written = await asyncio.to_thread(write_candidates, compiled, plain, self.key.name, self.key.pg_type, allowed)
        as_any = replace(self.statement, role=StatementRole.AD_HOC)
        try:
            description = await self.engine.described_within(self.session, as_any, written)
        except DirectFlowError as error:
            if isinstance(error, StatementRefused) or error.reason != "DEFINITION_BROKEN":
                raise
            raise NotExplained(_COMPUTED) from None
        if description.rewrites:
            raise NotExplained(_COMPUTED)
        return description.compiled


Counted = tuple[int, str]
"""How many candidate rows, and the letters of the nearest."""


@dataclass(frozen=True, slots=True, repr=False)
class _Run:
    session: Session
    compiled: CompiledStatement
    values: Values
    together: Together
    """One for all: it knows how to go on behind a statement that failed."""

    async def each(self, flags: Sequence[Sequence[bool]], *, apart: bool) -> list[Counted | DirectFlowError]:
        """One answer for each set of flags. The transaction goes on behind one that fails. Raises NotExplained."""
        # Half of what is left: conjuncts that take too long must not cost the answer whether the row is there.
        limit_s = min(self.session.limits.statement_timeout_s, max(0.001, current_call().remaining() / 2))
        try:
            told = await self.together.each([self._statement(told) for told in flags], limit_s, apart=apart)
        except psycopg.OperationalError as error:
            raise translate(error, None, Phase.RUN) from None
        except (Unresponsive, AllowanceExceeded):
            raise NotExplained(_TOO_LONG) from None
        answers = [self._answer(one) for one in told]
        if len(answers) < len(flags):
            raise NotExplained(_TOO_LONG)
        return answers

    def _statement(self, told: Sequence[bool]) -> SqlStatement:
        parameters = bind(self.compiled, {**self.values, TOLD_VARIABLE: list(told)})
        return SqlStatement(self.compiled.text, parameters)

    def _answer(self, told: Told) -> Counted | DirectFlowError:
        if isinstance(told, psycopg.Error):
            error = translate(told, self.compiled, Phase.RUN)
            if error.reason in ("STATEMENT_TIMEOUT", "DEADLINE_EXCEEDED"):
                raise NotExplained(_TOO_LONG)
            if error.reason not in _FAILS_ALONE:
                raise error
            return error
        ((rows, letters),) = told.first
        return int(rows or 0), letters or ""


def _with_unknown(letters: str, told: Sequence[bool]) -> str:
    return "".join(letter if known else UNKNOWN for letter, known in zip(letters, told, strict=True))


def _within(rows: list[tuple[str | None, ...]]) -> list[tuple[str | None, ...]]:
    """As many of the rows as fit an answer."""
    left = MOST_BYTES
    for index, row in enumerate(rows):
        left -= sum(len(cell.encode()) for cell in row if cell is not None)
        if left < 0:
            return rows[:index]
    return rows
