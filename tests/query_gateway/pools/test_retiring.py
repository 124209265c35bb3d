"""A connection that was changed or deleted: its sessions go, those in use when they come back, and nothing is left."""

import asyncio
import time
from dataclasses import replace
from typing import Any

import pytest
from directflow_gateway.execution.wire import Statement
from directflow_gateway.pools import Retiring
from structlog.testing import CapturingLogger


async def gone(stand: Any) -> bool:
    ends_at = time.monotonic() + 10
    while stand.sessions() or len(stand.pools):
        if time.monotonic() > ends_at:
            return False
        await asyncio.sleep(0.02)
    return True


async def test_idle_sessions_are_closed_and_the_pool_is_forgotten(stand: Any) -> None:
    async with stand.lease():
        pass
    stand.pools.retire(lambda connection: True)
    assert len(stand.pools) == 1
    stand.pools.retire(lambda connection: False)
    assert await gone(stand)


async def test_a_lease_that_runs_is_not_disturbed(stand: Any) -> None:
    async with stand.lease() as session:
        stand.pools.retire(lambda connection: False)
        (result,) = await session.wire.run(Statement("SELECT 'still here'"))
        assert result.get_value(0, 0) == b"still here"
    assert await gone(stand)


async def test_who_waits_for_a_session_is_served_by_the_pool_that_is_closed(stand: Any) -> None:
    only = replace(stand, connection=stand.limited(pool_size=1))

    async def wait_for_one() -> bytes:
        async with only.lease() as session:
            (result,) = await session.wire.run(Statement("SELECT 'served'"))
            return bytes(result.get_value(0, 0))

    async with only.lease():
        waiting = asyncio.create_task(wait_for_one())
        await asyncio.sleep(0.05)
        only.pools.retire(lambda connection: False)
    assert await waiting == b"served"
    assert await gone(stand)


async def test_a_login_that_ends_behind_the_closing_is_not_lost(stand: Any) -> None:
    async def first_lease() -> bool:
        async with stand.lease():
            return True

    logging_in = asyncio.create_task(first_lease())
    await asyncio.sleep(0)
    stand.pools.retire(lambda connection: False)
    assert await logging_in
    assert await gone(stand)


async def test_a_thousand_changes_leave_one_pool(stand: Any) -> None:
    newest = stand.connection
    for number in range(1, 1001):
        newest = replace(stand.connection, limits=replace(stand.connection.limits, max_rows=number))
        stand.pools._pool(newest)
        stand.pools.retire(newest.__eq__)
    while len(stand.pools) > 1:  # noqa: ASYNC110 (nothing tells of the end of a closing)
        await asyncio.sleep(0.01)
    async with stand.pools.lease(newest, time.monotonic() + 5):
        assert len(stand.sessions()) == 1


async def test_retiring_looks_again_and_again(stand: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("directflow_gateway.pools.retiring.PERIOD_S", 0.01)
    current = {stand.connection.name}
    log: Any = CapturingLogger()
    retiring = Retiring(stand.pools, lambda connection: connection.name in current, log)
    retiring.start()
    async with stand.lease():
        pass
    current.clear()
    assert await gone(stand)
    await retiring.aclose()
    assert log.calls == []
