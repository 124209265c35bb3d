"""The author's own statement for single tuples: where there is no other form, and where another one failed."""

from collections.abc import Mapping, Sequence
from time import monotonic

from directflow_runtime.calls import current_call
from directflow_runtime.errors import DirectFlowError

from directflow_gateway.execution import AllowanceExceeded, Rows, SqlStatement, Told, Unresponsive
from directflow_gateway.queries.outcomes import concerns_the_tuple
from directflow_gateway.queries.sets.session import SetSession
from directflow_gateway.queries.sets.translations import Translations
from directflow_gateway.queries.sets.tuples import BoundTuples
from directflow_gateway.queries.sets.work import Chunk, Work

FIRST_LIMIT_S = 1.0
"""A tuple among others is first given this long, so that one that takes minutes does not hold up its neighbours."""
SUSPECT_LIMIT_S = 0.25
"""A tuple among those that are expected to fail."""
AT_ONCE = 128
"""Statements in one round trip."""
GRACE_S = 1.0
LEAST_SHARE_S = 0.1
SHARE_OF_DEADLINE = 0.8
"""What slow tuples may take of the time that the call has left: the others' outcomes must still arrive."""


class OneByOne:
    """Brings tuples to what they come to alone; those that are slow wait for the end."""

    def __init__(self, session: SetSession, bound: BoundTuples, work: Work) -> None:
        self._session = session
        self._bound = bound
        self._work = work
        self._slow: list[int] = []
        self._is_no_lock = False
        """Whether some tuple has come to its end, so that it is no table's lock that makes them slow."""
        self.failed: list[int] = []
        self.count = 0

    async def one(self, index: int) -> None:
        """A tuple within every limit. Raises DirectFlowError for what concerns the whole call."""
        self._take(index, await self._session.alone(self._bound.texts(index), await self._session.limit_s()))

    async def each(self, chunk: Chunk) -> tuple[int, float]:
        """Tuples of which most are healthy; how many of them were run, and how long that took."""
        if len(chunk) == 1:
            started = monotonic()
            await self.one(chunk[0])
            return 1, monotonic() - started
        started = monotonic()
        told = await self._told(chunk, FIRST_LIMIT_S, apart=False)
        took = monotonic() - started
        is_clean = all(isinstance(one, Rows) for one in told)
        if is_clean and not self._work.transfers:
            took = (await self._session.together()).worked_s
        await self._take_all(chunk[: len(told)], told)
        return len(told), took

    async def suspects(self, suspects: Sequence[int]) -> None:
        """Tuples of which many fail."""
        for start in range(0, len(suspects), AT_ONCE):
            some = suspects[start : start + AT_ONCE]
            await self._take_all(some, await self._told(some, SUSPECT_LIMIT_S, apart=True))

    def knows(self, errors: Mapping[int, DirectFlowError]) -> None:
        """Tuples that need not be run: why they have no outcome is known. They count as failed all the same."""
        for index, error in errors.items():
            self.failed.append(index)
            self._work.failed(index, error)

    async def slow(self) -> None:
        """Those that were too slow among others: each alone, with an equal share of the time that is left."""
        while self._slow:
            share_s = current_call().remaining() * SHARE_OF_DEADLINE / len(self._slow)
            index = self._slow.pop(0)
            limit_s = min(await self._session.limit_s(), max(LEAST_SHARE_S, share_s))
            self._take(index, await self._session.alone(self._bound.texts(index), limit_s))

    async def is_slow(self, index: int) -> None:
        """Takes a tuple that did not end in time among others. The first of them may wait for a table's lock, as
        everybody would: that has a time limit of its own, which is given the chance to strike."""
        if self._is_no_lock:
            self._slow.append(index)
            return
        self._is_no_lock = True
        limit_s = await self._session.limit_s()
        patience_s = (await self._session.session()).limits.lock_timeout_s + GRACE_S
        told = await self._session.alone(self._bound.texts(index), min(limit_s, patience_s))
        if patience_s < limit_s and isinstance(told, DirectFlowError) and is_timeout(told):
            self._slow.append(index)
        else:
            self._take(index, told)

    async def _told(self, chunk: Chunk, limit_s: float, *, apart: bool) -> list[Told | DirectFlowError]:
        compiled = await self._session.compiled()
        statements = [SqlStatement(compiled.text, self._bound.texts(index)) for index in chunk]
        limit_s = min(limit_s, await self._session.limit_s())
        try:
            return list(await self._session.each(statements, limit_s, apart=apart))
        except (Unresponsive, AllowanceExceeded):
            # A server that keeps no limit, or far too many rows: every limit for each.
            return [await self._session.alone(self._bound.texts(i), await self._session.limit_s()) for i in chunk]

    async def _take_all(self, chunk: Chunk, told: Sequence[Told | DirectFlowError]) -> None:
        translations = Translations(await self._session.compiled())
        for index, one in zip(chunk, told, strict=True):
            if isinstance(one, Rows | DirectFlowError):
                self._take(index, one)
                continue
            error = translations.of(one)
            if is_timeout(error):
                await self.is_slow(index)
            else:
                self._take(index, error)

    def _take(self, index: int, told: Rows | DirectFlowError) -> None:
        if isinstance(told, Rows):
            self._is_no_lock = True
            self.count += 1
            self._work.took(index, told)
        elif concerns_the_tuple(told):
            self.count += 1
            self.failed.append(index)
            self._work.failed(index, told)
        else:
            raise told


def is_timeout(error: DirectFlowError) -> bool:
    """Whether PostgreSQL worked too long; waiting for a lock is something else."""
    return error.reason == "STATEMENT_TIMEOUT" and concerns_the_tuple(error)
