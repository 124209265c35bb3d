"""Engagement conditions through both hops, alone and in an expression, for 10,000 people a call."""

import random
from collections.abc import Sequence
from functools import partial
from typing import Any

from benchmarks.conditions.calls import (
    LARGEST_BATCH,
    batch_of,
    evaluate_batch,
    evaluate_one,
    evaluation_stub,
    in_flight,
)
from benchmarks.conditions.tables import condition_name
from benchmarks.engagement.events import PEOPLE, Campaign
from benchmarks.measuring import Job, Pace, measure
from benchmarks.stand import Stand
from benchmarks.table import Report

OPENED, CLICKED, WIN_BACK = "opened_twice", "clicked", "win_back"
SETTINGS = f"""
[[conditions]]
name = "{condition_name(OPENED)}"
engagement = {{ event = {{ type = "OPENED", channel = "email", count = 2 }} }}
[[conditions]]
name = "{condition_name(CLICKED)}"
engagement = {{ event = {{ type = "CLICKED" }} }}
[[conditions]]
name = "{condition_name(WIN_BACK)}"
expression = {{ all_of = ["{OPENED}", {{ negation = "{CLICKED}" }}] }}
"""


async def run(at: Stand, campaign: Campaign, pace: Pace, report: Report) -> None:
    """Measures and prints."""
    async with evaluation_stub(at.conditions.address) as stub:
        asked = Asked(stub, campaign)
        measured = await measure(asked.jobs(), at.clocks("gateway", "conditions"), pace)
    report.section(f"Engagement conditions, both hops, profiles over {campaign.recorded:,} events", measured)


class Asked:
    """Random people, asked about in each of the ways."""

    def __init__(self, stub: Any, campaign: Campaign) -> None:
        self._stub = stub
        self._people = [str(each) for each in random.Random(13).sample(range(PEOPLE), LARGEST_BATCH)]
        self._opened = [campaign.opened[person] >= 2 for person in self._people]
        self._won_back = [
            opened and not campaign.clicked[person] for person, opened in zip(self._people, self._opened, strict=True)
        ]

    def jobs(self) -> list[Job]:
        """One by one first."""
        opened = partial(self.in_batches, OPENED, self._opened)
        return [
            Job("opened twice, single calls in turn", partial(self.one_by_one, 1), step=50, most=LARGEST_BATCH),
            Job("opened twice, single calls, 64 in flight", partial(self.one_by_one, 64), step=320, most=LARGEST_BATCH),
            Job("opened twice, batches of 10,000", partial(opened, 1), step=LARGEST_BATCH),
            Job("opened twice, batches, 2 in flight", partial(opened, 2), step=2 * LARGEST_BATCH),
            Job(
                "opened twice and never clicked, batches",
                partial(self.in_batches, WIN_BACK, self._won_back, 1),
                step=LARGEST_BATCH,
            ),
        ]

    async def one_by_one(self, width: int, count: int) -> None:
        answers = list(zip(self._people, self._opened, strict=True))[:count]
        await in_flight(width, (partial(evaluate_one, self._stub, OPENED, int(each), true) for each, true in answers))

    async def in_batches(self, condition: str, expected: Sequence[bool], width: int, count: int) -> None:
        batch = batch_of(condition, self._people, sum(expected))
        await in_flight(width, [partial(evaluate_batch, self._stub, batch)] * (count // LARGEST_BATCH))
