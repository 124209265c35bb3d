"""The order of the work: the cheapest form for the many, and whatever fails isolated to the tuple that causes it.

What a tuple comes to in a batch counts when nothing failed before it; a tuple that a batch failed for is always asked
again alone, by the author's own statement. So an error of the set form that the single form does not have costs time
and changes nothing.
"""

from collections.abc import Sequence
from itertools import islice
from time import monotonic

from directflow_runtime.calls import current_call
from directflow_runtime.errors import DirectFlowError

from directflow_gateway.execution import AllowanceExceeded, Phase, SqlStatement, Unresponsive, translate
from directflow_gateway.queries.outcomes import concerns_the_tuple
from directflow_gateway.queries.sets.costs import Costs, Form, Step
from directflow_gateway.queries.sets.isolation import Isolation
from directflow_gateway.queries.sets.plan import SetPlan
from directflow_gateway.queries.sets.session import SetSession
from directflow_gateway.queries.sets.tuples import BoundTuples
from directflow_gateway.queries.sets.work import MOST_ARRAY_CHARACTERS, Chunk, Work
from directflow_gateway.sql.set_form import certainly_castable

FIRST_LIMIT_S = 1.0
"""A tuple alone is first given this long, so that one that takes minutes does not hold up its neighbours."""
ALONE_TOGETHER = 64
"""Statements of single tuples in one round trip."""
SHARE_OF_DEADLINE = 0.8
"""What slow tuples may take of the time that the call has left: the others' outcomes must still arrive."""


