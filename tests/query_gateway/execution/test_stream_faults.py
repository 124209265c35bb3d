"""A server that dies under a stream: UNAVAILABLE soon, and never a stream that looks complete and is not."""

import asyncio
import contextlib
import math
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from directflow_cli.dev.postgres import PostgresServer
from directflow_cli.dev.postgres_binaries import PostgresUnavailable
from directflow_gateway.connections import Limits
from directflow_gateway.description import ColumnType, WireType
from directflow_gateway.execution import StreamPlan, stream
from directflow_runtime.errors import DirectFlowError, StatusCode

ROWS = 60_000
PLAN = StreamPlan((ColumnType("i", "integer", 23, WireType.INTEGER), ColumnType("t", "text", 25, WireType.TEXT)), 100)
STATEMENT = f"SELECT generate_series(1, {ROWS}) AS i, repeat('x', 100) AS t"

Fault = Callable[[PostgresServer, int], None]


def kill_backend(server: PostgresServer, backend: int) -> None:
    os.kill(backend, signal.SIGKILL)
    ends_at = time.monotonic() + 5
    while Path(f"/proc/{backend}").exists() and time.monotonic() < ends_at:
        time.sleep(0.01)  # before the postmaster has noticed, it would still let somebody in


def terminate_backend(server: PostgresServer, backend: int) -> None:
    with psycopg.connect(server.admin_dsn(), autocommit=True) as admin:
        admin.execute("SELECT pg_terminate_backend(%s)", [backend])


def kill_everything(server: PostgresServer, backend: int) -> None:
    server.kill()


def stop_fast(server: PostgresServer, backend: int) -> None:
    server.stop()


def stop_immediately(server: PostgresServer, backend: int) -> None:
    server.stop(signal.SIGQUIT)


@pytest.fixture(scope="module")
def mortal_server(postgres_installation: Any) -> Iterator[PostgresServer]:
    with PostgresServer.create(postgres_installation) as server:
        yield server


@pytest.fixture
def mortal(mortal_server: PostgresServer) -> Iterator[PostgresServer]:
    """A server of this module's own, up again after whatever a test did to it."""
    yield mortal_server
    with contextlib.suppress(PostgresUnavailable):
        os.kill(mortal_server.pid, 0)
        ends_at = time.monotonic() + 20
        while time.monotonic() < ends_at:  # a killed backend makes the postmaster start all others anew
            with contextlib.suppress(psycopg.OperationalError), psycopg.connect(mortal_server.admin_dsn()):
                return
            time.sleep(0.1)
    mortal_server.start()


async def read_with_fault(stand: Any, fault: Fault, at_row: int) -> int:
    """Rows of a stream that ended in good order; the fault strikes once `at_row` rows have been read."""
    rows, struck = 0, False
    async with stand.transaction() as session:
        backend = session.pgconn.backend_pid
        if at_row == 0:
            await asyncio.to_thread(fault, stand.server, backend)
        async with aclosing(stream(session, STATEMENT, (), PLAN, Limits())) as batches:
            async for batch in batches:
                rows += batch.num_rows
                if not struck and 0 < at_row <= rows:
                    await asyncio.to_thread(fault, stand.server, backend)
                    struck = True
    return rows


@pytest.mark.parametrize("at_row", [0, 1, 1_000, ROWS - 1])
@pytest.mark.parametrize(
    "fault", [kill_backend, terminate_backend, kill_everything, stop_fast, stop_immediately], ids=lambda f: f.__name__
)
async def test_a_stream_is_complete_or_unavailable(
    make_stand: Callable[..., Any], mortal: PostgresServer, fault: Fault, at_row: int
) -> None:
    stand = make_stand(mortal)
    end = (await asyncio.gather(read_with_fault(stand, fault, at_row), return_exceptions=True))[0]
    if isinstance(end, DirectFlowError):
        assert (end.code, end.reason) == (StatusCode.UNAVAILABLE, "DATABASE_UNREACHABLE")
        assert end.retry_after
        assert str(mortal.port) not in str(end)
        assert end.__cause__ is None
    else:
        assert end == ROWS


async def test_the_end_of_the_server_is_noticed_at_once(make_stand: Callable[..., Any], mortal: PostgresServer) -> None:
    stand = make_stand(mortal)
    endless = "SELECT generate_series(1, 1000000000) AS i, repeat('x', 100) AS t"
    killed_at = math.inf

    async def read(session: Any) -> None:
        nonlocal killed_at
        async for _ in stream(session, endless, (), PLAN, Limits()):
            if killed_at == math.inf:
                os.kill(session.pgconn.backend_pid, signal.SIGKILL)
                killed_at = time.monotonic()

    async with stand.transaction() as session:
        with pytest.raises(DirectFlowError, match="database") as end:
            await read(session)
    assert end.value.reason == "DATABASE_UNREACHABLE"
    assert time.monotonic() - killed_at < 2


async def test_many_random_deaths_never_look_complete(make_stand: Callable[..., Any], postgres: Any) -> None:
    """pg_terminate_backend, so that the shared server survives; the kill above has the same path from here on."""
    stand = make_stand(postgres, pool_size=4)
    chosen = random.Random(11)

    async def one(delay_s: float) -> int:
        rows = 0
        async with stand.transaction() as session:
            loop, backend = asyncio.get_running_loop(), session.pgconn.backend_pid
            timer = loop.call_later(delay_s, loop.run_in_executor, None, terminate_backend, postgres, backend)
            async with aclosing(stream(session, STATEMENT, (), PLAN, Limits())) as batches:
                async for batch in batches:
                    rows += batch.num_rows
            timer.cancel()
        return rows

    ends: list[int | BaseException] = []
    for _ in range(15):
        ends += await asyncio.gather(*(one(chosen.uniform(0, 0.3)) for _ in range(4)), return_exceptions=True)
    complete = [end for end in ends if isinstance(end, int)]
    reasons = {end.reason for end in ends if isinstance(end, DirectFlowError)}
    print(f"{len(complete)} complete, {len(ends) - len(complete)} unavailable")
    assert set(complete) <= {ROWS}
    assert reasons == {"DATABASE_UNREACHABLE"}
    assert all(isinstance(end, int | DirectFlowError) for end in ends)
