"""The order of the work: the cheapest form for the many, and whatever fails isolated to the tuple that causes it.

What a tuple comes to in a batch counts when nothing failed before it; a tuple that a batch failed for is always asked
again alone, by the author's own statement. So an error of the set form that the single form does not have costs time
and changes nothing.
"""

from directflow_gateway.execution import AllowanceExceeded, Phase, Unresponsive, translate
from directflow_gateway.queries.outcomes import concerns_the_tuple
from directflow_gateway.queries.sets.casting import Casting
from directflow_gateway.queries.sets.costs import Costs, Form, Step
from directflow_gateway.queries.sets.isolation import Isolation
from directflow_gateway.queries.sets.one_by_one import OneByOne, is_timeout
from directflow_gateway.queries.sets.plan import MANY_FAILED, SetPlan
from directflow_gateway.queries.sets.session import SetSession
from directflow_gateway.queries.sets.tuples import BoundTuples
from directflow_gateway.queries.sets.work import MOST_ARRAY_CHARACTERS, Chunk, Ended, Work

FIRST_LOOK = 256
"""Tuples of the first statement where many are expected to fail: it is run in vain then, whatever its size."""


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
        self._one_by_one = OneByOne(session, bound, work)
        self._suspects: list[int] = []
        self.statements: dict[Form, int] = {}
        """Tuples by the form in which they came to their end, for the span."""

    async def run(self, chunk: Chunk) -> None:
        """All of these tuples. Raises DirectFlowError for what concerns the whole call."""
        if len(chunk) == 1:
            await self._one_by_one.one(chunk[0])
        else:
            await self._many(chunk)
        self._count(Form.SINGLE, self._one_by_one.count)
        if self._one_by_one.failed and not self._costs.is_single:
            self._plan.remember_poisoned(self._bound, self._one_by_one.failed)

    async def _many(self, chunk: Chunk) -> None:
        rest, self._suspects = await self._sorted(chunk)
        while rest:
            step = self._costs.next(min(len(rest), self._most), await self._session.limit_s())
            now = rest[: step.count]
            if step.form is Form.SINGLE:
                rest = rest[await self._singles(now, step) :]
                continue
            first = now[:FIRST_LOOK] if self._plan.expects_failures and not step.is_trial else now
            rest = rest[await self._together(first, now, step) :]
        await self._one_by_one.suspects(sorted(self._suspects))
        await self._one_by_one.slow()

    async def _sorted(self, chunk: Chunk) -> tuple[Chunk, list[int]]:
        """Tuples for the set form, and those that would probably make it fail."""
        if self._costs.is_single:
            return chunk, []
        apart = self._poisoned.intersection(chunk) | self._invalid_patterns(chunk)
        rest = [index for index in chunk if index not in apart] if apart else chunk
        uncastable = await Casting(self._session, self._bound, self._plan.types).suspects(rest) if rest else set()
        if uncastable:
            apart |= uncastable
            rest = [index for index in rest if index not in uncastable]
        return rest, sorted(apart)

    def _invalid_patterns(self, chunk: Chunk) -> set[int]:
        """As a LIKE pattern it is an error, which the planner meets before any row is compared."""
        found: set[int] = set()
        for column in self._bound.columns.values():
            if "\\" in "".join(filter(None, column)):
                found.update(index for index in chunk if (column[index] or "").endswith("\\"))
        return found

    # --- many ------------------------------------------------------------------------------------------------------

    async def _singles(self, chunk: Chunk, step: Step) -> int:
        """How many of a chunk are done: the author's own statement for each."""
        count, took = await self._one_by_one.each(chunk)
        self._costs.measured(Step(step.form, count, step.limit_s), took)
        return count

    async def _together(self, first: Chunk, chunk: Chunk, step: Step) -> int:
        """How many of a chunk are done: its first part by one statement, or by isolation all of it; none when it is to
        be run in another form."""
        try:
            ended = await self._work.run(step, first)
        except (Unresponsive, AllowanceExceeded):
            await self._session.leave()
            self._suspects += first
            return len(first)
        if ended.error is None:
            self._plan.expects_failures = False
            self._costs.measured(Step(step.form, len(first), step.limit_s), ended.worked_s)
            self._count(step.form, len(first))
            return len(first)
        return await self._after_error(chunk, step, ended)

    async def _after_error(self, chunk: Chunk, step: Step, ended: Ended) -> int:
        assert ended.error is not None
        error = translate(ended.error, None, Phase.RUN)
        if is_timeout(error) and step.is_trial:
            self._costs.was_too_slow(step)
            return 0
        if error.reason == "DEFINITION_BROKEN":
            # A value's own syntax (a tsquery), a dropped table, a column of another type: the single form tells.
            self._costs.drop(step.form)
            self._plan.is_outdated = True
            return 0
        if not concerns_the_tuple(error):
            raise error
        rest = chunk[ended.complete :]
        if is_timeout(error):
            self._costs.measured(step, step.limit_s)
            await self._one_by_one.is_slow(rest[0])
            rest = rest[1:]
        await self._isolate(rest, step)
        return len(chunk)

    async def _isolate(self, chunk: Chunk, step: Step) -> None:
        isolation = Isolation(self._session, self._bound, self._plan, self._work)
        await isolation.run(chunk, step.limit_s)
        self._count(Form.LATERAL, len(chunk) - len(isolation.suspects) - len(isolation.slow))
        if step.form is not Form.LATERAL and not (isolation.suspects or isolation.slow or isolation.failed):
            # It failed over rows that no profile's own statement reads.
            self._costs.drop(step.form)
        self._suspects += isolation.suspects
        self._one_by_one.knows(isolation.failed)
        self._plan.expects_failures = len(isolation.suspects) + len(isolation.failed) >= MANY_FAILED
        for index in isolation.slow:
            await self._one_by_one.is_slow(index)

    def _count(self, form: Form, tuples: int) -> None:
        self.statements[form] = self.statements.get(form, 0) + tuples
