"""An EXISTS whose inner side has no index: one scan for 10,000 profiles, or one scan for each."""

import itertools
import random
from functools import partial
from typing import Any

import psycopg

from benchmarks.conditions.calls import LARGEST_BATCH, batch_of, evaluate_batch, evaluate_one, evaluation_stub
from benchmarks.conditions.tables import CUSTOMERS, ORDERED, with_placeholders
from benchmarks.measuring import Job, Pace, Target, WrongResult, measure
from benchmarks.stand import Stand
from benchmarks.table import Report

SAMPLE = 100
"""Profiles asked one by one; the rate is what counts, all 10,000 would take minutes."""
PSYCOPG = "psycopg, one query each (100 of them)"
QUERY = with_placeholders(ORDERED, "profile_id")


async def run(at: Stand, pace: Pace, report: Report) -> None:
    """Measures and prints."""
    buyers = frozenset(
        int(line)
        for line in at.postgres.psql(
            "SELECT DISTINCT customer_ref FROM orders WHERE amount > 100", database=at.database
        ).split()
    )
    profiles = random.Random(7).sample(range(1, 2 * CUSTOMERS + 1), LARGEST_BATCH)
    batch = batch_of("ordered", [str(each) for each in profiles], len(buyers.intersection(profiles)))
    async with (
        evaluation_stub(at.conditions.address) as stub,
        await psycopg.AsyncConnection.connect(at.postgres.dsn(at.database, at.role), autocommit=True) as connection,
    ):
        answers = itertools.cycle([(each, each in buyers) for each in profiles[:SAMPLE]])
        jobs = [
            Job(PSYCOPG, partial(with_psycopg, connection, answers), step=10, most=SAMPLE),
            Job("single calls, in turn (100 of them)", partial(in_turn, stub, answers), step=10, most=SAMPLE),
            Job("one batch of 10,000", partial(in_batches, stub, batch), step=LARGEST_BATCH,
                target=Target(50, PSYCOPG, "at least 50 x one by one")),
        ]  # fmt: skip
        measured = await measure(jobs, at.clocks("gateway", "conditions"), pace)
    report.section("EXISTS over 200,000 orders without an index, 10,000 profiles", measured)


async def with_psycopg(connection: psycopg.AsyncConnection[Any], answers: Any, count: int) -> None:
    """The author's statement for one profile after the other."""
    for profile, expected in itertools.islice(answers, count):
        cursor = await connection.execute(QUERY, (profile,), prepare=True)
        if await cursor.fetchone() != (expected,):
            raise WrongResult("psycopg answered the opposite")


async def in_turn(stub: Any, answers: Any, count: int) -> None:
    """EvaluateCondition for one profile after the other."""
    for profile, expected in itertools.islice(answers, count):
        await evaluate_one(stub, "ordered", profile, expected)


async def in_batches(stub: Any, batch: Any, count: int) -> None:
    """All profiles in one call, as often as fits."""
    for _ in range(count // LARGEST_BATCH):
        await evaluate_batch(stub, batch)
