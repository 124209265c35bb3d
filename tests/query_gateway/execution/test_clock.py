"""Three limits over one statement: which one passes first, and what is said of it."""

import asyncio
import math
import time
from typing import Any

import psycopg
import pytest
import uvloop
from directflow_gateway.execution.clock import Clock
from directflow_runtime.errors import DirectFlowError, StatusCode


def reason(**limits: float) -> str:
    error = Clock(**limits).first()
    assert error.code is StatusCode.DEADLINE_EXCEEDED
    return error.reason


@pytest.mark.parametrize(
    ("deadline_s", "age_s", "work_s", "expected"),
    [
        (1, 2, 3, "DEADLINE_EXCEEDED"),
        (3, 1, 2, "STREAM_TOO_OLD"),
        (3, 2, 1, "STATEMENT_TIMEOUT"),
        (1, math.inf, math.inf, "DEADLINE_EXCEEDED"),
        (-1, -2, -3, "DEADLINE_EXCEEDED"),  # of several that have passed, what the caller asked for
        (1, -2, -3, "STREAM_TOO_OLD"),
    ],
)
def test_the_first_limit_gives_the_reason(deadline_s: float, age_s: float, work_s: float, expected: str) -> None:
    assert reason(deadline=time.monotonic() + deadline_s, age_s=age_s, work_s=work_s) == expected


def test_before_any_limit_a_check_is_silent() -> None:
    Clock(deadline=time.monotonic() + 10, age_s=10, work_s=10).check()


def test_only_waiting_for_the_server_counts_as_its_work() -> None:
    clock = Clock(work_s=1)
    clock.waited(0.9)
    clock.check()
    clock.waited(0.1)
    with pytest.raises(DirectFlowError) as error:
        clock.check()
    assert error.value.reason == "STATEMENT_TIMEOUT"


async def test_a_timer_that_comes_before_its_time_is_the_deadline_all_the_same(stand: Any) -> None:
    """Each wait of psycopg's own cursors; uvloop's timers come up to a millisecond early, one in two."""
    assert isinstance(asyncio.get_running_loop(), uvloop.Loop)
    for tenths in range(10):
        with pytest.raises(DirectFlowError) as error:
            async with stand.lease(within_s=0.05 + tenths / 10_000) as session:
                await session.execute("SELECT pg_sleep(30)")
        assert error.value.reason == "DEADLINE_EXCEEDED"


async def test_a_wait_of_its_own_is_not_the_deadline(stand: Any) -> None:
    async with stand.lease(within_s=20) as session:
        session.pgconn.send_query(b"SELECT pg_sleep(30)")
        with pytest.raises(psycopg.OperationalError, match="the wait for the database timed out"):
            await session.wait(psycopg.generators.fetch(session.pgconn), timeout=0.05)
