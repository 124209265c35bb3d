"""M predicates for N profiles, in one statement where any of them needs the database.

Nothing in the statement's text comes from the request: every value is a parameter.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from psycopg.pq.abc import PGresult

from directflow_gateway.directflow_database import DirectFlowDatabase, Transaction
from directflow_gateway.engagement.arrays import integers
from directflow_gateway.engagement.asked import Parameters, People, asked
from directflow_gateway.engagement.buckets import bucket_of
from directflow_gateway.engagement.distinct import distinct
from directflow_gateway.engagement.event_counts import event_counts
from directflow_gateway.engagement.predicates import (
    BucketPredicate,
    Comparison,
    EventPredicate,
    Predicate,
    SubscriptionPredicate,
)
from directflow_gateway.engagement.subscription_states import holds, subscription_states
from directflow_gateway.execution.wire import Statement

HASHED_AT_ONCE = 5_000
"""Buckets that are computed until the event loop may turn to other calls."""
COMPARED: dict[Comparison, Callable[[int, int], bool]] = {
    Comparison.AT_LEAST: int.__ge__,
    Comparison.AT_MOST: int.__le__,
    Comparison.EXACTLY: int.__eq__,
}


@dataclass(slots=True)
class Evaluation:
    """Outcomes and counts, all people of the first predicate first."""

    outcomes: list[bool] = field(default_factory=list, repr=False)
    counts: list[int] = field(default_factory=list, repr=False)
    """0 for predicates that count no events."""


async def evaluate(
    database: DirectFlowDatabase, transaction: Transaction, predicates: Sequence[Predicate], people: People
) -> Evaluation:
    """Every predicate for everybody. An anchor that a predicate needs has to be there. What `run` raises."""
    events = list(dict.fromkeys(one for one in predicates if isinstance(one, EventPredicate)))
    channels = list(dict.fromkeys(one.channel for one in predicates if isinstance(one, SubscriptionPredicate)))
    asked_about = distinct(people, predicates)
    found = await _look_up(database, transaction, events, channels, asked_about.people)
    evaluation = Evaluation()
    for predicate in predicates:
        match predicate:
            case EventPredicate():
                counted = asked_about.spread(found.counts(predicate))
                compare, wanted = COMPARED[predicate.comparison], predicate.wanted
                evaluation.counts += counted
                evaluation.outcomes += [compare(count, wanted) for count in counted]
            case SubscriptionPredicate(channel, state):
                evaluation.counts += [0] * len(people.profile_ids)
                evaluation.outcomes += [holds(state, facts) for facts in asked_about.spread(found.facts[channel])]
            case BucketPredicate():
                evaluation.counts += [0] * len(people.profile_ids)
                evaluation.outcomes += await _in_buckets(predicate, people.profile_ids)
        await asyncio.sleep(0)  # other calls wait for the event loop too
    return evaluation


@dataclass(frozen=True, slots=True)
class Found:
    """What the database knows of everybody."""

    columns: Mapping[EventPredicate, bytes | None] = field(default_factory=dict, repr=False)
    """An array of counts for each predicate, as text."""
    facts: Mapping[str, list[int]] = field(default_factory=dict, repr=False)
    """By channel: see `subscription_states`."""

    def counts(self, predicate: EventPredicate) -> list[int]:
        """Events that count, for everybody in order."""
        return integers(self.columns[predicate])


async def _look_up(
    database: DirectFlowDatabase,
    transaction: Transaction,
    events: Sequence[EventPredicate],
    channels: Sequence[str],
    people: People,
) -> Found:
    if not events and not channels:
        return Found()
    (result,) = await database.run(transaction, compose(transaction.workspace, events, channels, people))
    columns = {predicate: result.get_value(0, column) for column, predicate in enumerate(events)}
    return Found(columns, _spread_facts(result, len(people.profile_ids), channels, len(events)))


def compose(workspace: str, events: Sequence[EventPredicate], channels: Sequence[str], people: People) -> Statement:
    """The statement of one row: what `event_counts` selects, then what `subscription_states` does."""
    parameters = Parameters()
    place = parameters.add(workspace, "text")
    parts = [([asked(parameters, people)], "")]
    if events:
        parts.append(event_counts(parameters, place, events, people))
    if channels:
        parts.append(subscription_states(parameters, place, channels))
    ctes = ", ".join(cte for part, _ in parts for cte in part)
    queries = ", ".join(f"({query}) AS q{position}" for position, (_, query) in enumerate(parts) if query)
    return Statement(f"WITH {ctes} SELECT * FROM {queries}", parameters.values)  # noqa: S608 (our own texts)


def _spread_facts(result: PGresult, many: int, channels: Sequence[str], column: int) -> dict[str, list[int]]:
    states = {channel: [0] * many for channel in channels}
    if channels:
        ordinals, positions, facts = (integers(result.get_value(0, column + offset)) for offset in range(3))
        for ordinal, position, fact in zip(ordinals, positions, facts, strict=True):
            states[channels[position - 1]][ordinal - 1] = fact
    return states


async def _in_buckets(predicate: BucketPredicate, profile_ids: Sequence[str]) -> list[bool]:
    outcomes: list[bool] = []
    for begin in range(0, len(profile_ids), HASHED_AT_ONCE):
        hashed = (bucket_of(predicate.salt, profile_id) for profile_id in profile_ids[begin : begin + HASHED_AT_ONCE])
        outcomes += [predicate.first <= bucket <= predicate.last for bucket in hashed]
        await asyncio.sleep(0)
    return outcomes
