"""Evaluation of conditions for one profile: find the definition, settle the variables, ask, decide."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from directflow_runtime.errors import DirectFlowError, FieldViolation, StatusCode

from directflow_conditions.definitions import Condition, DefinitionSource, Value
from directflow_conditions.policies import Decision, Raw
from directflow_conditions.variables import check, constants


@dataclass(frozen=True, slots=True)
class Failure:
    """Why one profile's outcome could not be told."""

    reason: str
    """A reason of the API's ErrorReason, such as DATA_ERROR."""
    message: str
    """One sentence without values."""
    sqlstate: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the customer's database said about one profile."""

    raw: Raw
    failure: Failure | None = None
    """Only with Raw.ERROR."""


@dataclass(frozen=True, slots=True)
class Question:
    """One condition about one person, every variable settled."""

    condition: Condition
    profile_id: str
    constants: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What came out for one profile, and what the condition's policy makes of it."""

    raw: Raw
    decided: Decision
    failure: Failure | None
    revision: int


class Gateway(Protocol):
    """The way to the customer's database."""

    async def ask(self, question: Question) -> Answer:
        """One answer. What concerns the profile is an Answer; infrastructure and broken definitions are raised."""


class Evaluator:
    """Evaluates conditions; holds no state between calls."""

    def __init__(self, definitions: DefinitionSource, gateway: Gateway, max_in_flight: int) -> None:
        """`max_in_flight` bounds the questions of one call, so that 100 conditions do not drain the customer's pool."""
        self._definitions = definitions
        self._gateway = gateway
        self._max_in_flight = max_in_flight

    async def evaluate(self, name: str, profile_id: str, given: Mapping[str, Value]) -> Evaluation:
        """One condition for one profile. CONDITION_NOT_FOUND, VARIABLE_MISSING, VARIABLE_UNKNOWN, and the gateway's."""
        (evaluation,) = await self.evaluate_all([name], profile_id, given)
        return evaluation

    async def evaluate_all(self, names: Sequence[str], profile_id: str, given: Mapping[str, Value]) -> list[Evaluation]:
        """Several conditions for one profile, in the order of `names`; one that cannot be asked fails the call."""
        conditions = self._find_all(names)
        check(list(conditions.values()), given.keys())
        places = asyncio.Semaphore(self._max_in_flight)
        try:
            async with asyncio.TaskGroup() as tasks:
                running = {
                    name: tasks.create_task(self._evaluate(condition, profile_id, given, places))
                    for name, condition in conditions.items()
                }
        except ExceptionGroup as several:
            raise _most_telling(several) from None
        return [running[name].result() for name in names]

    async def _evaluate(
        self, condition: Condition, profile_id: str, given: Mapping[str, Value], places: asyncio.Semaphore
    ) -> Evaluation:
        async with places:
            answer = await self._gateway.ask(Question(condition, profile_id, constants(condition, given)))
        return Evaluation(answer.raw, condition.policy.decide(answer.raw), answer.failure, condition.revision)

    def _find_all(self, names: Sequence[str]) -> dict[str, Condition]:
        """Each condition once: asked twice, in two snapshots, it could contradict itself."""
        looked_up = {name: self._definitions.find(name) for name in names}
        found = {name: condition for name, condition in looked_up.items() if condition}
        missing = [name for name in looked_up if name not in found]
        if missing:
            raise _not_found(missing)
        return found


def _not_found(missing: Sequence[str]) -> DirectFlowError:
    return DirectFlowError(
        StatusCode.NOT_FOUND,
        "CONDITION_NOT_FOUND",
        f"there is no condition {missing[0]}",
        metadata={"condition": missing[0]},
        violations=[FieldViolation("condition", f"there is no condition {name}") for name in missing],
    )


def _most_telling(several: ExceptionGroup) -> Exception:
    """The one error that a status can carry: an exception that is no DirectFlowError is a defect, and wins."""
    errors = [error for error in several.exceptions if isinstance(error, Exception)]
    defects = [error for error in errors if not isinstance(error, DirectFlowError)]
    return (defects or errors)[0]
