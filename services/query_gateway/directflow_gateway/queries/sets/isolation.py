"""Finding the tuples that make a statement for many fail.

A LATERAL over the tuples works them off in order, and what it has found before an error arrives before the error: so
the first tuple without an outcome is the one that failed, and the statement goes on behind it. That tuple is run alone
for its own error, unless the plan `tells_own_errors`. Where the error comes
before any row (a value that cannot be cast), the values alone are searched, part by part.
"""

import itertools
from collections import deque

from directflow_runtime.errors import DirectFlowError

from directflow_gateway.execution import AllowanceExceeded, Unresponsive
from directflow_gateway.queries.outcomes import concerns_the_tuple
from directflow_gateway.queries.sets.casting import Casting
from directflow_gateway.queries.sets.plan import SetPlan
from directflow_gateway.queries.sets.session import SetSession
from directflow_gateway.queries.sets.translations import Translations
from directflow_gateway.queries.sets.tuples import BoundTuples
from directflow_gateway.queries.sets.work import Chunk, Ended, Work

FEW = 2
"""So few tuples are run alone at once."""
PATIENCE = 8
"""After so many failures, when more than one tuple in so many fails, the rest is run alone: searching costs more."""
AT_ONCE = 256
"""Tuples of one statement: behind each failure the rest of them is sent again."""
LANES = 16
"""A chunk is worked off in so many places at once, for what stands behind a failure has to wait for it."""
SHORTEST_LANE = 64
DATA_EXCEPTION = "22"
"""The class of SQLSTATEs of what could not be computed of a row."""


class Isolation:
    """Works off a chunk that failed."""

    def __init__(self, session: SetSession, bound: BoundTuples, plan: SetPlan, work: Work) -> None:
        self._session = session
        self._casting = Casting(session, bound, plan.types)
        self._plan = plan
        self._work = work
        self.chunk: Chunk = ()
        self._lanes: deque[range] = deque()
        self._under_way: deque[tuple[range, range]] = deque()
        """A part, and what its lane has left behind it."""
        self._translations = Translations(None)
        self._complete = 0
        self._shared: DirectFlowError | None = None
        """An error that is no single tuple's: it is raised when nothing is under way any more."""
        self.suspects: list[int] = []
        """Tuples to be run alone: they failed, or were never reached."""
        self.slow: list[int] = []
        """Tuples that did not come to an end in time."""
        self.failed: dict[int, DirectFlowError] = {}
        """Tuples of which it is known what they come to alone."""

    async def run(self, chunk: Chunk, limit_s: float) -> None:
        """Keeps the outcomes of healthy tuples; the others are `suspects`, `slow` and `failed` afterwards."""
        uncastable = await self._casting.uncastable(chunk)
        self.suspects += sorted(uncastable)
        self.chunk = [index for index in chunk if index not in uncastable] if uncastable else chunk
        length = max(SHORTEST_LANE, -(-len(self.chunk) // LANES))
        places = range(len(self.chunk))
        self._lanes += [places[start : start + length] for start in range(0, len(places), length)]
        try:
            await self._work.run_in_order(self, limit_s)
        except (Unresponsive, AllowanceExceeded):
            await self._session.leave()
        if self._shared is not None:
            raise self._shared
        never_reached = [*itertools.chain(*self._under_way), *self._lanes]
        self.suspects += [self.chunk[place] for part in never_reached for place in part]

    def following(self) -> range | None:
        """The next tuples of a lane of which none is under way."""
        if not self._lanes or self._shared is not None or self._is_hopeless():
            return None
        lane = self._lanes.popleft()
        part, rest = lane[:AT_ONCE], lane[AT_ONCE:]
        self._under_way.append((part, rest))
        return part

    def ended(self, ended: Ended) -> None:
        """The lane goes on behind the tuple that failed."""
        part, rest = self._under_way.popleft()
        self._complete += ended.complete
        if ended.error is not None and ended.complete < len(part):
            told = self._translations.of(ended.error)
            if not concerns_the_tuple(told):
                self._shared = told
                return
            self._take(self.chunk[part[ended.complete]], told, is_first=not ended.complete)
            rest = range(part[ended.complete] + 1, rest.stop)
        if len(rest) > FEW:
            self._lanes.append(rest)
        else:
            self.suspects += self.chunk[rest.start : rest.stop]

    def _take(self, index: int, told: DirectFlowError, *, is_first: bool) -> None:
        """`is_first`: of its part, whose parameters may be what failed, where behind others they have been read."""
        if told.reason == "STATEMENT_TIMEOUT":
            self.slow.append(index)
        elif self._plan.tells_own_errors and not is_first and told.sqlstate[:2] == DATA_EXCEPTION:
            self.failed[index] = told
        else:
            self.suspects.append(index)

    def _is_hopeless(self) -> bool:
        failures = len(self.suspects) + len(self.slow) + len(self.failed)
        return failures >= PATIENCE and failures * PATIENCE > self._complete + failures
