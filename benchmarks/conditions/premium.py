"""The documented premium condition: batches, single calls and their peers, all in the same rounds."""

import random
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import grpc
import psycopg
from grpc_health.v1 import health_pb2, health_pb2_grpc

from benchmarks import echo, pgbench
from benchmarks.clocks import clocks
from benchmarks.conditions.calls import (
    DEADLINE_S,
    LARGEST_BATCH,
    evaluate_batch,
    evaluate_one,
    evaluation_stub,
    in_flight,
    premium_batch,
)
from benchmarks.conditions.tables import PREMIUM, PREMIUM_EVERY, with_placeholders
from benchmarks.measuring import Job, Pace, Target, WrongResult, measure
from benchmarks.stand import Stand, pid_of
from benchmarks.table import Report

CONCURRENCY = 64
PREPARED_BATCHES = 8
PGBENCH = "pgbench -M prepared, 8 clients"
ECHO = f"no-op echo, two hops, {CONCURRENCY} in flight"
ECHO_ON_UVLOOP = "the same echo on uvloop"
QUERY = with_placeholders(PREMIUM, "profile_id")


async def run(at: Stand, users: int, pace: Pace, report: Report) -> None:
    """Measures and prints."""
    async with (
        evaluation_stub(at.conditions.address) as stub,
        echo.two_hops() as peer,
        echo.two_hops("uvloop") as same_loop,
        grpc.aio.insecure_channel(peer.address) as echo_channel,
        grpc.aio.insecure_channel(same_loop.address) as same_loop_channel,
        await psycopg.AsyncConnection.connect(at.postgres.dsn(at.database, at.role), autocommit=True) as connection,
    ):
        pids = {"gateway": pid_of(at.gateway), "conditions": pid_of(at.conditions)}
        echoes = {"front": peer.front, "back": peer.back, "front2": same_loop.front, "back2": same_loop.back}
        watched = clocks(at.postgres.pid, **pids, **echoes)
        echo_stubs = [health_pb2_grpc.HealthStub(channel) for channel in (echo_channel, same_loop_channel)]
        asked = Asked(at, users, stub, echo_stubs, connection)
        measured = await measure(jobs(asked), watched, pace)
    title = f"The premium condition, {users:,} users, medians of {pace.rounds} alternating rounds"
    report.section(title, measured, yardstick=PGBENCH)


class Asked:
    """Random users, asked in each of the ways."""

    def __init__(
        self, at: Stand, users: int, stub: Any, echo_stubs: Sequence[Any], connection: psycopg.AsyncConnection[Any]
    ) -> None:
        self._at = at
        self._users = users
        self._stub = stub
        self._echoes = echo_stubs
        self._connection = connection
        self._random = random.Random(4)
        self._batches = [premium_batch(self._random, users) for _ in range(PREPARED_BATCHES)]

    async def with_pgbench(self, count: int) -> float:
        query = PREMIUM.replace("'<%= profile_id %>'", ":id")
        script = f"\\set id random(1, {self._users})\n{query};\n"
        return await pgbench.run(self._at, script, count)

    async def in_batches(self, width: int, count: int) -> None:
        each = (self._random.choice(self._batches) for _ in range(count // LARGEST_BATCH))
        await in_flight(width, (partial(evaluate_batch, self._stub, batch) for batch in each))

    async def one_by_one(self, width: int, count: int) -> None:
        await in_flight(width, self._singles(count))

    async def with_echo(self, which: int, width: int, count: int) -> None:
        request = health_pb2.HealthCheckRequest(service="premium")
        check = partial(self._echoes[which].Check, request, timeout=DEADLINE_S)
        await in_flight(width, (check for _ in range(count)))

    async def with_psycopg(self, count: int) -> None:
        for user in self._ids(count):
            cursor = await self._connection.execute(QUERY, (user,), prepare=True)
            if await cursor.fetchone() != (user % PREMIUM_EVERY == 0,):
                raise WrongResult("psycopg answered the opposite")

    def _ids(self, count: int) -> Iterator[int]:
        return (self._random.randint(1, self._users) for _ in range(count))

    def _singles(self, count: int) -> Iterator[Callable[[], Any]]:
        ask = partial(evaluate_one, self._stub, "premium")
        return (partial(ask, user, user % PREMIUM_EVERY == 0) for user in self._ids(count))


def jobs(asked: Asked) -> list[Job]:
    """The yardstick first."""
    four_times = Target(4, PGBENCH, "at least 4 x pgbench")
    no_slower = Target(1, ECHO, "no slower than the echo")
    return [
        Job(PGBENCH, asked.with_pgbench, step=8_000),
        *(
            Job(f"batches of 10,000, {width} in flight", partial(asked.in_batches, width), width * LARGEST_BATCH,
                target=four_times)
            for width in (1, 2, 4)
        ),
        Job("psycopg, one query each", asked.with_psycopg, step=500),
        Job("single calls, one after the other", partial(asked.one_by_one, 1), step=100),
        Job(ECHO, partial(asked.with_echo, 0, CONCURRENCY), step=CONCURRENCY * 5),
        Job(ECHO_ON_UVLOOP, partial(asked.with_echo, 1, CONCURRENCY), step=CONCURRENCY * 5),
        Job(f"single calls, {CONCURRENCY} in flight", partial(asked.one_by_one, CONCURRENCY), CONCURRENCY * 5,
            target=no_slower),
    ]  # fmt: skip
