"""The leaves of what is evaluated: which of them one statement can answer, and all of the statements at once."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any, Final, TypeVar

from directflow_runtime.errors import DirectFlowError, FieldViolation, StatusCode

from directflow_conditions.anchors import Anchor, insufficient, needs_anchor
from directflow_conditions.condition import Condition, SqlQuery
from directflow_conditions.expressions.expression import AllOf, AnyOf, Named, Negation
from directflow_conditions.predicates.people import unfit_anchors, unfit_people
from directflow_conditions.predicates.predicate import Predicate, Scope, scope_of
from directflow_conditions.profiles import invalid
from directflow_conditions.questions import Gateway, Outcomes, QuestionSet

MAX_PREDICATES: Final = 64
"""Of one statement over engagement, as the gateway's API says."""

_Result = TypeVar("_Result")


def predicate_of(condition: Condition) -> Predicate | None:
    """The predicate of a condition on engagement."""
    definition = condition.definition
    if isinstance(definition, SqlQuery | Named | AllOf | AnyOf | Negation):
        return None
    return definition


def scope_asked(condition: Condition) -> Scope:
    """Which events a leaf asks about; a condition over SQL asks about none."""
    predicate = predicate_of(condition)
    return Scope.ALL_TIME if predicate is None else scope_of(predicate)


def groups(leaves: Sequence[Condition]) -> list[tuple[Condition, ...]]:
    """Leaves by statement: each one over SQL alone, those on engagement together. Each leaf is in one group."""
    over_sql = [(leaf,) for leaf in leaves if isinstance(leaf.definition, SqlQuery)]
    engagement = [leaf for leaf in leaves if not isinstance(leaf.definition, SqlQuery)]
    together = [
        tuple(engagement[start : start + MAX_PREDICATES]) for start in range(0, len(engagement), MAX_PREDICATES)
    ]
    return [*over_sql, *together]


class Gateways:
    """Takes each question to whoever can answer it."""

    def __init__(self, over_sql: Gateway, over_engagement: Gateway) -> None:
        self._over_sql = over_sql
        self._over_engagement = over_engagement

    async def ask(self, questions: QuestionSet, timeout: float | None = None) -> Sequence[Outcomes]:
        """As Gateway.ask."""
        over_sql = isinstance(questions.conditions[0].definition, SqlQuery)
        return await (self._over_sql if over_sql else self._over_engagement).ask(questions, timeout)


def check_people(
    leaves: Sequence[Condition], profile_ids: Sequence[str], anchors: Sequence[Anchor], single: bool
) -> None:
    """Refuses people and anchors that leaves on engagement cannot be asked about: INVALID_REQUEST, ANCHOR_MISSING.

    A profile's own anchor may lack what a leaf asks for: it gets an outcome then, and its neighbours their answers.
    `single`: the call is about one profile, which is its field `profile_id`.
    """
    engagement = [leaf for leaf in leaves if not isinstance(leaf.definition, SqlQuery)]
    if not engagement:
        return
    ids_path, anchors_path = _SINGLE if single else _MANY
    violations = unfit_people(profile_ids, ids_path)
    if needs_anchor(map(scope_asked, engagement)):
        violations += unfit_anchors(anchors, anchors_path)
    if violations:
        raise invalid(violations)
    if single or len(anchors) != len(profile_ids):
        _check_anchor_for_all(engagement, anchors)


_SINGLE: Final = ("profile_id", "anchor")
_MANY: Final = ("profiles.profile_ids[{}]", "profiles.anchors[{}]")


def _check_anchor_for_all(engagement: Iterable[Condition], anchors: Sequence[Anchor]) -> None:
    for leaf in engagement:
        scope = scope_asked(leaf)
        if needs_anchor([scope]) and (not anchors or insufficient(anchors, scope)):
            raise _anchor_missing(leaf, scope)


def _anchor_missing(leaf: Condition, scope: Scope) -> DirectFlowError:
    message = f"{leaf.name} asks {scope.value}: the call needs {NEEDED[scope]}"
    return DirectFlowError(
        StatusCode.INVALID_ARGUMENT,
        "ANCHOR_MISSING",
        message,
        metadata={"condition": leaf.name},
        violations=[FieldViolation("anchor", message, "ANCHOR_MISSING")],
    )


NEEDED: Final = {
    Scope.SINCE_FLOW_ENTRY: "an anchor with flow_id or flow_enter_time",
    Scope.THIS_MESSAGE: "an anchor with message_id",
}


async def all_at_once(
    work: Sequence[Callable[[], Coroutine[Any, Any, _Result]]], places: asyncio.Semaphore
) -> list[_Result]:
    """Runs all, as many at a time as there are `places`; the first error ends the others and is raised."""
    if len(work) == 1:
        async with places:
            return [await work[0]()]
    try:
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(_placed(one, places)) for one in work]
    except ExceptionGroup as several:
        raise _most_telling(several) from None
    return [task.result() for task in running]


async def _placed(work: Callable[[], Coroutine[Any, Any, _Result]], places: asyncio.Semaphore) -> _Result:
    async with places:
        return await work()


def _most_telling(several: ExceptionGroup[Exception]) -> Exception:
    """The one error that a status can carry: an exception that is no DirectFlowError is a defect, and wins."""
    defects = [error for error in several.exceptions if not isinstance(error, DirectFlowError)]
    return (defects or list(several.exceptions))[0]
