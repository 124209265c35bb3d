"""Finding the tuples that make a statement for many fail.

A LATERAL over the tuples works them off in order, and what it has found before an error arrives before the error: so
the first tuple without an outcome is the one that failed, and the statement goes on behind it. Where the error comes
before any row (a value that cannot be cast), the values alone are searched, part by part.
"""

from collections import deque
from collections.abc import Sequence

import psycopg
from directflow_runtime.errors import DirectFlowError

from directflow_gateway.execution import AllowanceExceeded, SqlStatement, Unresponsive
from directflow_gateway.queries.outcomes import concerns_the_tuple
from directflow_gateway.queries.sets.plan import SetPlan
from directflow_gateway.queries.sets.session import SetSession
from directflow_gateway.queries.sets.translations import Translations
from directflow_gateway.queries.sets.tuples import BoundTuples
from directflow_gateway.queries.sets.work import Chunk, Ended, Work, cells
from directflow_gateway.sql.set_form import array_text, is_known

FEW = 2
"""So few tuples are run alone at once."""
PATIENCE = 8
"""After so many failures, when more than one tuple in so many fails, the rest is run alone: searching costs more."""
AT_ONCE = 256
"""Tuples of one statement: behind each failure the rest of them is sent again."""
PARTS = 16
"""Of the tuples whose values are searched; all parts go in one round trip."""


class Isolation:
    """Works off a chunk that failed."""

    def __init__(self, session: SetSession, bound: BoundTuples, plan: SetPlan, work: Work) -> None:
        self._session = session
        self._bound = bound
        self._plan = plan
        self._work = work
        self._fresh: Chunk = ()
        self._behind: list[int] = []
        self._under_way: deque[Chunk] = deque()
        self._translations = Translations(None)
        self._complete = 0
        self._shared: DirectFlowError | None = None
        """An error that is no single tuple's: it is raised when nothing is under way any more."""
        self.suspects: list[int] = []
        """Tuples to be run alone: they failed, or were never reached."""
        self.slow: list[int] = []
        """Tuples that did not come to an end in time."""

    async def run(self, chunk: Chunk, limit_s: float) -> None:
        """Keeps the outcomes of healthy tuples; the others are `suspects` and `slow` afterwards."""
        uncastable = await self._uncastable(chunk)
        self.suspects += sorted(uncastable)
        self._fresh = [index for index in chunk if index not in uncastable] if uncastable else chunk
        try:
            await self._work.run_in_order(self, limit_s)
        except (Unresponsive, AllowanceExceeded):
            await self._session.leave()
        if self._shared is not None:
            raise self._shared
        self.suspects += [index for part in (*self._under_way, self._behind, self._fresh) for index in part]

    def following(self) -> Chunk | None:
        """What is left behind failures, filled up with tuples that were not sent yet: few statements, for each costs
        more than some tuples."""
        if self._shared is not None or self._is_hopeless():
            return None
        part: Chunk = self._behind[:AT_ONCE]
        del self._behind[:AT_ONCE]
        fresh, self._fresh = self._fresh[: AT_ONCE - len(part)], self._fresh[AT_ONCE - len(part) :]
        part = [*part, *fresh] if part else fresh
        if not part:
            return None
        self._under_way.append(part)
        return part

    def ended(self, ended: Ended) -> None:
        """What is left of the part behind the tuple that failed comes next."""
        part = self._under_way.popleft()
        self._complete += ended.complete
        if ended.error is None or ended.complete == len(part):
            return
        told = self._translations.of(ended.error)
        if not concerns_the_tuple(told):
            self._shared = told
            return
        failed = part[ended.complete]
        (self.slow if told.reason == "STATEMENT_TIMEOUT" else self.suspects).append(failed)
        rest = part[ended.complete + 1 :]
        if len(rest) > FEW:
            self._behind += rest
        else:
            self.suspects += rest

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
            failed = await self._failing(
                [piece for part in parts for piece in _parts(part, -(-len(part) // PARTS))], number
            )
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


def _parts(chunk: Chunk, size: int) -> list[Chunk]:
    return [chunk[start : start + size] for start in range(0, len(chunk), max(1, size))]
