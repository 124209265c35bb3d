"""Slow profiles and slow conditions, through both real services on a real PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import grpc
import pytest
from directflow.conditions.v1 import evaluation_service_pb2 as wire
from directflow.conditions.v1 import evaluation_service_pb2_grpc as stubs
from directflow_conditions import app
from directflow_conditions.config import ConditionsSettings
from directflow_conditions.lanes.aside import MOST_LATE
from directflow_gateway import app as gateway_app
from directflow_gateway.config import GatewaySettings
from directflow_runtime.errors import StatusCode

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
    role = postgres.create_role()
    postgres.psql(DATA + f'GRANT SELECT ON ALL TABLES IN SCHEMA public TO "{role.name}"', database=postgres_database)
    place = {"host": postgres.host, "port": postgres.port, "database": postgres_database}
    return {**place, "user": role.name, "password": role.password}


@pytest.fixture
async def ask(customer: dict[str, Any], tmp_path: Path, log: Any) -> AsyncIterator[Ask]:
    """`await ask(7)`: the raw outcome or the status, through both services."""
    async with AsyncExitStack() as stack:
        gateway = await gateway_app.build(_gateway_settings(customer, tmp_path), stack)
        await gateway.server.start()
        stack.push_async_callback(gateway.server.stop, 0)
        built = await app.build(_settings(gateway.server.port), stack)
        await built.server.start()
        stack.push_async_callback(built.server.stop, 0)
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(f"127.0.0.1:{built.server.port}"))
        stub: Any = stubs.EvaluationServiceStub(channel)  # type: ignore[no-untyped-call]

        async def evaluate(person: int, condition: str = "work", seconds: float = SECONDS) -> int | StatusCode:
            name = f"workspaces/acme/conditions/{condition}"
            request = wire.EvaluateConditionRequest(condition=name, profile_id=str(person))
            try:
                raw: int = (await stub.EvaluateCondition(request, timeout=seconds)).evaluation.raw
            except grpc.aio.AioRpcError as error:
                return StatusCode[error.code().name]
            return raw

        yield evaluate


def _gateway_settings(customer: dict[str, Any], directory: Path) -> GatewaySettings:
    (directory / "acme").mkdir()
    (directory / "acme" / "main").write_text(customer["password"])
    place = {name: value for name, value in customer.items() if name != "password"}
    connection = {"workspace": "acme", "id": "main", "sslmode": "disable", **place}
    return GatewaySettings.model_validate(
        {
            "identity": {"allow_development": True},
            "egress": {"allow_loopback": True},
            "credentials": {"path": f"{directory}/{{workspace}}/{{connection}}"},
            "connections": [connection],
        }
    )


def _settings(port: int) -> ConditionsSettings:
    connection = "workspaces/acme/connections/main"
    return ConditionsSettings.model_validate(
        {
            "gateway": {"target": f"127.0.0.1:{port}"},
            "identity": {"allow_development": True},
            "definitions": {"from_store": False},
            "conditions": [
                {
                    "name": f"workspaces/acme/conditions/{table}",
                    "connection": connection,
                    "sql": WORK.format(table=table),
                }
                for table in ("work", "slow")
            ],
        }
    )


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
