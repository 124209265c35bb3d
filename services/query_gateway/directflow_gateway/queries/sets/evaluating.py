"""A condition for many tuples: a letter for each."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import psycopg
from directflow_runtime.errors import DirectFlowError, StatusCode

from directflow_gateway.execution import CellsResult, Rows
from directflow_gateway.execution.first_rows import MOST_SKIPPED_ROWS, far_too_many
from directflow_gateway.queries.engine import QueryEngine
from directflow_gateway.queries.outcomes import Outcome
from directflow_gateway.queries.replaced_role import answers_again
from directflow_gateway.queries.sets.costs import Form, Step
from directflow_gateway.queries.sets.driver import Driver
from directflow_gateway.queries.sets.plan import SetPlan, single_plan
from directflow_gateway.queries.sets.session import TWO_ROWS, SetSession
from directflow_gateway.queries.sets.tuples import BoundTuples, Tuples, bound_tuples
from directflow_gateway.queries.sets.work import Chunk, Ended, Parts, PartStatements, statement_for
from directflow_gateway.queries.statement import Statement

LETTERS: Mapping[str, Outcome] = {
    "t": Outcome.TRUE,
    "f": Outcome.FALSE,
    "n": Outcome.NULL,
    "x": Outcome.NO_ROW,
    "m": Outcome.MULTIPLE_ROWS,
    "e": Outcome.ERROR,
}
TOO_MANY_ROWS = ord("l")
ERROR = ord("e")
_OF_CELL = {"t": ord("t"), "f": ord("f"), None: ord("n")}
"""A boolean cell in PostgreSQL's text form."""


@dataclass(frozen=True, slots=True)
class EvaluatedSet:
    """What a condition came to for every tuple of a call, in order."""

    letters: bytes
    """One of LETTERS each."""
    errors: Mapping[int, DirectFlowError] = field(repr=False)
    """Why tuples have the outcome ERROR, by index, rising."""

    def outcomes(self) -> list[Outcome]:
        """The same as outcomes."""
        return [LETTERS[chr(letter)] for letter in self.letters]


@answers_again
async def evaluate(engine: QueryEngine, statement: Statement, tuples: Tuples) -> EvaluatedSet:
    """The outcome of a condition for every tuple. Raises DirectFlowError for what concerns all of them."""
    async with SetSession(engine, statement) as session:
        opened = await session.session()
        prepared = opened.prepared
        plan = prepared.sets or single_plan(prepared.compiled, is_condition=True)
        with session.span("evaluate", opened) as span:
            await span.text(prepared.compiled.text)
            span.asks_about(tuples.row_count)
            bound = await bound_tuples(prepared.compiled, tuples, distinct=not plan.is_volatile)
            work = Evaluation(session, bound, plan)
            driver = Driver(session, bound, plan, work)
            if bound.count:
                await driver.run(range(bound.count))
            span.worked_by({form.value: count for form, count in driver.statements.items()})
            return work.result()


class Evaluation:
    """Keeps a letter for each different tuple."""

    def __init__(self, session: SetSession, bound: BoundTuples, plan: SetPlan) -> None:
        self._session = session
        self._bound = bound
        self._plan = plan
        self._differing = frozenset(bound.columns)
        self._letters = np.zeros(
            bound.count + 1, np.uint8
        )  # the last one is for tuples that were refused: places say -1
        self._letters[-1] = ERROR
        self._errors: dict[int, DirectFlowError] = {}

    @property
    def transfers(self) -> bool:
        return False

    async def run(self, step: Step, chunk: Chunk) -> Ended:
        text = self._plan.statement(step.form, self._differing)
        (told,) = await self._session.each(
            [statement_for(text, self._bound, self._plan.types, chunk)], step.limit_s, apart=False
        )
        if isinstance(told, psycopg.Error):
            return Ended(0, told)
        self._keep(
            chunk,
            self._of_semi_join(told.first[0][0], len(chunk))
            if step.form is Form.SEMI_JOIN
            else (told.first[0][0] or "").encode(),
        )
        return Ended(len(chunk), worked_s=(await self._session.together()).worked_s)

    async def run_in_order(self, parts: Parts, limit_s: float) -> None:
        text = self._plan.statement(Form.LATERAL, self._differing, row_by_row=True)
        statements = PartStatements(text, self._bound, self._plan.types, parts.chunk)
        under_way: deque[range] = deque()
        complete: list[tuple[Chunk, bytes]] = []

        def following() -> Sequence[str | None] | None:
            part = parts.following()
            if part is None:
                return None
            under_way.append(part)
            return statements.parameters(part)

        def took(told: CellsResult) -> None:
            part = under_way.popleft()
            count = len(told.cells)
            complete.append((parts.chunk[part.start : part.start + count], told.cells))
            parts.ended(Ended(count, told.error))

        try:
            await self._session.cells(text.text, following, took, limit_s, hides=bool(text.scalars))
        finally:
            for chunk, letters in complete:
                self._keep(chunk, letters)

    def took(self, index: int, rows: Rows) -> None:
        if rows.count == 1:
            self._letters[index] = _OF_CELL[rows.first[0][0]]
        elif rows.count > TWO_ROWS + MOST_SKIPPED_ROWS:
            self._too_many(index)
        else:
            self._letters[index] = ord("m" if rows.count else "x")

    def failed(self, index: int, error: DirectFlowError) -> None:
        self._letters[index] = ERROR
        self._errors[index] = error

    def result(self) -> EvaluatedSet:
        """What every tuple of the call came to."""
        places = np.asarray(self._bound.places, np.int64)
        letters = self._letters[places]
        if not letters.all():
            raise AssertionError("a tuple was left without an outcome")
        failed = np.flatnonzero(letters == ERROR).tolist()
        errors = {i: self._bound.refused.get(i) or self._errors[self._bound.places[i]] for i in failed}
        return EvaluatedSet(letters.tobytes(), errors)

    def _keep(self, chunk: Chunk, letters: bytes) -> None:
        found = np.frombuffer(letters, np.uint8)
        if len(found) != len(chunk):
            raise unequal()
        places = slice(chunk.start, chunk.stop) if isinstance(chunk, range) else chunk
        self._letters[places] = found
        if TOO_MANY_ROWS in letters:
            for index in np.flatnonzero(found == TOO_MANY_ROWS).tolist():
                self._too_many(chunk[index])

    def _of_semi_join(self, numbers: str | None, count: int) -> bytes:
        shape = self._plan.semi_join
        assert shape is not None
        letters = np.full(count, ord(shape.missing), np.uint8)
        if numbers:
            found = np.fromstring(numbers[1:-1], np.int64, sep=",")
            if found.min() < 1 or found.max() > count:
                raise unequal()
            letters[found - 1] = ord(shape.found)
        return letters.tobytes()

    def _too_many(self, index: int) -> None:
        self.failed(index, far_too_many(TWO_ROWS))


def unequal() -> DirectFlowError:
    """A defect of ours: never may one tuple be given what another one came to."""
    return DirectFlowError(StatusCode.INTERNAL, "INTERNAL", "the set form answered for other tuples than it was asked")
