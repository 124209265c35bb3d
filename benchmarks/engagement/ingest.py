"""Recording events through both hops, durably: fsync and synchronous_commit are on."""

from collections import deque
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import grpc
import psycopg
from directflow.conditions.v1 import engagement_service_pb2 as pb
from directflow.conditions.v1 import engagement_service_pb2_grpc as stubs

from benchmarks.conditions.calls import DEADLINE_S, in_flight
from benchmarks.engagement.events import Campaign
from benchmarks.measuring import Job, Pace, Target, WrongResult, measure
from benchmarks.stand import Stand
from benchmarks.table import Report

PEER = "psycopg COPY, a table with a primary key"
PEER_TABLE = """CREATE TABLE peer(workspace text, event_id uuid PRIMARY KEY, type int, profile_id text, channel text,
  message_id text, campaign_id text, flow_id text, flow_run_id text, link_id text, occurred_at timestamptz)"""
LEAST = 20_000
SIZES, WIDTHS = (1_000, 5_000), (2, 4)


async def run(at: Stand, campaign: Campaign, pace: Pace, report: Report) -> None:
    """Measures and prints."""
    at.postgres.psql(PEER_TABLE, database=at.database)
    async with (
        grpc.aio.insecure_channel(at.conditions.address) as channel,
        await psycopg.AsyncConnection.connect(at.postgres.admin_dsn(at.database)) as connection,
    ):
        recorder = Recorder(stubs.EngagementServiceStub(channel), connection, campaign)
        measured = await measure(recorder.jobs(), at.clocks("gateway", "conditions"), pace)
    report.section("Engagement ingest, events through both hops, durable", measured)


async def fill(at: Stand, campaign: Campaign, events: int) -> None:
    """Records events until there are so many."""
    async with grpc.aio.insecure_channel(at.conditions.address) as channel:
        recorder = Recorder(stubs.EngagementServiceStub(channel), None, campaign)
        while campaign.recorded < events:
            recorder.prepare(5_000, 20_000)
            await recorder.record(2, 20_000)


class Recorder:
    """Sends what was prepared, in each of the ways."""

    def __init__(self, stub: Any, connection: psycopg.AsyncConnection[Any] | None, campaign: Campaign) -> None:
        self._stub = stub
        self._connection = connection
        self._campaign = campaign
        self._ready: deque[pb.RecordEngagementRequest] = deque()
        self._sent: deque[pb.RecordEngagementRequest] = deque(maxlen=20)

    def jobs(self) -> list[Job]:
        """The yardstick first."""
        fast = Target(LEAST)
        return [
            Job(PEER, self.copy, 5_000, prepare=partial(self.prepare, 5_000)),
            *(
                Job(f"batches of {size:,}, {width} in flight", partial(self.record, width), size * width,
                    target=fast, prepare=partial(self.prepare, size))
                for size in SIZES for width in WIDTHS
            ),
            *(
                Job(f"stream, {size:,} a message", self.stream, 4 * size, target=fast,
                    prepare=partial(self.prepare, size))
                for size in SIZES
            ),
            Job("the last 20 messages again", self.again, 20 * SIZES[-1], most=20 * SIZES[-1]),
        ]  # fmt: skip

    def prepare(self, size: int, count: int) -> None:
        """Makes `count` new events in messages of `size`, and forgets what a failed job has left."""
        self._ready = deque(self._campaign.request(size) for _ in range(count // size))

    async def record(self, width: int, count: int) -> None:
        await in_flight(width, [self._record_next] * len(self._ready))

    async def stream(self, count: int) -> None:
        requests = list(self._ready)
        acknowledged = 0
        async for answer in self._stub.StreamEngagement(self._messages(requests), timeout=DEADLINE_S):
            self._check(answer, requests[acknowledged], 0)
            acknowledged += 1
        if acknowledged != len(requests):
            raise WrongResult(f"{acknowledged} acknowledgements for {len(requests)} messages")

    async def again(self, count: int) -> None:
        for request in list(self._sent):
            answer = await self._stub.RecordEngagement(request, timeout=DEADLINE_S)
            if (answer.accepted_count, answer.duplicate_count) != (len(request.events), len(request.events)):
                raise WrongResult(f"{answer.duplicate_count} duplicates of {len(request.events)}")

    async def copy(self, count: int) -> None:
        assert self._connection is not None
        while self._ready:
            async with self._connection.cursor() as cursor, cursor.copy("COPY peer FROM STDIN") as copy:
                for event in self._ready.popleft().events:
                    await copy.write_row(
                        ("demo", event.event_id, event.type, event.profile_id, event.channel, event.message_id,
                         event.campaign_id, event.flow_id, event.flow_run_id, event.link_id,
                         event.occur_time.ToJsonString())
                    )  # fmt: skip
            await self._connection.commit()

    async def _record_next(self) -> None:
        request = self._ready.popleft()
        self._check(await self._stub.RecordEngagement(request, timeout=DEADLINE_S), request, 0)

    def _check(self, answer: Any, request: pb.RecordEngagementRequest, duplicates: int) -> None:
        if (answer.accepted_count, answer.duplicate_count) != (len(request.events), duplicates):
            raise WrongResult(f"{answer.accepted_count} accepted of {len(request.events)}, errors {answer.errors[:1]}")
        self._campaign.acknowledged(request)
        self._sent.append(request)

    @staticmethod
    async def _messages(requests: list[pb.RecordEngagementRequest]) -> AsyncIterator[pb.StreamEngagementRequest]:
        for request in requests:
            yield pb.StreamEngagementRequest(parent=request.parent, events=request.events)
