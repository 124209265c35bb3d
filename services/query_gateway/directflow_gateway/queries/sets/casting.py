"""Which tuples have a value that PostgreSQL does not read as the type of its parameter: one of them fails an array."""

import itertools
from collections.abc import Sequence

import psycopg

from directflow_gateway.execution import AllowanceExceeded, SqlStatement, Unresponsive
from directflow_gateway.queries.sets.session import SetSession
from directflow_gateway.queries.sets.tuples import BoundTuples
from directflow_gateway.queries.sets.work import Chunk, cells
from directflow_gateway.sql.set_form import array_text, certainly_castable, is_known

FEW = 4
"""So few doubtful tuples are run alone unasked: that costs as many round trips as the question, which is one."""
LONGEST_ASKED = 128
"""In characters. No value of a type that is known needs more; many longer ones would make a question of megabytes."""
PARTS = 16
"""Of the tuples whose values are searched; all parts go in one round trip."""


class Casting:
    """Asks the server about values alone, without any table."""

    def __init__(self, session: SetSession, bound: BoundTuples, types: Sequence[str]) -> None:
        """`types`: of every parameter, as a type that `[]` may follow."""
        self._session = session
        self._bound = bound
        self._types = types

    async def suspects(self, chunk: Chunk) -> set[int]:
        """Tuples that would probably fail a statement for many. A type whose input is not known has none."""
        doubtful = {number: found for number in self._bound.columns if (found := self._doubtful(chunk, number))}
        together = set(itertools.chain(*doubtful.values()))
        if len(together) <= FEW:
            return together
        return set(itertools.chain(*[await self._refused(found, number) for number, found in doubtful.items()]))

    async def uncastable(self, chunk: Chunk) -> set[int]:
        """Of a statement that failed, the tuples whose values of types with unknown input may be the reason."""
        found: set[int] = set()
        for number in self._bound.columns:
            if not is_known(self._types[number - 1]):  # else they were found before anything was sent
                found |= await self._search(chunk, number)
        return found

    def _doubtful(self, chunk: Chunk, number: int) -> list[int]:
        certain = certainly_castable(cells(self._bound.columns[number], chunk), self._types[number - 1])
        if certain is None:
            return []
        return [index for index, is_certain in zip(chunk, certain, strict=True) if not is_certain]

    async def _refused(self, doubtful: Sequence[int], number: int) -> set[int]:
        column = self._bound.columns[number]
        asked = [index for index in doubtful if len(column[index] or "") <= LONGEST_ASKED]
        found = set(doubtful).difference(asked)
        return found | await self._search(asked, number) if asked else found

    async def _search(self, chunk: Chunk, number: int) -> set[int]:
        """Part by part; all of them where most fail, for then each is asked about alone before it is run alone."""
        if not await self._failing([chunk], number):
            return set()
        sample = _parts(chunk[:: -(-len(chunk) // PARTS)], 1)
        failed = await self._failing(sample, number)
        if len(sample) == len(chunk):
            return {index for part in failed for index in part}
        if 2 * len(failed) > len(sample):
            return set(chunk)
        return await self._searched(chunk, number)

    async def _searched(self, chunk: Chunk, number: int) -> set[int]:
        found: set[int] = set()
        parts = [chunk]
        while parts:
            pieces = [piece for part in parts for piece in _parts(part, -(-len(part) // PARTS))]
            failed = await self._failing(pieces, number)
            found.update(part[0] for part in failed if len(part) == 1)
            parts = [part for part in failed if len(part) > 1]
        return found

    async def _failing(self, parts: Sequence[Chunk], number: int) -> list[Chunk]:
        """The parts whose values do not make an array."""
        kind, column = self._types[number - 1], self._bound.columns[number]
        text = f"SELECT pg_catalog.cardinality($1::{kind}[])"
        checks = [SqlStatement(text, (array_text(cells(column, part), kind),)) for part in parts]
        try:
            told = await self._session.each(checks, await self._session.limit_s(), apart=True)
        except (AllowanceExceeded, Unresponsive):  # nothing was learnt: they run alone, within every limit
            return list(parts)
        return [part for part, one in zip(parts, told, strict=True) if isinstance(one, psycopg.Error)]


def _parts(chunk: Chunk, size: int) -> list[Chunk]:
    return [chunk[start : start + size] for start in range(0, len(chunk), size)]
