"""The definitions, or the gateway, away: what is known is served, edits say so, and everything heals by itself."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from directflow_cli.dev.postgres import PostgresServer
from directflow_runtime.errors import StatusCode


@pytest.fixture(scope="module")
def store_server(postgres_installation: Any) -> Iterator[PostgresServer]:
    """A server for the definitions alone, to stop."""
    with PostgresServer.create(postgres_installation) as server:
        yield server


async def test_audiences_stream_while_the_definitions_are_away_and_edits_say_so(
    store_server: PostgresServer, own_database: Any, start_gateway: Any, start_segments: Any
) -> None:
    port = await start_gateway(own_database(store_server))
    segments = await start_segments(port)
    other = await start_segments(port)
    saved = await segments.create("communities")
    everybody = await segments.people("communities")
    await asyncio.to_thread(store_server.stop)
    try:
        assert await segments.people("communities") == everybody
        assert await segments.get("communities") == saved
        assert await segments.ids() == (["communities"], "")
        for call in (
            segments.create("other"),
            segments.update(saved),
            segments.delete("communities"),
            segments.rollback("communities", saved.revision),
            segments.revisions("communities"),
        ):
            error = await segments.refused(call)
            assert (error.code, error.reason) == (StatusCode.UNAVAILABLE, "GATEWAY_UNAVAILABLE")
            assert error.metadata["gateway_reason"] == "STORE_UNAVAILABLE"
            assert error.retry_after
    finally:
        await asyncio.to_thread(store_server.start)
    saved.display_name = "After the outage"

    async def edited() -> Any:
        return await segments.update(saved)

    changed = await segments.until(edited)

    async def heard() -> Any:
        return await other.get("communities") == changed

    await segments.until(heard)


async def test_a_replica_that_starts_while_the_definitions_are_away_waits_for_them(
    store_server: PostgresServer, own_database: Any, start_gateway: Any, build_segments: Any, start_segments: Any
) -> None:
    port = await start_gateway(own_database(store_server))
    saved = await (await start_segments(port)).create("communities")
    await asyncio.to_thread(store_server.stop)
    try:
        app = await build_segments(port)
        waiting = asyncio.create_task(app.ready())
        await asyncio.wait([waiting], timeout=1.0)
        assert not waiting.done()
    finally:
        await asyncio.to_thread(store_server.start)
    async with asyncio.timeout(20):
        await waiting
    assert await (await start_segments(port)).get("communities") == saved


async def test_a_gateway_that_comes_back_elsewhere_is_followed_again(
    store_server: PostgresServer, own_database: Any, start_gateway: Any, start_segments: Any
) -> None:
    section = own_database(store_server)
    first = await start_gateway(section)
    segments = await start_segments(first)
    await segments.create("before")
    await start_gateway.stop(first)
    error = await segments.refused(segments.create("meanwhile"))
    assert error.code == StatusCode.UNAVAILABLE
    assert await segments.ids() == (["before"], "")
    other = await start_segments(await start_gateway(section))
    saved = await other.create("after")
    again = await start_gateway(section, server={"port": first})
    assert again == first

    async def heard() -> Any:
        return await segments.get("after") == saved

    await segments.until(heard)
