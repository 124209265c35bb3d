"""One profile in a hundred cannot be evaluated: what the others pay for it."""

import itertools
import random
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.conditions.calls import LARGEST_BATCH, Batch, batch_of, evaluate_batch, evaluation_stub
from benchmarks.conditions.tables import NO_CREDITS_EVERY, PREMIUM_EVERY
from benchmarks.measuring import Job, Pace, Target, measure
from benchmarks.stand import Stand
from benchmarks.table import Report

POISONED = LARGEST_BATCH // 100
AT_MOST = 1.3
HEALTHY = "healthy"


async def run(at: Stand, users: int, pace: Pace, report: Report) -> None:
    """Measures and prints both kinds of poison."""
    kinds = {
        "values that cannot be cast": ("premium", is_premium, (f"abc-{n}" for n in itertools.count())),
        "rows that divide by zero": ("credit", has_credit, without_credits(users)),
    }
    async with evaluation_stub(at.conditions.address) as stub:
        for poison, (condition, is_true, poisoned) in kinds.items():
            batches = Batches(stub, users, condition, is_true, poisoned)
            measured = await measure(batches.jobs(), at.clocks("gateway", "conditions"), pace)
            report.section(f"1 % {poison}, batches of 10,000", measured)


class Batches:
    """Healthy batches, and the same ones in which every hundredth profile is poisoned."""

    def __init__(
        self, stub: Any, users: int, condition: str, is_true: Callable[[int], bool], poisoned: Iterator[str]
    ) -> None:
        self._stub = stub
        self._condition = condition
        self._is_true = is_true
        self._poisoned = poisoned
        with_credits = [each for each in range(1, users + 1) if each % NO_CREDITS_EVERY]
        self._healthy = random.Random(8).sample(with_credits, LARGEST_BATCH)
        self._last = self._batch(self._healthy, [])
        self._others: list[Batch] = []

    def jobs(self) -> list[Job]:
        """Healthy first. `warm` comes directly after `cold`, which leaves it the batch to send again."""
        bearable = Target(1 / AT_MOST, HEALTHY, "at most 30 % more time")
        return [
            Job(HEALTHY, self.healthy, step=LARGEST_BATCH),
            Job(
                "poisoned, other profiles each time",
                self.cold,
                step=LARGEST_BATCH,
                target=bearable,
                prepare=self.write_others,
            ),
            Job("poisoned, the same profiles again", self.warm, step=LARGEST_BATCH, target=bearable),
        ]

    async def healthy(self, count: int) -> None:
        batch = self._batch(self._healthy, [])
        for _ in range(count // LARGEST_BATCH):
            await evaluate_batch(self._stub, batch)

    def write_others(self, count: int) -> None:
        """Outside of the clock, as the healthy batch is written: that is the caller's work."""
        self._others = [
            self._batch(self._healthy[POISONED:], list(itertools.islice(self._poisoned, POISONED)))
            for _ in range(count // LARGEST_BATCH)
        ]

    async def cold(self, count: int) -> None:
        for batch in self._others[: count // LARGEST_BATCH]:
            self._last = batch
            await evaluate_batch(self._stub, batch)

    async def warm(self, count: int) -> None:
        for _ in range(count // LARGEST_BATCH):
            await evaluate_batch(self._stub, self._last)

    def _batch(self, healthy: list[int], poisoned: list[str]) -> Batch:
        profiles = [str(each) for each in healthy]
        for place, profile in enumerate(poisoned):  # spread evenly: a run of them would be found too easily
            profiles.insert(place * (LARGEST_BATCH // POISONED) + place % 17, profile)
        return batch_of(self._condition, profiles, sum(map(self._is_true, healthy)), len(poisoned))


def is_premium(user: int) -> bool:
    """What the premium condition says."""
    return user % PREMIUM_EVERY == 0


def has_credit(user: int) -> bool:
    """What the credit condition says of a user with credits."""
    return 100 // (user % 50 + 1) > 10


def without_credits(users: int) -> Iterator[str]:
    """Users whose row divides by zero; a large table has enough for each batch to get others."""
    return itertools.cycle(str(each) for each in range(NO_CREDITS_EVERY, users + 1, NO_CREDITS_EVERY))
