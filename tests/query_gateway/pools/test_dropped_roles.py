"""A role that ends under its sessions, as dynamic credentials do: the next call has its successor, unnoticed."""

import asyncio
import time
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

import pytest
from directflow_cli.dev.postgres import PostgresServer
from directflow_gateway.connections import Limits
from directflow_gateway.description import ColumnType, WireType
from directflow_gateway.execution import StreamPlan, fetch_first, stream
from directflow_runtime.errors import DirectFlowError, StatusCode

PLAN = StreamPlan((ColumnType("i", "integer", 23, WireType.INTEGER),), 4)


async def who(stand: Any) -> str:
    async with stand.transaction() as session:
        ((name,),) = await fetch_first(session, "SELECT session_user", (), 1)
        return str(name)


def drop(postgres: PostgresServer, name: str) -> None:
    postgres.psql(f'DROP ROLE "{name}"')


async def test_the_first_call_after_its_role_was_dropped_runs_as_the_next_one(
    stand: Any, postgres: PostgresServer
) -> None:
    assert await who(stand) == stand.role.name
    successor = postgres.create_role("LOGIN")
    drop(postgres, stand.role.name)
    stand.write_secret(successor.password, successor.name)
    started = time.monotonic()
    assert await who(stand) == successor.name
    assert time.monotonic() - started < 2
    assert stand.sessions() == []


async def test_many_calls_that_find_it_out_at_once_make_one_reading(
    make_stand: Callable[..., Any], postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand = make_stand(postgres, pool_size=10)
    barrier = asyncio.Barrier(10)

    async def together() -> None:
        async with stand.transaction():
            await barrier.wait()

    await asyncio.gather(*(together() for _ in range(10)))
    keyring, readings = stand.keyrings.of(stand.connection), 0
    after_refusal = keyring.after_refusal

    async def counted(generation: str) -> Any:
        nonlocal readings
        readings += 1
        return await after_refusal(generation)

    monkeypatch.setattr(keyring, "after_refusal", counted)
    successor = postgres.create_role("LOGIN")
    drop(postgres, stand.role.name)
    stand.write_secret(successor.password, successor.name)
    assert set(await asyncio.gather(*(who(stand) for _ in range(40)))) == {successor.name}
    assert readings == 1


async def test_a_role_that_is_created_again_is_logged_in_anew(stand: Any, postgres: PostgresServer) -> None:
    assert await who(stand) == stand.role.name
    drop(postgres, stand.role.name)
    postgres.psql(f"CREATE ROLE {stand.role.name} LOGIN PASSWORD '{stand.role.password}'")
    assert await who(stand) == stand.role.name


async def test_a_role_without_a_successor_is_a_rejected_credential(stand: Any, postgres: PostgresServer) -> None:
    assert await who(stand) == stand.role.name
    drop(postgres, stand.role.name)
    with pytest.raises(DirectFlowError) as error:
        await who(stand)
    assert (error.value.code, error.value.reason) == (StatusCode.FAILED_PRECONDITION, "CREDENTIALS_REJECTED")
    assert stand.role.name not in str(error.value)


async def test_a_dropped_role_whose_source_is_away_is_worth_a_retry(stand: Any, postgres: PostgresServer) -> None:
    assert await who(stand) == stand.role.name
    drop(postgres, stand.role.name)
    stand.secret.unlink()
    with pytest.raises(DirectFlowError) as error:
        await who(stand)
    assert (error.value.code, error.value.reason) == (StatusCode.UNAVAILABLE, "CREDENTIALS_UNAVAILABLE")
    assert error.value.retry_after
    successor = postgres.create_role("LOGIN")
    stand.write_secret(successor.password, successor.name)
    ends_at = time.monotonic() + 15
    while time.monotonic() < ends_at:
        try:
            assert await who(stand) == successor.name
            return
        except DirectFlowError:
            await asyncio.sleep(0.1)
    pytest.fail("not healed")


ENDINGS = (
    "ALTER ROLE {0} PASSWORD 'another'",
    "ALTER ROLE {0} VALID UNTIL '2000-01-01'",
    "ALTER ROLE {0} NOLOGIN",
    "REVOKE ALL ON numbers FROM {0}",
    "DROP ROLE {0}",
)


async def test_a_running_stream_of_two_million_rows_finishes_over_every_way_in_which_a_role_ends(
    stand: Any, postgres: PostgresServer, postgres_database: str
) -> None:
    def run(sql: str) -> None:
        postgres.psql(sql.format(stand.role.name), database=postgres_database)

    run("CREATE TABLE numbers AS SELECT i FROM generate_series(1, 2000000) AS i; GRANT SELECT ON numbers TO {0}")
    successor = postgres.create_role("LOGIN")
    left, rows = list(ENDINGS), 0
    async with stand.transaction() as session:
        async with aclosing(stream(session, "SELECT i FROM numbers", (), PLAN, Limits())) as batches:
            async for batch in batches:
                rows += batch.num_rows
                if left:
                    await asyncio.to_thread(run, left.pop(0))
                    stand.write_secret(successor.password, successor.name)
        assert not session.wire.lost
    assert (rows, left) == (2_000_000, [])
    assert await who(stand) == successor.name
