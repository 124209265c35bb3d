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
COPIES = 5


async def copies(clients: Any, prefix: str) -> set[str]:
    """New data sources and conditions, straight into the store through gateway-1: followers must hear of them."""
    for collection, id in (("dataSources", "people"), ("conditions", "adult")):
        request = documents_pb.GetDocumentRequest(name=f"workspaces/a/{collection}/{id}")
        document = await clients.documents(1).GetDocument(request, timeout=20)
        document.etag = ""
        for number in range(COPIES):
            document.name = f"workspaces/a/{collection}/{prefix}-{number}"
            await clients.put(document, 1)
    return {f"{prefix}-{number}" for number in range(COPIES)}


async def known_to(clients: Any, ids: set[str], replica: int) -> bool:
    found = await asyncio.gather(*(clients.ids(kind, replica=replica) for kind in (DATA_SOURCE, CONDITION)))
    return all(ids <= each for each in found)


class Editor:
    """Saves through the gateway that restarts, again and again, and starts over when he is told that it is away."""

    def __init__(self, clients: Any, eventually: Any, id: str) -> None:
        self._clients, self._eventually, self._id = clients, eventually, id
        self.acknowledged: list[tuple[int, str]] = []
        self._enough = asyncio.Event()

    async def __aenter__(self) -> "Editor":
        source = self._clients.make_people("a", display_name="0")
        self._name = (await self._clients.create(DATA_SOURCE, self._id, source, replica=2)).name
        self._task = asyncio.create_task(self._save())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._enough.set()
        await self._task

    async def _save(self) -> None:
        number = 0
        while not self._enough.is_set():
            number += 1
            source = self._clients.make_people("a", display_name=str(number), name=self._name)
            saved = await self._eventually(lambda source=source: self._clients.update(DATA_SOURCE, source, 2))
            self.acknowledged.append((saved.revision, saved.display_name))


@pytest.mark.parametrize("how", ENDS, ids=lambda how: how.name)
async def test_who_follows_a_gateway_that_restarts_goes_on_and_hears_of_everything(
    system: Any, clients: Any, eventually: Any, failure: Any, readiness: Any, how: signal.Signals
) -> None:
    saved = f"saved-{how.name}"
    async with readiness("segments-2", "conditions-2") as ready, Editor(clients, eventually, saved) as editor:
        before = await copies(clients, f"before-{how.name}")
        await asyncio.to_thread(system.end, "gateway-2", how)

        # Definitions are read from memory; what needs the gateway says so.
        assert (await clients.get(DATA_SOURCE, "people", replica=2)).generator_sql
        error = await failure(clients.audience(replica=2))
        assert (error.code, error.reason) == (StatusCode.UNAVAILABLE, "GATEWAY_UNAVAILABLE")
        during = await copies(clients, f"during-{how.name}")

        await asyncio.to_thread(system.again, "gateway-2")
        after = await copies(clients, f"after-{how.name}")
        await eventually(lambda: known_to(clients, before | during | after, 2), CAUGHT_UP_S)

        async def works() -> bool:
            return len(await clients.audience(replica=2)) == 2_000 and await clients.evaluate("4", replica=2) == "TRUE"

        await eventually(works, CAUGHT_UP_S)
        acknowledged = len(editor.acknowledged)
        await eventually(lambda: asyncio.sleep(0, len(editor.acknowledged) > acknowledged))
    assert ready.never_fell(), ready.seen

    # What was acknowledged is in the history, once; a save whose answer was lost may be there as well.
    revisions = await clients.revisions(DATA_SOURCE, saved)
    history = [(one.revision, one.data_source.display_name) for one in revisions]
    assert len(set(history)) == len(history)
    assert set(editor.acknowledged) <= set(history)
    assert history[0] == editor.acknowledged[-1]
