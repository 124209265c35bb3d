"""One breaker for all connections to a server: none of them hammers one that is down, none locks the others out."""

import asyncio
import itertools
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from directflow_cli.dev.postgres import PostgresServer
from directflow_gateway.pools.breaker import FAILURES
from directflow_runtime.errors import DirectFlowError

WORKSPACES = ("acme", "umbrella", "initech")


@pytest.fixture
def connections(
    make_stand: Callable[..., Any], private_postgres: Callable[..., PostgresServer]
) -> tuple[Any, list[Any]]:
    """A stand on a server of its own, and a connection of three workspaces to it."""
    stand = make_stand(private_postgres(), acquire_timeout_s=5)
    for workspace in WORKSPACES[1:]:
        place = stand.secret.parent.parent / workspace / "main"
        place.parent.mkdir()
        place.write_text(stand.role.password)
    return stand, [replace(stand.connection, workspace=workspace) for workspace in WORKSPACES]


async def call(stand: Any, connection: Any) -> str:
    """How a call ends."""
    try:
        async with stand.pools.transaction(connection, stand.settings(), time.monotonic() + 10):
            return "OK"
    except DirectFlowError as error:
        return error.reason


async def test_a_server_that_is_down_is_tried_once_a_second_for_everybody_together_and_heals_for_everybody(
    connections: tuple[Any, list[Any]], attempts: list[float]
) -> None:
    stand, targets = connections
    for target in targets:
        assert await call(stand, target) == "OK"
    stand.server.stop()
    attempts.clear()
    began = time.monotonic()
    told = set()
    while time.monotonic() < began + 3:
        told |= set(await asyncio.gather(*(call(stand, target) for target in targets for _ in range(3))))
        await asyncio.sleep(0.01)
    assert told == {"DATABASE_UNREACHABLE"}
    later = [at for at in attempts if at > began + 0.5]
    assert len(attempts) <= FAILURES + len(targets) + 4
    assert all(after - before > 0.9 for before, after in itertools.pairwise(later))
    stand.server.start()
    back_at = time.monotonic()
    for target in targets:
        while await call(stand, target) != "OK":
            assert time.monotonic() - back_at < 4
            await asyncio.sleep(0.02)


async def test_what_is_wrong_with_one_connection_keeps_no_other_one_out(connections: tuple[Any, list[Any]]) -> None:
    stand, targets = connections
    missing = replace(targets[0], database="not_there")
    secret = replace(targets[1], user="nobody")
    for _ in range(2 * FAILURES):
        assert await call(stand, missing) == "DATABASE_UNREACHABLE"
    stand.secret.parent.parent.joinpath("umbrella", "main").write_text("wrong")
    for _ in range(2 * FAILURES):
        assert await call(stand, secret) == "CREDENTIALS_REJECTED"
    assert await call(stand, targets[2]) == "OK"


async def test_behind_an_open_breaker_nobody_waits_for_the_one_attempt_that_a_black_hole_swallows(
    make_stand: Callable[..., Any], postgres: PostgresServer, proxy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("directflow_gateway.pools.login.CONNECT_S", 0.4)
    stand = make_stand(postgres, connection={"port": proxy.port}, pool_size=4)
    proxy.stall()
    for _ in range(3 * FAILURES):  # some find the thread of the one before still at it, which is no attempt
        assert await call(stand, stand.connection) == "DATABASE_UNREACHABLE"
    took = []
    ends_at = time.monotonic() + 3
    while time.monotonic() < ends_at:
        began = time.monotonic()
        assert await call(stand, stand.connection) == "DATABASE_UNREACHABLE"
        took.append(time.monotonic() - began)
        await asyncio.sleep(0.02)
    assert max(took) < 0.3
    proxy.flow()
    back_at = time.monotonic()
    while await call(stand, stand.connection) != "OK":
        assert time.monotonic() - back_at < 4
        await asyncio.sleep(0.02)


async def test_pools_of_one_to_twenty_sessions_are_there_again_as_soon_as_the_server_is(
    make_stand: Callable[..., Any], private_postgres: Callable[..., PostgresServer]
) -> None:
    stand = make_stand(private_postgres(max_connections="250"))
    pools = [replace(stand.connection, id=f"size-{size}", limits=replace(stand.connection.limits, pool_size=size))
             for size in range(1, 21)]  # fmt: skip
    for pool in pools:
        stand.secret.with_name(pool.id).write_text(stand.role.password)

    async def fill(pool: Any) -> None:
        barrier = asyncio.Barrier(pool.limits.pool_size)

        async def one() -> None:
            async with stand.pools.lease(pool, time.monotonic() + 60):
                await barrier.wait()

        await asyncio.gather(*(one() for _ in range(pool.limits.pool_size)))

    await asyncio.gather(*map(fill, pools))
    assert len(stand.sessions()) == sum(range(1, 21))
    await asyncio.to_thread(stand.server.stop)
    await asyncio.to_thread(stand.server.start)

    async def first_success(pool: Any) -> float:
        began = time.monotonic()
        assert await call(stand, pool) == "OK"
        return time.monotonic() - began

    took = [await first_success(pool) for pool in pools]
    print(f"first success after {max(took):.3f} s at most")
    assert max(took) < 1
