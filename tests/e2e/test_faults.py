"""What callers of both hops see when something dies, and what PostgreSQL sees when a caller leaves."""

import asyncio
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import grpc
import pytest
from directflow_cli.dev.postgres import PostgresServer
from directflow_cli.dev.postgres_binaries import Installation
from directflow_runtime.errors import StatusCode
from directflow_runtime.remote import remote_error

ROWS = 250_000
TOLD_WITHIN_S = 2.0
GONE_WITHIN_S = 1.0
GONE_AFTER_A_KILL_S = 2.0
GATEWAYS_GRACE_S = 1.0
SCHEMA = f"""
CREATE TABLE people(profile_id bigint, email text, pad text);
INSERT INTO people SELECT g, 'user' || g || '@example.com', repeat(md5(g::text), 6) FROM generate_series(1, {ROWS}) g;
ANALYZE people;
"""
DEFINITIONS = """
[[data_sources]]
name = "workspaces/demo/dataSources/people"
connection = "workspaces/demo/connections/customer"
generator_sql = "SELECT profile_id, email, pad FROM people"

[[data_sources]]
name = "workspaces/demo/dataSources/late"
connection = "workspaces/demo/connections/customer"
generator_sql = '''
SELECT count(*) AS profile_id, 'someone@example.com' AS email FROM people AS a, people AS b WHERE a.pad < b.pad
'''
"""


@pytest.fixture(scope="module")
def fragile_server(postgres_installation: Installation) -> Iterator[tuple[PostgresServer, str]]:
    """A server of this module's own, and its database with people in it. Whoever kills it starts it again."""
    with PostgresServer.create(postgres_installation) as server:
        database = server.create_database()
        server.psql(SCHEMA, database=database)
        yield server, database


@pytest.fixture
def fragile(fragile_server: tuple[PostgresServer, str], serve: Callable[..., Any]) -> Iterator[Any]:
    """That server with a gateway and a segments of one test's own, to kill."""
    with serve(*fragile_server, segments=DEFINITIONS) as at:
        yield at


@pytest.fixture(scope="module")
def lasting(postgres: Any, postgres_database: str, serve: Callable[..., Any]) -> Iterator[Any]:
    """The same on the shared server, for callers that leave."""
    postgres.psql(SCHEMA, database=postgres_database)
    with serve(postgres, postgres_database, segments=DEFINITIONS) as at:
        yield at


def stream(at: Any, client: Any, hop: str, source: str = "people", timeout: float = 60) -> Any:
    if hop == "gateway":
        request = at.stream_request("SELECT profile_id, email, pad FROM people")
        return client.gateway.StreamQuery(request, timeout=timeout)
    return client.segments.StreamAudience(at.audience_request(source), timeout=timeout)


async def rows_until(call: Any, rows: int) -> int:
    """Reads at least so many rows; the header counts as none."""
    seen = -1
    while seen < rows:
        message = await call.read()
        assert not message.HasField("summary"), "the stream was over too soon to show anything"
        seen = max(seen, 0) + message.batch.row_count
    return seen


async def rest_of(call: Any) -> tuple[bool, Any]:
    """Whether a summary came, and the error at the end, if there was one."""
    summary = False
    try:
        while (message := await call.read()) is not grpc.aio.EOF:
            summary = summary or message.HasField("summary")
    except grpc.aio.AioRpcError as error:
        return summary, remote_error(error)
    return summary, None


async def test_a_killed_postgresql_is_unavailable_through_both_hops_and_never_a_complete_stream(
    fragile: Any, connect: Callable[..., Any]
) -> None:
    client = connect(fragile)
    for offset in (0, 1, 30_000, 100_000):
        calls = {hop: stream(fragile, client, hop) for hop in ("gateway", "segments")}
        for call in calls.values():
            await rows_until(call, offset)

        fragile.server.kill()
        killed = time.monotonic()
        ended = await asyncio.gather(*(rest_of(call) for call in calls.values()))
        took = time.monotonic() - killed

        for hop, (summary, error) in zip(calls, ended, strict=True):
            assert not summary, f"{hop} at {offset}: a stream that is not complete says that it is"
            assert error.code is StatusCode.UNAVAILABLE, f"{hop} at {offset}"
            assert error.retry_after is not None, f"{hop} at {offset}"
            assert error.metadata.get("gateway_reason", error.reason) == "DATABASE_UNREACHABLE"
            assert error.request_id
        assert took < TOLD_WITHIN_S
        fragile.server.start()
        await healed(fragile, client)


async def healed(at: Any, client: Any) -> None:
    """Serves again, with nobody restarting anything of ours; until then UNAVAILABLE is all that one hears."""
    ends_at = time.monotonic() + 10
    while True:
        summary, error = await rest_of(client.gateway.StreamQuery(at.stream_request("SELECT 1 AS one"), timeout=5))
        if summary and error is None:
            return
        assert error.code is StatusCode.UNAVAILABLE
        assert time.monotonic() < ends_at, "does not heal"
        await asyncio.sleep(0.05)