class Driver:
    """Brings every tuple of a call to what it comes to."""

    def __init__(self, session: SetSession, bound: BoundTuples, plan: SetPlan, work: Work) -> None:
        self._session = session
        self._bound = bound
        self._plan = plan
        self._work = work
        self._costs: Costs = plan.costs(frozenset(bound.columns))
        self._poisoned = plan.poisoned_among(bound)
        self._most = max(1, MOST_ARRAY_CHARACTERS * bound.count // max(1, bound.characters))
        self._failed: list[int] = []
        self.statements: dict[Form, int] = {}
        """Tuples by the form in which they came to their end, for the span."""

    async def run(self, chunk: Chunk) -> None:
        """All of these tuples. Raises DirectFlowError for what concerns the whole call."""
        if len(chunk) == 1:
            await self._alone(chunk[0], await self._session.limit_s())
            return
        rest, suspects = self._sorted(chunk)
        slow: list[int] = []
        while rest:
            step = self._costs.next(min(len(rest), self._most), await self._session.limit_s())
            now, rest = rest[: step.count], rest[step.count :]
            if step.form is Form.SINGLE:
                slow += await self._singles(now, step)
            elif not await self._together(step, now, suspects, slow):
                rest = [*now, *rest]
        slow += await self._suspects(suspects)
        await self._slow(slow)
        if self._failed and not self._costs.is_single:
            self._plan.remember_poisoned(self._bound, self._failed)

    def _sorted(self, chunk: Chunk) -> tuple[Chunk, list[int]]:
        """Tuples for the set form, and those that would probably make it fail."""
        if self._costs.is_single:
            return chunk, []
        apart = self._doubtful(chunk) | self._poisoned.intersection(chunk)
        if not apart:
            return chunk, []
        return [index for index in chunk if index not in apart], sorted(apart)

    def _doubtful(self, chunk: Chunk) -> set[int]:
        doubtful: set[int] = set()
        for number, column in self._bound.columns.items():
            certain = certainly_castable(column, self._plan.types[number - 1])
            if certain is not None:
                doubtful.update(index for index in chunk if not certain[index])
        return doubtful

    # --- many ------------------------------------------------------------------------------------------------------

    async def _together(self, step: Step, chunk: Chunk, suspects: list[int], slow: list[int]) -> bool:
        """Runs a chunk in one statement; False when nothing came of it and it is to be run in another form."""
        try:
            ended = await self._work.run(step, chunk)
        except (Unresponsive, AllowanceExceeded):
            await self._session.leave()
            suspects += chunk
            return True
        if ended.error is None:
            self._costs.measured(step, ended.worked_s)
            self._count(step.form, len(chunk))
            return True
        error = translate(ended.error, None, Phase.RUN)
        timed_out = error.reason == "STATEMENT_TIMEOUT"
        if timed_out and step.is_trial:
            self._costs.was_too_slow(step)
            return False
        if is_about_the_text(error):
            # Perhaps a value's own syntax (a tsquery), perhaps a dropped table: the single form tells.
            self._costs.drop(step.form)
            return False
        if not concerns_the_tuple(error):
            raise error
        if timed_out:
            self._costs.measured(step, step.limit_s)
        return await self._isolate(step, chunk[ended.complete :], suspects, slow)

    async def _isolate(self, step: Step, chunk: Chunk, suspects: list[int], slow: list[int]) -> bool:
        isolation = Isolation(self._session, self._bound, self._plan, self._work)
        await isolation.run(chunk, step.limit_s)
        self._count(Form.LATERAL, len(chunk) - len(isolation.suspects) - len(isolation.slow))
        if step.form is not Form.LATERAL and not isolation.suspects and not isolation.slow:
            # It failed over rows that no profile's own statement reads.
            self._costs.drop(step.form)
        suspects += isolation.suspects
        slow += isolation.slow
        return True

    # --- one by one --------------------------------------------------------------------------------------------------

    async def _singles(self, chunk: Chunk, step: Step) -> list[int]:
        """The author's own statement for each; returns those that are slow."""
        started = monotonic()
        slow = await self._each(chunk, apart=False)
        took = monotonic() - started if self._work.transfers else (await self._session.together()).worked_s
        if not slow and len(chunk) > 1:
            self._costs.measured(step, took)
        return slow

    async def _suspects(self, suspects: Sequence[int]) -> list[int]:
        """The same for tuples that are expected to fail; those that do are remembered."""
        slow: list[int] = []
        waiting = iter(sorted(suspects))
        while some := list(islice(waiting, ALONE_TOGETHER)):
            slow += await self._each(some, apart=True)
        return slow

    async def _each(self, chunk: Chunk, *, apart: bool) -> list[int]:
        if len(chunk) == 1 and not apart:
            await self._alone(chunk[0], await self._session.limit_s())
            return []
        compiled = await self._session.compiled()
        statements = [SqlStatement(compiled.text, self._bound.texts(index)) for index in chunk]
        limit_s = min(FIRST_LIMIT_S, await self._session.limit_s())
        try:
            told = await self._session.each(statements, limit_s, apart=apart)
        except (Unresponsive, AllowanceExceeded):
            for index in chunk:
                await self._alone(index, await self._session.limit_s())
            return []
        slow = []
        for index, one in zip(chunk, told, strict=True):
            if isinstance(one, list):
                self._work.took(index, one)
                continue
            error = translate(one, compiled, Phase.RUN)
            if error.reason == "STATEMENT_TIMEOUT" and concerns_the_tuple(error):
                slow.append(index)
            else:
                self._fail(index, error)
        self._count(Form.SINGLE, len(chunk) - len(slow))
        return slow

    async def _slow(self, slow: Sequence[int]) -> None:
        """Each alone and last, with an equal share of the time that is left."""
        for place, index in enumerate(slow):
            share_s = current_call().remaining() * SHARE_OF_DEADLINE / (len(slow) - place)
            await self._alone(index, max(FIRST_LIMIT_S / 10, min(await self._session.limit_s(), share_s)))

    async def _alone(self, index: int, limit_s: float) -> None:
        told = await self._session.alone(self._bound.texts(index), limit_s)
        self._count(Form.SINGLE, 1)
        if isinstance(told, list):
            self._work.took(index, told)
        else:
            self._fail(index, told)

    def _fail(self, index: int, error: DirectFlowError) -> None:
        if not concerns_the_tuple(error):
            raise error
        self._failed.append(index)
        self._work.failed(index, error)

    def _count(self, form: Form, tuples: int) -> None:
        self.statements[form] = self.statements.get(form, 0) + tuples


def is_about_the_text(error: DirectFlowError) -> bool:
    """Whether PostgreSQL objects to the statement and not to its data."""
    return error.reason == "DEFINITION_BROKEN"
