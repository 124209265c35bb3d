"""What is asked of the gateway, and what it answers: about one person, and about many."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from directflow_conditions.anchors import Anchor
from directflow_conditions.condition import Condition, Scalar, Value
from directflow_conditions.policies import RAW_CODES, Raw

_RAWS: Mapping[int, Raw] = {code: raw for raw, code in RAW_CODES.items()}


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
    """What came out for one profile."""

    raw: Raw
    failure: Failure | None = None
    """Only with Raw.ERROR."""
    event_count: int = 0
    """Engagement: how many events counted."""
    evaluated: datetime | None = None
    """Engagement: the moment that windows look back from."""


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What one condition came to for many profiles, a byte each (RAW_CODES)."""

    raw: bytes = field(repr=False)
    failures: Mapping[int, Failure]
    """By the profile's index; one for every Raw.ERROR."""
    event_counts: Sequence[int] = field(default=(), repr=False)
    """Engagement: how many events counted, one a profile."""
    evaluated: datetime | None = None
    """Engagement: the moment that windows look back from."""

    def answer(self, index: int) -> Answer:
        """What came out for one of them."""
        count = self.event_counts[index] if self.event_counts else 0
        return Answer(_RAWS[self.raw[index]], self.failures.get(index), count, self.evaluated)


class WireColumn(Protocol):
    """A column as the caller sent it. It is passed on, not read: nothing here costs time for each of its cells."""

    validity: bytes


Column = WireColumn | Sequence[Scalar]


@dataclass(frozen=True, slots=True)
class Question:
    """Conditions that one statement can answer, about one person, every variable settled."""

    conditions: tuple[Condition, ...]
    """One over SQL, or engagement conditions of one workspace."""
    profile_id: str = field(repr=False)
    values: Mapping[str, Value] = field(default_factory=dict, repr=False)
    anchor: Anchor | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """The same about many people: what one statement answers."""

    conditions: tuple[Condition, ...]
    profile_ids: Sequence[str] = field(repr=False)
    constants: Mapping[str, Value] = field(default_factory=dict, repr=False)
    """Values that are equal for all."""
    columns: Mapping[str, Column] = field(default_factory=dict, repr=False)
    """Values that differ, as many cells as there are people."""
    anchors: Sequence[Anchor] = field(default=(), repr=False)
    """One for each, one for all, or none."""


class Gateway(Protocol):
    """The way to the databases."""

    async def ask(self, questions: QuestionSet, timeout: float | None = None) -> Sequence[Outcomes]:
        """The outcomes of every condition, in their order. `timeout` in seconds; None: what is left of the call.

        What concerns one profile is its outcome; infrastructure and broken definitions are raised.
        """


class Asker(Protocol):
    """The way of a question about one person."""

    async def ask(self, question: Question) -> Sequence[Answer]:
        """One answer a condition, in their order. Raises as Gateway.ask does."""


class Alone:
    """Asks the gateway at once, in a statement of its own."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def ask(self, question: Question) -> Sequence[Answer]:
        anchors = (question.anchor,) if question.anchor is not None else ()
        alone = QuestionSet(question.conditions, (question.profile_id,), question.values, anchors=anchors)
        return [outcomes.answer(0) for outcomes in await self._gateway.ask(alone)]
