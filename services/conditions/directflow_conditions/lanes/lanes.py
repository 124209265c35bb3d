"""All lanes of this replica: who may wait for what, and how many."""

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import partial

from directflow_runtime.calls import current_call
from directflow_runtime.errors import DirectFlowError, StatusCode
from directflow_runtime.metrics import OFF, Metrics
from directflow_runtime.metrics.names import EVALUATION_BATCH, LANE_WAITING, LANES
from opentelemetry.trace import Tracer, get_current_span

from directflow_conditions.lanes.aside import LATE_S
from directflow_conditions.lanes.lane import Lane
from directflow_conditions.lanes.waiter import Waiter, kinds_of
from directflow_conditions.questions import Answer, Gateway, Question

RETRY_AFTER_S = 0.5


@dataclass(frozen=True, slots=True)
class LaneLimits:
    """What lanes may hold."""

    max_batch: int
    """Callers of one statement."""
    max_waiting: int
    """Callers of one workspace that wait for an answer; those of one lane may be as many as there is room left."""
    max_lanes: int
    """Lanes of one workspace at once."""
    late_after_s: float = LATE_S
    """A statement that runs longer holds nobody up."""


class StatementFailed(Exception):
    """A statement that several shared ended by a defect; its cause is the defect."""


class Lanes:
    """Answers questions about one person each, as many as it can in one statement.

    It is asked within a call, behind the decision on who may ask.
    """

    def __init__(self, gateway: Gateway, tracer: Tracer, limits: LaneLimits, metrics: Metrics = OFF) -> None:
        self._gateway = gateway
        self._tracer = tracer
        self._limits = limits
        self._lanes: dict[Hashable, Lane] = {}
        self._waiting: Counter[str] = Counter()
        self._lane_counts: Counter[str] = Counter()
        self._sizes = metrics.histogram(EVALUATION_BATCH)
        metrics.gauge(LANES, lambda: {(): len(self._lanes)})
        metrics.gauge(LANE_WAITING, lambda: {(): self._waiting.total()})

    def __len__(self) -> int:
        """Lanes that exist now."""
        return len(self._lanes)

    async def ask(self, question: Question) -> Sequence[Answer]:
        """The answers, from a statement of this call alone or of several.

        Raises OVERLOADED where too many of the workspace wait, and what the gateway raises: each caller an error of its
        own. A cancelled caller leaves the others' statement alone.
        """
        call = current_call()
        workspace = question.conditions[0].workspace
        # The definition objects themselves: a new revision is another object, and a lane's callers hold on to theirs.
        definitions = tuple(map(id, question.conditions))
        key = (workspace, definitions, kinds_of(question), question.anchor is not None, call.may_define)
        lane = self._lanes.get(key)
        self._more_waiting(workspace, lane)
        try:
            if lane is None:
                self._sizes.record(1)
                return await self._opened(workspace, key).lead(question)
            answer = await lane.follow(Waiter(question, call.identity, call.deadline, get_current_span()))
        finally:
            _less(self._waiting, workspace)
        if isinstance(answer, Exception):
            raise _copied(answer) from answer
        return answer

    async def aclose(self) -> None:
        """Cancels the statements in flight."""
        for lane in list(self._lanes.values()):
            await lane.aclose()

    def _more_waiting(self, workspace: str, lane: Lane | None) -> None:
        """A lane may hold as many callers as there is room left, and one more: half of all when it is the only one
        that is held up, a third when there are two. Other lanes always find room, and none is kept empty for them."""
        waiting = self._waiting[workspace]
        room = self._limits.max_waiting - waiting
        if room <= 0:
            raise _overloaded(f"{waiting} evaluations of this workspace wait already")
        if lane is not None and lane.waiting > room:
            raise _overloaded(f"{lane.waiting} evaluations of this condition wait already")
        self._waiting[workspace] = waiting + 1

    def _opened(self, workspace: str, key: Hashable) -> Lane:
        if self._lane_counts[workspace] >= self._limits.max_lanes:
            raise _overloaded(f"{self._limits.max_lanes} different questions of this workspace are asked already")
        vanish = partial(self._vanished, workspace, key)
        most, late_after_s = self._limits.max_batch, self._limits.late_after_s
        lane = self._lanes[key] = Lane(self._gateway, self._tracer, most, vanish, self._sizes, late_after_s)
        self._lane_counts[workspace] += 1
        return lane

    def _vanished(self, workspace: str, key: Hashable) -> None:
        del self._lanes[key]
        _less(self._lane_counts, workspace)


def _less(counts: Counter[str], workspace: str) -> None:
    counts[workspace] -= 1
    if not counts[workspace]:
        del counts[workspace]


def _overloaded(message: str) -> DirectFlowError:
    return DirectFlowError(StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED", message, retry_after=RETRY_AFTER_S)


def _copied(error: Exception) -> Exception:
    """An exception of the caller's own: one object raised in many calls would collect all of their tracebacks."""
    if not isinstance(error, DirectFlowError):
        return StatementFailed()
    return DirectFlowError(
        error.code,
        error.reason,
        error.message,
        metadata=error.metadata,
        violations=error.violations,
        problems=error.problems,
        retry_after=error.retry_after,
        sqlstate=error.sqlstate,
    )
