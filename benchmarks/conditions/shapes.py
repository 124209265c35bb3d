"""Shapes on which a set form can be slower than one by one: the gateway's EvaluateSet beside psycopg's pipeline.

The pipeline is the strict yardstick: prepared statements on one connection, no round trip between them, no hop.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
import psycopg
from directflow.gateway.v1 import query_service_pb2 as pb
from directflow.gateway.v1 import query_service_pb2_grpc as stubs
from directflow.sql.v1 import sql_pb2

from benchmarks.conditions.calls import DEADLINE_S
from benchmarks.conditions.tables import ACCOUNTS, BUYERS, CONNECTION, CROWDED_ACCOUNT, with_placeholders
from benchmarks.measuring import Job, Pace, Target, WrongResult, measure
from benchmarks.stand import Stand
from benchmarks.table import Report

PIPELINE = "psycopg pipeline, one statement each"
SET = "EvaluateSet"
SINGLES = "EvaluateSet, one tuple a call"
OUTCOMES = {pb.SET_OUTCOME_TRUE: True, pb.SET_OUTCOME_FALSE: False, pb.SET_OUTCOME_NULL: None}

Tuple = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shape:
    """One condition, and tuples to evaluate it for."""

    title: str
    template: str
    variables: tuple[str, ...]
    """In the order of their tags."""
    tuples: Callable[[random.Random], list[Tuple]]
    yardstick: str = PIPELINE


def shapes(users: int) -> list[Shape]:
    """What is known to go wrong."""
    return [
        Shape(
            "a constant hidden in the batch",
            "SELECT EXISTS (SELECT 1 FROM orders o WHERE o.status = '<%= status %>' "
            "AND o.customer_ref + 1 = '<%= profile_id %>') AS result",
            ("status", "profile_id"),
            lambda pick: [("open", str(pick.randint(1, users))) for _ in range(2_000)],
        ),
        Shape(
            "no index on the inner side, an aggregate",
            "SELECT count(*) > 3 AS result FROM orders WHERE customer_ref = '<%= profile_id %>'",
            ("profile_id",),
            lambda pick: [(str(pick.randint(1, users)),) for _ in range(100)],
        ),
        Shape(
            "90 % of the profiles in one account of 10,000 rows",
            "SELECT EXISTS (SELECT 1 FROM visits v WHERE v.account = '<%= account %>' "
            "AND v.seconds > '<%= profile_id %>') AS result",
            ("account", "profile_id"),
            crowded,
        ),
        Shape(
            "a volatile function",
            "SELECT subscription_plan = 'premium' AND random() >= 0 AS result FROM users "
            "WHERE id = '<%= profile_id %>'",
            ("profile_id",),
            lambda pick: [(str(pick.randint(1, users)),) for _ in range(5_000)],
        ),
        Shape(
            "an aggregate over an indexed child table",
            "SELECT count(*) >= 6 AS result FROM purchases WHERE user_id = '<%= profile_id %>'",
            ("profile_id",),
            lambda pick: [(str(pick.randint(1, BUYERS)),) for _ in range(10_000)],
        ),
        Shape(
            "a batch of ten",
            "SELECT count(*) >= 6 AS result FROM purchases WHERE user_id = '<%= profile_id %>'",
            ("profile_id",),
            lambda pick: [(str(pick.randint(1, BUYERS)),) for _ in range(10)],
            SINGLES,  # the hop alone costs more than ten statements
        ),
    ]


def crowded(pick: random.Random) -> list[Tuple]:
    """Different profiles, so that removing duplicates helps nobody; no visit is long enough: every row is read."""
    return [
        (str(CROWDED_ACCOUNT if place % 10 else pick.randint(2, ACCOUNTS)), str(1_000 + place)) for place in range(300)
    ]


async def run(at: Stand, users: int, pace: Pace, report: Report) -> None:
    """Measures and prints, shape by shape."""
    async with (
        grpc.aio.insecure_channel(at.gateway.address) as channel,
        await psycopg.AsyncConnection.connect(at.postgres.dsn(at.database, at.role), autocommit=True) as connection,
    ):
        stub = stubs.QueryServiceStub(channel)
        for shape in shapes(users):
            asked = Asked(shape, shape.tuples(random.Random(9)), stub, connection)
            measured = await measure(asked.jobs(), at.clocks("gateway"), pace)
            report.section(f"Shape: {shape.title}, {asked.size:,} tuples", measured)


class Asked:
    """The same tuples in each of the ways."""

    def __init__(self, shape: Shape, tuples: list[Tuple], stub: Any, connection: psycopg.AsyncConnection[Any]) -> None:
        self.size = len(tuples)
        self._shape = shape
        self._tuples = tuples
        self._stub = stub
        self._connection = connection
        self._query = with_placeholders(shape.template, *shape.variables)
        self._expected: list[bool | None] = []
        """By the pipeline, which runs first."""

    def jobs(self) -> list[Job]:
        """The yardstick first."""
        few = min(self.size, 50)
        no_slower = Target(0.95, self._shape.yardstick, "at most 5 % slower than one by one")
        return [
            Job(PIPELINE, self.with_pipeline, step=self.size),
            Job(SINGLES, self.one_a_call, step=few, most=1_000),
            Job(SET, self.as_set, step=self.size, target=no_slower),
        ]

    async def with_pipeline(self, count: int) -> None:
        for _ in range(count // self.size):
            async with self._connection.pipeline():
                cursors = [await self._connection.execute(self._query, each, prepare=True) for each in self._tuples]
            self._expected = [(await cursor.fetchone() or (None,))[0] for cursor in cursors]

    async def as_set(self, count: int) -> None:
        request = self._request(self._tuples)
        for _ in range(count // self.size):
            self._check(await self._stub.EvaluateSet(request, timeout=DEADLINE_S), self._expected)

    async def one_a_call(self, count: int) -> None:
        for place in range(count):
            at = place % self.size
            request = self._request(self._tuples[at : at + 1])
            self._check(await self._stub.EvaluateSet(request, timeout=DEADLINE_S), self._expected[at : at + 1])

    def _request(self, tuples: Sequence[Tuple]) -> pb.EvaluateSetRequest:
        return pb.EvaluateSetRequest(
            statement=pb.Statement(
                connection=CONNECTION, template=self._shape.template, role=pb.STATEMENT_ROLE_CONDITION
            ),
            tuples=pb.Tuples(
                row_count=len(tuples),
                names=self._shape.variables,
                columns=[sql_pb2.Column(texts=column) for column in zip(*tuples, strict=True)],
            ),
        )

    def _check(self, response: pb.EvaluateSetResponse, expected: Sequence[bool | None]) -> None:
        """A random user who is not there has no row, for psycopg as well as for us."""
        if [OUTCOMES.get(outcome) for outcome in response.outcomes] != list(expected):
            raise WrongResult(f"other outcomes than one by one; errors: {len(response.errors)}")