async def test_a_killed_backend_ends_only_its_own_stream(fragile: Any, connect: Callable[..., Any]) -> None:
    client = connect(fragile)
    doomed, other = stream(fragile, client, "segments"), stream(fragile, client, "gateway")
    await asyncio.gather(rows_until(doomed, 1), rows_until(other, 1))
    running = "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'directflow/%%/people'"
    ((pid,),) = fragile.admin(f"{running} AND state = %s", "active")

    fragile.admin("SELECT pg_terminate_backend(%s)", pid)

    (partial, error), (complete, no_error) = await asyncio.gather(rest_of(doomed), rest_of(other))
    assert not partial
    assert error.code is StatusCode.UNAVAILABLE
    assert complete
    assert no_error is None


@pytest.mark.parametrize("hop", ["gateway", "segments"])
async def test_a_caller_that_cancels_in_mid_stream_leaves_no_statement_behind(
    lasting: Any, connect: Callable[..., Any], hop: str
) -> None:
    call = stream(lasting, connect(lasting), hop)
    await rows_until(call, 1)
    assert await asyncio.to_thread(lasting.busy), "the statement is over: nothing is shown"

    call.cancel()

    await lasting.quiet_within(GONE_WITHIN_S)


async def test_a_caller_that_cancels_before_the_first_row_leaves_no_statement_behind(
    lasting: Any, connect: Callable[..., Any]
) -> None:
    call = stream(lasting, connect(lasting), "segments", "late")
    reading = asyncio.ensure_future(rest_of(call))
    await lasting.until(lambda: [row for row in lasting.busy() if "count(*)" in row[2]], why="it never began")

    call.cancel()

    await lasting.quiet_within(GONE_WITHIN_S)
    with suppress(asyncio.CancelledError):
        await reading


async def test_a_deadline_reaches_postgresql(lasting: Any, connect: Callable[..., Any]) -> None:
    started = time.monotonic()
    summary, error = await rest_of(stream(lasting, connect(lasting), "segments", "late", timeout=1.5))

    assert not summary
    assert error.code is StatusCode.DEADLINE_EXCEEDED
    assert time.monotonic() - started < 1.5 + GONE_WITHIN_S
    await lasting.quiet_within(GONE_WITHIN_S)


async def test_postgresql_itself_knows_the_deadline_and_keeps_it_when_the_gateway_stands_still(
    fragile: Any, connect: Callable[..., Any]
) -> None:
    call = stream(fragile, connect(fragile), "segments", "late", timeout=3)
    reading = asyncio.ensure_future(rest_of(call))
    # Not the EXPLAIN of it, which comes first.
    await fragile.until(lambda: [row for row in fragile.busy() if row[2].lstrip().startswith("SELECT count(*)")])

    os.kill(fragile.pid("gateway"), signal.SIGSTOP)  # so that nobody is there to cancel it
    try:
        await fragile.until(
            lambda: not [row for row in fragile.busy() if row[1] == "active"],
            3 + GATEWAYS_GRACE_S + GONE_WITHIN_S,
            "it still runs",
        )
        await reading
    finally:
        os.kill(fragile.pid("gateway"), signal.SIGCONT)


async def test_a_killed_gateway_is_unavailable_for_the_callers_of_segments_and_leaves_no_backend(
    fragile: Any, connect: Callable[..., Any]
) -> None:
    client = connect(fragile)
    call = stream(fragile, client, "segments")
    await rows_until(call, 1)
    assert await asyncio.to_thread(fragile.busy)

    fragile.kill("gateway")
    killed = time.monotonic()
    summary, error = await rest_of(call)

    assert not summary
    assert error.code is StatusCode.UNAVAILABLE
    assert error.domain == "segments.directflow"
    assert error.retry_after is not None
    assert time.monotonic() - killed < TOLD_WITHIN_S
    await fragile.quiet_within(GONE_AFTER_A_KILL_S)


async def test_sigterm_lets_a_running_stream_end_and_then_the_process_with_zero(
    fragile: Any, connect: Callable[..., Any]
) -> None:
    client = connect(fragile)
    call = stream(fragile, client, "segments")
    await rows_until(call, 1)

    os.kill(fragile.pid("segments"), signal.SIGTERM)
    summary, error = await rest_of(call)

    assert summary
    assert error is None
    for name in ("segments", "gateway"):
        process = fragile.services[name]._running()
        if name == "gateway":
            os.kill(fragile.pid(name), signal.SIGTERM)
        await fragile.until(lambda process=process: process.returncode is not None, 10, f"{name} does not end")
        assert process.returncode == 0
    await fragile.quiet_within(GONE_WITHIN_S)
