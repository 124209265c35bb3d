"""The definitions away: what is known is evaluated, edits say so, and everything heals by itself."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from directflow_cli.dev.postgres import PostgresServer
from directflow_runtime.errors import StatusCode

HEALED_S = 20.0
"""Less than the 30 s after which a gateway tries a refused login again: an outage must not be taken for one."""


@pytest.fixture(scope="module")
def store_server(postgres_installation: Any) -> Iterator[PostgresServer]:
    """A server for the definitions alone, to stop."""
    with PostgresServer.create(postgres_installation) as server:
        yield server


async def test_evaluation_goes_on_while_the_definitions_are_away_and_edits_fail_cleanly(
    store_server: PostgresServer, own_database: Any, start_gateway: Any, start_conditions: Any
) -> None:
    port = await start_gateway(own_database(store_server))
    conditions, other = await start_conditions(port), await start_conditions(port)
    saved = await conditions.create("is_premium")
    everybody = list((await conditions.batch("is_premium")).evaluations.decided)
    await asyncio.to_thread(store_server.stop)
    try:
        assert (await conditions.evaluate("is_premium")).revision == saved.revision
        assert list((await conditions.batch("is_premium")).evaluations.decided) == everybody
        assert await conditions.get("is_premium") == saved
        assert await conditions.ids() == (["is_premium"], "")
        for call in (
            conditions.create("other"),
            conditions.create("of", conditions.all_of("unheard")),
            conditions.update(saved),
            conditions.delete("is_premium"),
            conditions.rollback("is_premium", saved.revision),
            conditions.revisions("is_premium"),
        ):
            error = await conditions.refused(call)
            assert (error.code, error.reason) == (StatusCode.UNAVAILABLE, "GATEWAY_UNAVAILABLE")
            assert error.metadata["gateway_reason"] == "STORE_UNAVAILABLE"
            assert error.retry_after
    finally:
        await asyncio.to_thread(store_server.start)
    saved.display_name = "After the outage"
    changed = await conditions.until(lambda: conditions.update(saved), HEALED_S)

    async def heard() -> bool:
        return bool(await other.get("is_premium") == changed)

    await other.until(heard, HEALED_S)


async def test_a_replica_that_starts_while_the_definitions_are_away_waits_for_them(
    store_server: PostgresServer, own_database: Any, start_gateway: Any, build_conditions: Any, start_conditions: Any
) -> None:
    port = await start_gateway(own_database(store_server))
    saved = await (await start_conditions(port)).create("is_premium")
    await asyncio.to_thread(store_server.stop)
    try:
        app = await build_conditions(port)
        waiting = asyncio.create_task(app.ready())
        await asyncio.wait([waiting], timeout=0.5)
        assert not waiting.done()
    finally:
        await asyncio.to_thread(store_server.start)
    async with asyncio.timeout(HEALED_S):
        await waiting
    assert await (await start_conditions(port)).get("is_premium") == saved


async def test_a_gateway_without_a_store_serves_what_stands_in_the_settings_file(
    start_gateway: Any, start_conditions: Any, workspace: str
) -> None:
    port = await start_gateway(None)
    fixed = {"name": f"workspaces/{workspace}/conditions/fixed", "expression": {"negation": "half"}}
    half = {"name": f"workspaces/{workspace}/conditions/half", "engagement": {"bucket": {"salt": "x", "last": 4_999}}}
    conditions = await start_conditions(port, conditions=[half, fixed])
    assert (await conditions.ids())[0] == ["fixed", "half"]
    error = await conditions.refused(conditions.create("c"))
    assert error.reason in ("GATEWAY_REFUSED", "GATEWAY_UNAVAILABLE", "STORE_NOT_CONFIGURED")
