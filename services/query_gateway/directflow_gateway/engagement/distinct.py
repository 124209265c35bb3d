"""The same person twice in one question: asked once, answered for each.

Counting somebody with 200,000 opens takes a while. Asked for fifty times over, it took fifty times as long.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from directflow_gateway.engagement.anchors import NOWHERE, Anchor
from directflow_gateway.engagement.asked import People
from directflow_gateway.engagement.predicates import EventPredicate, Predicate, Scope

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Distinct:
    """People of whom no two are alike, and where each of those who were named stands among them."""

    people: People
    places: Sequence[int] | None = field(default=None, repr=False)
    """From 0, as many as were named; None where these are the people as they were named."""

    def spread(self, answers: list[Answer]) -> list[Answer]:
        """One answer for each who was named, from those for the people who are distinct."""
        return answers if self.places is None else [answers[place] for place in self.places]


def distinct(people: People, predicates: Sequence[Predicate]) -> Distinct:
    """Who has to be asked about. Anchors part a person's two questions only where a predicate looks at them."""
    if len(set(people.profile_ids)) == len(people.profile_ids):
        return Distinct(people)  # nearly always; hashing ten thousand anchors would hold up the event loop
    anchors = people.anchors if _look_at_anchors(predicates) else [NOWHERE] * len(people.anchors)
    numbers: dict[tuple[str, Anchor], int] = {}
    places = [numbers.setdefault(pair, len(numbers)) for pair in zip(people.profile_ids, anchors, strict=True)]
    profile_ids, kept = zip(*numbers, strict=True)
    return Distinct(People(profile_ids, kept, people.evaluated_us), places)


def _look_at_anchors(predicates: Sequence[Predicate]) -> bool:
    return any(isinstance(one, EventPredicate) and one.scope is not Scope.ALL_TIME for one in predicates)
