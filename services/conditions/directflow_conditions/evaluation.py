"""Evaluation of conditions for one profile: find the definitions, settle the variables, ask the leaves, decide."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from directflow_conditions.anchors import Anchor, needs_anchor
from directflow_conditions.condition import Condition, DefinitionSource, SqlQuery, Value
from directflow_conditions.expressions.plan import Plan, not_found, plan_of
from directflow_conditions.leaves import all_at_once, check_people, groups, scope_asked
from directflow_conditions.policies import RAW_CODES, Decision, Raw
from directflow_conditions.questions import Answer, Asker, Failure, Outcomes, Question
from directflow_conditions.variables import check, settled


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a call is about, and what it says of them."""

    profile_id: str = field(repr=False)
    variables: Mapping[str, Value] = field(default_factory=dict, repr=False)
    anchor: Anchor | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class LeafEvaluation:
    """What one leaf came to, and what its policy made of it."""

    leaf: Condition
    raw: Raw
    decided: Decision
    event_count: int
    evaluated: datetime | None
    """Engagement: the moment that windows look back from."""

    @property
    def condition(self) -> str:
        """The leaf's name."""
        return self.leaf.name


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What came out for one profile, and what the condition's policy makes of it."""

    raw: Raw
    decided: Decision
    failure: Failure | None
    leaves: tuple[LeafEvaluation, ...]
    revision: int


class Evaluator:
    """Evaluates conditions; holds no state between calls."""

    def __init__(self, definitions: DefinitionSource, asker: Asker, max_in_flight: int) -> None:
        """`max_in_flight` bounds the questions of one call, so that 100 conditions do not drain the customer's pool."""
        self._definitions = definitions
        self._asker = asker
        self._max_in_flight = max_in_flight

    async def evaluate(self, name: str, subject: Subject) -> Evaluation:
        """One condition for one profile. Raises as evaluate_all does."""
        (evaluation,) = await self.evaluate_all([name], subject)
        return evaluation

    async def evaluate_all(self, names: Sequence[str], subject: Subject) -> list[Evaluation]:
        """Several conditions for one profile, in the order of `names`; one that cannot be asked fails the call.

        Raises CONDITION_NOT_FOUND, EXPRESSION_CYCLE, EXPRESSION_TOO_DEEP, VARIABLE_MISSING, VARIABLE_UNKNOWN,
        ANCHOR_MISSING, OVERLOADED, and the gateway's errors.
        """
        plans = self._plans(names)
        # Each leaf once: asked twice, in two snapshots, a call could contradict itself.
        leaves = list({leaf.name: leaf for plan in plans.values() for leaf in plan.leaves}.values())
        check(leaves, subject.variables.keys())
        check_people(leaves, (subject.profile_id,), () if subject.anchor is None else (subject.anchor,), single=True)
        answers = await self._answers(leaves, subject)
        evaluations = {name: _evaluation(plan, answers) for name, plan in plans.items()}
        return [evaluations[name] for name in names]

    def _plans(self, names: Sequence[str]) -> dict[str, Plan]:
        distinct = dict.fromkeys(names)
        missing = [name for name in distinct if self._definitions.find(name) is None]
        if missing:
            raise not_found(missing)
        return {name: plan_of(self._definitions, name) for name in distinct}

    async def _answers(self, leaves: Sequence[Condition], subject: Subject) -> dict[str, Answer]:
        if len(leaves) == 1:
            answers = await self._asker.ask(_question((leaves[0],), subject))
            return {leaves[0].name: answers[0]}
        grouped = groups(leaves)
        work = [partial(self._asker.ask, _question(group, subject)) for group in grouped]
        answered = await all_at_once(work, asyncio.Semaphore(self._max_in_flight))
        return {
            leaf.name: answer
            for group, answers in zip(grouped, answered, strict=True)
            for leaf, answer in zip(group, answers, strict=True)
        }


def _question(group: tuple[Condition, ...], subject: Subject) -> Question:
    definition = group[0].definition
    if isinstance(definition, SqlQuery):
        return Question(group, subject.profile_id, settled(definition, subject.variables))
    # An anchor that nobody asks about would only keep equal questions apart.
    asked = needs_anchor(map(scope_asked, group))
    return Question(group, subject.profile_id, anchor=subject.anchor if asked else None)


def _evaluation(plan: Plan, answers: Mapping[str, Answer]) -> Evaluation:
    leaves = [answers[leaf.name] for leaf in plan.leaves]
    answer = leaves[0] if plan.formula is None else _joined(plan, leaves)
    explained = tuple(
        LeafEvaluation(leaf, told.raw, leaf.policy.decide(told.raw), told.event_count, told.evaluated)
        for leaf, told in zip(plan.leaves, leaves, strict=True)
    )
    decided = plan.condition.policy.decide(answer.raw)
    return Evaluation(answer.raw, decided, answer.failure, explained, plan.condition.revision)


def _joined(plan: Plan, leaves: Sequence[Answer]) -> Answer:
    one_each = [
        Outcomes(bytes([RAW_CODES[leaf.raw]]), {0: leaf.failure} if leaf.failure is not None else {}) for leaf in leaves
    ]
    return joined(plan, one_each).answer(0)


def joined(plan: Plan, leaves: Sequence[Outcomes]) -> Outcomes:
    """What an expression comes to, with the reason of the leaf that makes it ERROR."""
    if plan.formula is None:
        return leaves[0]
    evaluated = plan.formula.evaluate([leaf.raw for leaf in leaves])
    failures = {index: _cause(plan, leaves, evaluated.cause(index), index) for index in evaluated.undecided()}
    return Outcomes(evaluated.raw, failures)


def _cause(plan: Plan, leaves: Sequence[Outcomes], leaf: int, index: int) -> Failure:
    answer = leaves[leaf].answer(index)
    if answer.failure is not None:
        return answer.failure
    return Failure("EVALUATION_FAILED", f"the policy of {plan.leaves[leaf].name} makes {answer.raw.value} an error")
