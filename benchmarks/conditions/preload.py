"""Personalization: what is known of 10,000 people in one call, or of one a call."""

import itertools
import random
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import grpc
import psycopg
from directflow.segments.v1 import audience_service_pb2 as pb
from directflow.segments.v1 import audience_service_pb2_grpc as stubs

from benchmarks.conditions.calls import DEADLINE_S, LARGEST_BATCH, in_flight
from benchmarks.conditions.tables import PRELOAD, WORKSPACE, with_placeholders
from benchmarks.measuring import Job, Pace, WrongResult, measure
from benchmarks.stand import Stand
from benchmarks.table import Report

DATA_SOURCE = f"{WORKSPACE}/dataSources/people"
QUERY = with_placeholders(PRELOAD, "profile_id")
CONCURRENCY = 64


async def run(at: Stand, users: int, pace: Pace, report: Report) -> None:
    """Measures and prints."""
    async with (
        grpc.aio.insecure_channel(at.segments.address) as channel,
        await psycopg.AsyncConnection.connect(at.postgres.dsn(at.database, at.role), autocommit=True) as connection,
    ):
        asked = Asked(stubs.AudienceServiceStub(channel), connection, users)
        measured = await measure(asked.jobs(), at.clocks("gateway", "segments"), pace)
    report.section("Personalization, five columns", measured)


class Asked:
    """Random people, asked for in each of the ways."""

    def __init__(self, stub: Any, connection: psycopg.AsyncConnection[Any], users: int) -> None:
        self._stub = stub
        self._connection = connection
        picked = random.Random(10).sample(range(1, users + 1), LARGEST_BATCH)
        self._batch = [str(each) for each in picked]
        self._ids = itertools.cycle(picked)

    def jobs(self) -> list[Job]:
        """The yardstick first."""
        widths = {"columns": pb.ENCODING_COLUMNS, "Arrow": pb.ENCODING_ARROW}
        return [
            Job("psycopg, one query each", self.with_psycopg, step=500),
            Job("single calls, one after the other", partial(self.one_by_one, 1), step=100),
            Job(f"single calls, {CONCURRENCY} in flight", partial(self.one_by_one, CONCURRENCY), step=320),
            *(
                Job(f"batches of 10,000, {name}", partial(self.in_batches, encoding), step=LARGEST_BATCH)
                for name, encoding in widths.items()
            ),
        ]

    async def with_psycopg(self, count: int) -> None:
        for user in itertools.islice(self._ids, count):
            cursor = await self._connection.execute(QUERY, (user,), prepare=True)
            if await cursor.fetchone() is None:
                raise WrongResult("no row")

    async def one_by_one(self, width: int, count: int) -> None:
        await in_flight(width, self._singles(count))

    async def in_batches(self, encoding: int, count: int) -> None:
        request = pb.BatchGetPersonalizationRequest(data_source=DATA_SOURCE, profile_ids=self._batch, encoding=encoding)
        for _ in range(count // LARGEST_BATCH):
            rows = 0
            async for message in self._stub.BatchGetPersonalization(request, timeout=DEADLINE_S):
                rows += message.batch.row_count
            if rows != LARGEST_BATCH:
                raise WrongResult(f"{rows} rows")

    async def one(self, user: int) -> None:
        request = pb.GetPersonalizationRequest(data_source=DATA_SOURCE, profile_id=str(user))
        response = await self._stub.GetPersonalization(request, timeout=DEADLINE_S)
        if response.outcome != pb.PERSONALIZATION_OUTCOME_ROW:
            raise WrongResult("no row")

    def _singles(self, count: int) -> Iterator[Callable[[], Any]]:
        return (partial(self.one, user) for user in itertools.islice(self._ids, count))
