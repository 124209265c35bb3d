"""Finding the tuples that make a statement for many fail.

A LATERAL over the tuples works them off in order, and what it has found before an error arrives before the error: so
the first tuple without an outcome is the one that failed, and the statement goes on behind it. Nothing is evaluated
twice. Where the error comes before any row (a value that cannot be cast), the values alone are searched by halves.
"""

from collections.abc import Sequence

import psycopg

from directflow_gateway.execution import AllowanceExceeded, Phase, SqlStatement, Unresponsive, translate
from directflow_gateway.queries.outcomes import concerns_the_tuple
from directflow_gateway.queries.sets.plan import SetPlan
from directflow_gateway.queries.sets.session import SetSession
from directflow_gateway.queries.sets.tuples import BoundTuples
from directflow_gateway.queries.sets.work import Chunk, Work, cells
from directflow_gateway.sql.set_form import array_text, is_known

FEW = 2
"""So few tuples are run alone at once."""
PATIENCE = 8
"""After so many failures, when more than one tuple in so many fails, the rest is run alone: searching costs more."""
PARTS = 16
"""Of the tuples whose values are searched; all parts go in one round trip."""


class Isolation:
    """Works off a chunk that failed."""

    def __init__(self, session: SetSession, bound: BoundTuples, plan: SetPlan, work: Work) -> None:
        self._session = session
        self._bound = bound
        self._plan = plan
        self._work = work
        self._complete = 0
        self.suspects: list[int] = []
        """Tuples to be run alone: they failed, or were never reached."""
        self.slow: list[int] = []
        """Tuples that did not come to an end in time."""

    async def run(self, chunk: Chunk, limit_s: float) -> None:
        """Keeps the outcomes of healthy tuples; the others are `suspects` and `slow` afterwards."""
        uncastable = await self._uncastable(chunk)
        self.suspects += sorted(uncastable)
        rest = [index for index in chunk if index not in uncastable]
        while len(rest) > FEW and not self._is_hopeless():
            try:
                ended = await self._work.run_in_order(rest, limit_s)
            except (Unresponsive, AllowanceExceeded):
                await self._session.leave()
                break
            self._complete += ended.complete
            rest = rest[ended.complete :]
            if ended.error is None:
                break
            self._blame(rest.pop(0), ended.error)
        self.suspects += rest

    def _blame(self, index: int, error: psycopg.Error) -> None:
        told = translate(error, None, Phase.RUN)
        if not concerns_the_tuple(told):
            raise told
        (self.slow if told.reason == "STATEMENT_TIMEOUT" else self.suspects).append(index)

    def _is_hopeless(self) -> bool:
        failures = len(self.suspects) + len(self.slow)
        return failures >= PATIENCE and failures * PATIENCE > self._complete + failures

    async def _uncastable(self, chunk: Chunk) -> set[int]:
        """Tuples with a value that PostgreSQL does not read as the type of its parameter."""
        found: set[int] = set()
        for number in self._bound.columns:
            if not is_known(self._plan.types[number - 1]):  # else they were found before anything was sent
                found |= await self._search(chunk, number)
        return found

    async def _search(self, chunk: Chunk, number: int) -> set[int]:
        found: set[int] = set()
        parts = await self._failing([chunk], number)
        while parts:
            failed = await self._failing([piece for part in parts for piece in _split(part)], number)
            found.update(part[0] for part in failed if len(part) == 1)
            parts = [part for part in failed if len(part) > 1]
            if PATIENCE * len(found) > len(chunk) + PATIENCE * PATIENCE:
                return set(chunk)
        return found

    async def _failing(self, parts: Sequence[Chunk], number: int) -> list[Chunk]:
        """The parts whose values do not make an array."""
        kind, column = self._plan.types[number - 1], self._bound.columns[number]
        text = f"SELECT pg_catalog.cardinality($1::{kind}[])"
        checks = [SqlStatement(text, (array_text(cells(column, part), kind),)) for part in parts]
        told = await self._session.each(checks, await self._session.limit_s(), apart=True)
        return [part for part, one in zip(parts, told, strict=True) if isinstance(one, psycopg.Error)]


def _split(part: Chunk) -> list[Chunk]:
    size = -(-len(part) // PARTS)
    return [part[start : start + size] for start in range(0, len(part), size)]
