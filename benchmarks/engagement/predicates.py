"""Predicates about a million events, for 10,000 people a call."""

import random
from collections.abc import Sequence
from functools import partial
from typing import Any

import grpc
from directflow.engagement.v1 import engagement_pb2 as engagement
from directflow.gateway.v1 import engagement_store_service_pb2 as pb
from directflow.gateway.v1 import engagement_store_service_pb2_grpc as stubs
from google.protobuf.duration_pb2 import Duration

from benchmarks.conditions.calls import DEADLINE_S, LARGEST_BATCH, in_flight
from benchmarks.conditions.tables import WORKSPACE
from benchmarks.engagement.events import DAY_S, PEOPLE, Campaign
from benchmarks.measuring import Job, Pace, WrongResult, measure
from benchmarks.stand import Stand
from benchmarks.table import Report

OPENED_TWICE = engagement.Predicate(
    event=engagement.EventPredicate(type=engagement.EVENT_TYPE_OPENED, channel="email", count=2)
)
OPENED_LATELY = engagement.Predicate(
    event=engagement.EventPredicate(
        type=engagement.EVENT_TYPE_OPENED,
        channel="email",
        count=2,
        window=engagement.Window(last=Duration(seconds=30 * DAY_S)),
    )
)
NEVER_CLICKED = engagement.Predicate(
    event=engagement.EventPredicate(
        type=engagement.EVENT_TYPE_CLICKED, comparison=engagement.COUNT_COMPARISON_AT_MOST, count=0
    )
)
AVAILABLE = engagement.Predicate(
    subscription=engagement.SubscriptionPredicate(channel="email", state=engagement.SUBSCRIPTION_STATE_AVAILABLE)
)
ONE, FOUR = [OPENED_TWICE], [OPENED_TWICE, OPENED_LATELY, NEVER_CLICKED, AVAILABLE]


async def run(at: Stand, campaign: Campaign, pace: Pace, report: Report) -> None:
    """Measures and prints."""
    async with grpc.aio.insecure_channel(at.gateway.address) as channel:
        asked = Asked(stubs.EngagementStoreServiceStub(channel), campaign)
        measured = await measure(asked.jobs(), at.clocks("gateway"), pace)
    report.section(f"EvaluatePredicates, profiles over {campaign.recorded:,} events", measured)


class Asked:
    """Random people, asked about in each of the ways."""

    def __init__(self, stub: Any, campaign: Campaign) -> None:
        self._stub = stub
        self._opened = campaign.opened
        self._people = [str(each) for each in random.Random(12).sample(range(PEOPLE), LARGEST_BATCH)]

    def jobs(self) -> list[Job]:
        """One by one first."""
        return [
            Job("one predicate, one profile a call", self.in_turn, step=50, most=LARGEST_BATCH),
            Job("one predicate, 10,000 profiles a call", partial(self.in_batches, 1, ONE), step=LARGEST_BATCH),
            Job("the same, 2 calls in flight", partial(self.in_batches, 2, ONE), step=2 * LARGEST_BATCH),
            Job("four predicates, 10,000 profiles a call", partial(self.in_batches, 1, FOUR), step=LARGEST_BATCH),
        ]

    async def in_batches(self, width: int, predicates: Sequence[engagement.Predicate], count: int) -> None:
        await in_flight(width, [partial(self._ask, predicates, self._people)] * (count // LARGEST_BATCH))

    async def in_turn(self, count: int) -> None:
        for person in self._people[:count]:
            await self._ask(ONE, [person])

    async def _ask(self, predicates: Sequence[engagement.Predicate], people: Sequence[str]) -> None:
        request = pb.EvaluatePredicatesRequest(parent=WORKSPACE, predicates=predicates, profile_ids=people)
        answer = await self._stub.EvaluatePredicates(request, timeout=DEADLINE_S)
        found = list(answer.counts[: len(people)])
        if found != [self._opened[person] for person in people]:
            raise WrongResult("other counts of opens than were recorded")
        if len(answer.outcomes) != len(predicates) * len(people):
            raise WrongResult(f"{len(answer.outcomes)} outcomes")
