"""Slow profiles and slow conditions, through both real services on a real PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from directflow.conditions.v1 import evaluation_service_pb2 as wire
from directflow_conditions.lanes.aside import MOST_LATE
from directflow_runtime.errors import StatusCode

from .both_services import both_services, customer_with, with_sql

SECONDS = 30.0
ENDLESS, SLOW = 2_000_000_000, 1_500_000
WORK = (
    "SELECT w.answer AS result FROM {table} w WHERE w.id = '<%= profile_id %>' "
    "AND (SELECT count(*) FROM generate_series(1, w.rounds)) >= 0"
)
DATA = f"""
CREATE TABLE work (id int PRIMARY KEY, rounds bigint, answer boolean);
INSERT INTO work SELECT g, CASE WHEN g = 1 THEN {ENDLESS} ELSE 1 END, g % 3 > 0 FROM generate_series(1, 50) g;
CREATE TABLE slow AS SELECT id, {SLOW} AS rounds, answer FROM work;
"""
Ask = Callable[..., Awaitable[int | StatusCode]]


@pytest.fixture(scope="module")
def customer(postgres: Any, postgres_database: str) -> dict[str, Any]:
    return customer_with(postgres, postgres_database, DATA)


@pytest.fixture
async def ask(customer: dict[str, Any], tmp_path: Path, log: Any) -> AsyncIterator[Ask]:
    """`await ask(7)`: the raw outcome or the status, through both services."""
    conditions = [with_sql(table, WORK.format(table=table)) for table in ("work", "slow")]
    async with both_services(customer, tmp_path, conditions) as stub:

        async def evaluate(person: int, condition: str = "work", seconds: float = SECONDS) -> int | StatusCode:
            name = f"workspaces/acme/conditions/{condition}"
            request = wire.EvaluateConditionRequest(condition=name, profile_id=str(person))
            try:
                raw: int = (await stub.EvaluateCondition(request, timeout=seconds)).evaluation.raw
            except grpc.aio.AioRpcError as error:
                return StatusCode[error.code().name]
            return raw

        yield evaluate


def expected(person: int) -> int:
    return wire.RAW_OUTCOME_TRUE if person % 3 else wire.RAW_OUTCOME_FALSE


@pytest.mark.parametrize("leads", [True, False])
async def test_an_endless_profile_costs_its_neighbours_neither_their_answer_nor_their_deadline(
    ask: Ask, leads: bool
) -> None:
    """It is the first caller's, in whose statement nobody else is, or one of several in a statement."""
    await ask(2)  # sessions and statements are there
    first = [] if leads else [asyncio.ensure_future(ask(9))]
    slow = asyncio.ensure_future(ask(1))
    people = range(2, 8)
    rest = [asyncio.ensure_future(ask(person)) for person in people]
    assert await asyncio.gather(*first, *rest) == [*(expected(9) for _ in first), *map(expected, people)]
    assert await ask(10) == expected(10)  # who comes later is not held up either
    assert not slow.done()
    slow.cancel()
    await asyncio.gather(slow, return_exceptions=True)
    assert await ask(11) == expected(11)


async def test_an_endless_profile_that_many_ask_about_ends_for_each_of_them_at_their_own_deadline(ask: Ask) -> None:
    await ask(2)
    slow = [asyncio.ensure_future(ask(1, seconds=3.0)) for _ in range(20)]
    people = [*range(2, 40)]
    assert await asyncio.gather(*(ask(person) for person in people)) == [*map(expected, people)]
    assert await asyncio.gather(*slow) == [StatusCode.DEADLINE_EXCEEDED] * 20


async def test_a_condition_that_is_slow_for_everybody_takes_few_sessions_and_answers_everybody(
    ask: Ask, postgres: Any, postgres_database: str
) -> None:
    await ask(2)
    people = [*range(2, 14)]
    calls = [asyncio.ensure_future(ask(person, "slow")) for person in people]
    most = 0
    counted = (
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE state = 'active' AND query LIKE '%slow%' AND pid <> pg_backend_pid()"
    )
    while not all(call.done() for call in calls):
        active = await asyncio.to_thread(postgres.psql, counted, database=postgres_database)
        most = max(most, int(str(active).strip()))
        await asyncio.sleep(0.05)
    assert [call.result() for call in calls] == [*map(expected, people)]
    assert 0 < most <= MOST_LATE + 3  # one that is given up may still be ending


async def test_an_endless_profile_of_one_condition_is_nothing_to_another(ask: Ask) -> None:
    slow = asyncio.ensure_future(ask(1))
    assert await ask(2, "slow") == expected(2)
    assert not slow.done()
    slow.cancel()
    await asyncio.gather(slow, return_exceptions=True)
