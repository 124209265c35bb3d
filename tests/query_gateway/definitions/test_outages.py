"""What was acknowledged is there, whatever happens to the server; and saves go on when it is back."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import grpc
import pytest
from directflow_cli.dev.postgres import PostgresServer
from directflow_runtime.errors import StatusCode

UNAVAILABLE = (StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE")


@pytest.fixture(scope="module")
def server(postgres_installation: Any) -> Iterator[PostgresServer]:
    """A server of this module's own, which forgets nothing that it has acknowledged."""
    settings = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
    with PostgresServer.create(postgres_installation, settings) as one:
        yield one


async def healed(make_call: Any, within_s: float = 20) -> Any:
    """The answer of the first call that succeeds."""
    ends_at = time.monotonic() + within_s
    while True:
        with suppress(grpc.aio.AioRpcError):
            return await make_call()
        assert time.monotonic() < ends_at
        await asyncio.sleep(0.05)


async def test_what_was_acknowledged_outlives_a_kill_of_the_server(
    server: Any, own_database: Any, open_gateway: Any
) -> None:
    gateway = await open_gateway(server, own_database(server))
    acknowledged: dict[str, tuple[str, bytes]] = {}
    killed = asyncio.Event()

    async def write(id: str) -> None:
        etag, number = "", 0
        while not killed.is_set():
            with suppress(grpc.aio.AioRpcError):
                put = await gateway.put(id, b"%d" % number, etag=etag)
                etag, number = put.etag, number + 1
                acknowledged[id] = (put.etag, put.body)

    writing = [asyncio.create_task(write(f"document-{number}")) for number in range(4)]
    while len(acknowledged) < 4:  # noqa: ASYNC110  four writers, one look
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.3)
    await asyncio.to_thread(server.kill)
    killed.set()
    await asyncio.gather(*writing)
    await asyncio.to_thread(server.start)

    await healed(lambda: gateway.get("document-0"))
    for id, (etag, body) in acknowledged.items():
        # A save that was not acknowledged may have been committed: then the acknowledged one lies right behind it.
        saved = [(one.etag, one.body) for one in (await gateway.revisions(id, page_size=2)).documents]
        assert (etag, body) in saved


async def test_edits_fail_cleanly_while_the_database_is_away_and_go_on_when_it_is_back(
    server: Any, own_database: Any, open_gateway: Any
) -> None:
    gateway = await open_gateway(server, own_database(server))
    first = await gateway.put("one", b"1")
    stream = gateway.watch()
    await gateway.snapshot(stream)

    await asyncio.to_thread(server.stop)
    for call in (gateway.put("one", b"2", etag=first.etag), gateway.delete("one"), gateway.get("one")):
        error = await gateway.failure(call)
        assert (error.code, error.reason) == UNAVAILABLE
        assert error.retry_after
    error = await gateway.failure(gateway.told(stream))
    assert (error.code, error.reason) == UNAVAILABLE
    await asyncio.to_thread(server.start)

    second = await healed(lambda: gateway.put("one", b"2", etag=first.etag, request_id="again"))
    stream = await healed(lambda: watching(gateway, first.revision))
    assert (await gateway.told(stream)).document == second


async def watching(gateway: Any, after: int) -> Any:
    stream = gateway.watch(after=after)
    assert (await gateway.told(stream)).heartbeat == after
    return stream


async def test_a_session_killed_within_a_save_costs_neither_the_save_nor_a_second_one(gateway: Any) -> None:
    first = await gateway.put("one", b"1")
    user = f"{gateway.section['database']}_writer"
    with gateway.admin() as admin, gateway.admin() as locker:
        with locker.transaction():
            locker.execute("SELECT * FROM directflow.definition_counter FOR UPDATE")
            running = asyncio.create_task(gateway.put("one", b"2", etag=first.etag))
            killed = None
            while not killed:
                await asyncio.sleep(0.02)
                killed = admin.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    f" WHERE usename = '{user}' AND wait_event_type = 'Lock'"
                ).fetchone()
        answer = await running
    assert answer == await gateway.get("one")
    assert len((await gateway.revisions("one")).documents) == 2


async def test_two_replicas_that_save_the_same_document_lose_nothing(
    postgres: Any, shared_database: Any, open_gateway: Any, gateway: Any
) -> None:
    other = await open_gateway(postgres, shared_database)
    newest = await gateway.put("one", b"0")
    name = newest.name
    workspace = gateway.workspace
    for turn in range(1, 11):
        puts = [one.put("one", b"%d" % turn, etag=newest.etag, workspace=workspace) for one in (gateway, other)]
        outcomes = await asyncio.gather(*puts, return_exceptions=True)
        (newest,) = [one for one in outcomes if not isinstance(one, BaseException)]
        (lost,) = [one for one in outcomes if isinstance(one, grpc.aio.AioRpcError)]
        assert lost.code() is grpc.StatusCode.ABORTED
        assert newest.name == name
    assert [one.body for one in (await gateway.revisions("one")).documents] == [b"%d" % n for n in range(10, -1, -1)]


async def test_a_gateway_that_starts_without_its_database_is_not_ready_until_it_has_heard_of_every_definition(
    server: Any, own_database: Any, open_gateway: Any
) -> None:
    section = own_database(server)
    await asyncio.to_thread(server.stop)
    gateway = await open_gateway(server, section)
    ready = asyncio.create_task(gateway.app.ready())
    await asyncio.sleep(0.5)
    assert not ready.done()
    await asyncio.to_thread(server.start)
    async with asyncio.timeout(20):
        await ready


async def test_request_ids_are_forgotten_after_a_day(server: Any, own_database: Any, open_gateway: Any) -> None:
    gateway = await open_gateway(server, own_database(server))
    await gateway.put("old", request_id="a")
    await gateway.put("new", request_id="b")
    with gateway.admin() as admin:
        admin.execute(
            "UPDATE directflow.definition_requests SET save_time = now() - interval '25 hours' WHERE request_id = 'a'"
        )
    await open_gateway(server, gateway.section)  # tends once it has prepared

    async with asyncio.timeout(20):
        while gateway.rows("SELECT request_id FROM directflow.definition_requests") != [("b",)]:  # noqa: ASYNC110  another process
            await asyncio.sleep(0.05)
