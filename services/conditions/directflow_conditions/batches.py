"""Evaluation of one condition for thousands of profiles: columns in, a byte for each profile out."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from directflow_conditions.anchors import insufficient, needs_anchor
from directflow_conditions.condition import Condition, DefinitionSource, SqlQuery, Value
from directflow_conditions.evaluation import joined
from directflow_conditions.expressions.plan import Plan, plan_of
from directflow_conditions.leaves import NEEDED, all_at_once, check_people, groups, scope_asked
from directflow_conditions.policies import DECISION_CODES, RAW_CODES, Decision, Raw
from directflow_conditions.profiles import Profiles, check_profiles
from directflow_conditions.questions import Failure, Gateway, Outcomes, QuestionSet
from directflow_conditions.variables import check, settled


@dataclass(frozen=True, slots=True)
class EvaluatedBatch:
    """What came out for some profiles, in their order."""

    raw: bytes = field(repr=False)
    """RAW_CODES."""
    decided: bytes = field(repr=False)
    """DECISION_CODES."""
    failures: Mapping[int, Failure]
    """By the profile's index, rising; one for every raw ERROR."""


class DecisionCounts:
    """How many profiles of a stream were decided, and how."""

    def __init__(self) -> None:
        self.total = 0
        self._by_code = dict.fromkeys(DECISION_CODES.values(), 0)

    def add(self, batch: EvaluatedBatch) -> None:
        """One more batch."""
        self.total += len(batch.decided)
        for code in self._by_code:
            self._by_code[code] += batch.decided.count(code)

    def of(self, decision: Decision) -> int:
        """Profiles with that decision."""
        return self._by_code[DECISION_CODES[decision]]


class BatchEvaluator:
    """Evaluates one condition for many profiles; holds no state between calls."""

    def __init__(self, definitions: DefinitionSource, gateway: Gateway, max_in_flight: int) -> None:
        """`max_in_flight` bounds the statements of one call."""
        self._definitions = definitions
        self._gateway = gateway
        self._max_in_flight = max_in_flight

    def start(self, name: str, variables: Mapping[str, Value]) -> "Batches":
        """One condition with the values that are equal for all. Raises what `plan_of` raises."""
        plan = plan_of(self._definitions, name)
        return Batches(plan, variables, self._gateway, asyncio.Semaphore(self._max_in_flight))


class Batches:
    """Batch after batch of one call: one definition from the first to the last."""

    def __init__(self, plan: Plan, variables: Mapping[str, Value], gateway: Gateway, places: asyncio.Semaphore) -> None:
        self._plan = plan
        self._variables = variables
        self._gateway = gateway
        self._places = places

    @property
    def revision(self) -> int:
        """Of the condition."""
        return self._plan.condition.revision

    async def evaluate(self, profiles: Profiles) -> EvaluatedBatch:
        """The outcome of each profile.

        Raises INVALID_REQUEST, VARIABLE_MISSING, VARIABLE_UNKNOWN, ANCHOR_MISSING, and the gateway's errors.
        """
        check_profiles(profiles, self._variables.keys(), "profiles")
        check(self._plan.leaves, self._variables.keys(), profiles.names)
        check_people(self._plan.leaves, profiles.ids, profiles.anchors, single=False)
        outcomes = joined(self._plan, await self._leaves(profiles))
        decided = outcomes.raw.translate(self._plan.condition.policy.table())
        return EvaluatedBatch(outcomes.raw, decided, outcomes.failures)

    async def _leaves(self, profiles: Profiles) -> list[Outcomes]:
        grouped = groups(self._plan.leaves)
        work = [partial(self._ask, group, profiles) for group in grouped]
        answered = await all_at_once(work, self._places)
        by_name = {
            leaf.name: outcomes
            for group, answers in zip(grouped, answered, strict=True)
            for leaf, outcomes in zip(group, answers, strict=True)
        }
        return [by_name[leaf.name] for leaf in self._plan.leaves]

    async def _ask(self, group: tuple[Condition, ...], profiles: Profiles) -> Sequence[Outcomes]:
        definition = group[0].definition
        if not isinstance(definition, SqlQuery):
            anchors = profiles.anchors if needs_anchor(map(scope_asked, group)) else ()
            questions = QuestionSet(group, profiles.ids, anchors=anchors)
            answered = await self._gateway.ask(questions)
            return [_without_anchor(*pair, profiles) for pair in zip(group, answered, strict=True)]
        used = {variable.name for variable in definition.variables}
        columns = {name: column for name, column in zip(profiles.names, profiles.columns, strict=True) if name in used}
        constants = settled(definition, self._variables, columns)
        return await self._gateway.ask(QuestionSet(group, profiles.ids, constants, columns))


def _without_anchor(leaf: Condition, outcomes: Outcomes, profiles: Profiles) -> Outcomes:
    """ERROR for each profile whose own anchor lacks what the leaf asks for."""
    scope = scope_asked(leaf)
    lacking = insufficient(profiles.anchors, scope) if profiles.own_anchors else []
    if not lacking:
        return outcomes
    raw = bytearray(outcomes.raw)
    failure = Failure("ANCHOR_MISSING", f"{leaf.name} asks {scope.value}: the profile needs {NEEDED[scope]}")
    for index in lacking:
        raw[index] = RAW_CODES[Raw.ERROR]
    return Outcomes(bytes(raw), dict.fromkeys(lacking, failure), outcomes.event_counts)
