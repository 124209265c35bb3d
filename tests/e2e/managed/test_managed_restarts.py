"""A gateway that restarts under those who follow it: they go on, and miss nothing."""

import asyncio
import signal
from typing import Any

import pytest
from directflow.gateway.v1 import definition_service_pb2 as documents_pb
from directflow_cli.definitions.kinds import CONDITION, DATA_SOURCE
from directflow_runtime.errors import StatusCode

ENDS = [signal.SIGTERM, signal.SIGKILL]
CAUGHT_UP_S = 20.0


async def copies(clients: Any, prefix: str, count: int) -> set[str]:
    """New data sources and conditions, straight into the store through gateway-1: followers must hear of them."""
    for collection, id in (("dataSources", "people"), ("conditions", "adult")):
        request = documents_pb.GetDocumentRequest(name=f"workspaces/a/{collection}/{id}")
        document = await clients.documents(1).GetDocument(request, timeout=20)
        document.etag = ""
        for number in range(count):
            document.name = f"workspaces/a/{collection}/{prefix}-{number}"
            await clients.put(document, 1)
    return {f"{prefix}-{number}" for number in range(count)}


async def known_to(clients: Any, ids: set[str], replica: int) -> bool:
    found = await asyncio.gather(*(clients.ids(kind, replica=replica) for kind in (DATA_SOURCE, CONDITION)))
    return all(ids <= each for each in found)


@pytest.mark.parametrize("how", ENDS, ids=lambda how: how.name)
async def test_what_was_saved_before_during_and_after_a_restart_is_heard_of_by_everybody_who_follows(
    system: Any, clients: Any, eventually: Any, failure: Any, readiness: Any, how: signal.Signals
) -> None:
    async with readiness("segments-2", "conditions-2") as ready:
        before = await copies(clients, f"before-{how.name}", 5)
        await asyncio.to_thread(system.end, "gateway-2", how)

        # Definitions are read from memory; what needs the gateway says so.
        assert (await clients.get(DATA_SOURCE, "people", replica=2)).generator_sql
        error = await failure(clients.audience(replica=2))
        assert (error.code, error.reason) == (StatusCode.UNAVAILABLE, "GATEWAY_UNAVAILABLE")
        during = await copies(clients, f"during-{how.name}", 5)

        await asyncio.to_thread(system.again, "gateway-2")
        after = await copies(clients, f"after-{how.name}", 5)
        await eventually(lambda: known_to(clients, before | during | after, 2), CAUGHT_UP_S)

        async def works() -> bool:
            return len(await clients.audience(replica=2)) == 2_000 and await clients.evaluate("4", replica=2) == "TRUE"

        await eventually(works, CAUGHT_UP_S)
    assert ready.never_fell(), ready.seen


@pytest.mark.parametrize("how", ENDS, ids=lambda how: how.name)
async def test_who_saves_while_the_gateway_restarts_is_told_or_has_saved_once(
    system: Any, clients: Any, eventually: Any, how: signal.Signals
) -> None:
    """Whatever was acknowledged is there afterwards; what was not may be, once."""
    id, acknowledged, restarted = f"saved-{how.name}", [], asyncio.Event()
    first = await clients.create(DATA_SOURCE, id, clients.make_people("a", display_name="0"), replica=2)

    async def save() -> None:
        number = 0
        while not restarted.is_set():
            number += 1
            source = clients.make_people("a", display_name=str(number), name=first.name)
            saved = await eventually(lambda source=source: clients.update(DATA_SOURCE, source, 2))
            acknowledged.append((saved.revision, saved.display_name))

    saving = asyncio.create_task(save())
    await asyncio.sleep(0.2)
    await asyncio.to_thread(system.end, "gateway-2", how)
    await asyncio.to_thread(system.again, "gateway-2")
    restarted.set()
    await saving

    history = [(one.revision, one.data_source.display_name) for one in await clients.revisions(DATA_SOURCE, id)]
    assert len(set(history)) == len(history)
    assert set(acknowledged) <= set(history)
    assert history[0] == acknowledged[-1]
