"""A watch tells a snapshot, then every change in the order of its revision, and nothing twice."""

import asyncio
import random
from typing import Any

import grpc
import pytest
from directflow.gateway.v1 import definition_service_pb2 as pb
from directflow_runtime.errors import StatusCode
from directflow_runtime.remote import remote_error


async def test_a_watch_begins_with_what_is_there_and_goes_on_with_every_change(gateway: Any) -> None:
    kept, gone = await gateway.put("kept"), await gateway.put("gone")
    await gateway.delete("gone")
    newer = await gateway.put("kept", b"2", etag=kept.etag)

    stream = gateway.watch()
    documents, revision = await gateway.snapshot(stream)

    assert [one for one in documents if gateway.workspace in one.name] == [newer]
    assert revision >= newer.revision > gone.revision
    added = await gateway.put("added")
    assert (await gateway.told(stream)).document == added
    deleted = await gateway.delete("kept", newer.etag)
    tombstone = (await gateway.told(stream)).document
    assert (tombstone.name, tombstone.revision, tombstone.deleted) == (kept.name, deleted.revision, True)


async def test_a_watch_goes_on_behind_the_revision_that_its_client_knows(gateway: Any) -> None:
    first = await gateway.put("one")
    missed = [await gateway.put("two"), await gateway.put("one", b"2", etag=first.etag)]

    stream = gateway.watch(after=first.revision)

    assert (await gateway.told(stream)).heartbeat == first.revision
    assert [(await gateway.told(stream)).document for _ in missed] == missed


async def test_a_change_of_another_collection_is_told_to_nobody_else(gateway: Any) -> None:
    stream = gateway.watch(collection="conditions")
    await gateway.snapshot(stream)
    await gateway.put("one")
    ours = await gateway.put("one", collection="conditions")
    assert (await gateway.told(stream)).document == ours


async def test_a_heartbeat_says_how_far_everything_has_been_told(gateway: Any) -> None:
    stream = gateway.watch(collection="conditions", heartbeat_s=1)
    await gateway.snapshot(stream)
    put = await gateway.put("one")
    while (message := await gateway.told(stream)).heartbeat < put.revision:
        assert message.WhichOneof("message") == "heartbeat"


async def test_others_changes_put_off_no_heartbeat(gateway: Any) -> None:
    stream = gateway.watch(collection="conditions", heartbeat_s=1)
    await gateway.snapshot(stream)
    beat = asyncio.create_task(gateway.told(stream))
    put = await gateway.put("one")
    while not beat.done():
        put = await gateway.put("one", etag=put.etag)
        await asyncio.sleep(0.05)
    assert beat.result().WhichOneof("message") == "heartbeat"


async def test_a_revision_from_the_future_is_refused(gateway: Any) -> None:
    """A backup was restored."""
    put = await gateway.put("one")
    error = await gateway.failure(gateway.told(gateway.watch(after=put.revision + 1_000_000)))
    assert (error.code, error.reason) == (StatusCode.OUT_OF_RANGE, "COMPACTED")


async def test_a_store_that_goes_back_ends_the_watches_that_are_ahead(
    postgres: Any, own_database: Any, open_gateway: Any
) -> None:
    gateway = await open_gateway(postgres, own_database(postgres))
    await gateway.put("one")
    await gateway.put("two")
    stream = gateway.watch()
    await gateway.snapshot(stream)
    with gateway.admin() as admin:
        admin.execute("UPDATE directflow.definition_counter SET revision = 1")

    error = await gateway.failure(gateway.told(stream))

    assert error.reason == "COMPACTED"


async def test_a_watch_shows_the_workspaces_that_its_client_may_use(
    postgres: Any, shared_database: Any, open_gateway: Any, gateway: Any
) -> None:
    mine, other = f"{gateway.workspace}a", f"{gateway.workspace}b"
    callers = [{"name": "development", "services": ["directflow."], "workspaces": [mine]}]
    narrow = await open_gateway(postgres, shared_database, callers=callers)
    await gateway.put("one", workspace=other)
    seen = await gateway.put("one", workspace=mine)

    stream = narrow.watch()
    assert await gateway.snapshot(stream) == ([seen], seen.revision)

    await gateway.put("two", workspace=other)
    next_seen = await gateway.put("two", workspace=mine)
    assert (await gateway.told(stream)).document == next_seen


async def test_another_replica_tells_a_change_within_a_second(
    postgres: Any, shared_database: Any, open_gateway: Any, gateway: Any
) -> None:
    other = await open_gateway(postgres, shared_database)
    stream = other.watch()
    await gateway.snapshot(stream)
    put = await gateway.put("one")
    assert (await gateway.told(stream, within_s=1.0)).document == put


async def test_documents_of_any_size_come_through_a_watch(gateway: Any) -> None:
    stream = gateway.watch()
    await gateway.snapshot(stream)
    puts = [await gateway.put(f"large-{number}", bytes([number]) * 1_048_576) for number in range(3)]
    assert [(await gateway.told(stream)).document for _ in puts] == puts
    again, _ = await gateway.snapshot(gateway.watch())
    assert [one for one in again if gateway.workspace in one.name] == puts


async def test_a_client_that_does_not_read_holds_up_nobody(gateway: Any) -> None:
    idle, reading = gateway.watch(), gateway.watch()
    await gateway.snapshot(idle)
    await gateway.snapshot(reading)
    puts = [await gateway.put(f"large-{number}", bytes([number]) * 1_048_576) for number in range(8)]
    assert [(await gateway.told(reading)).document for _ in puts] == puts
    assert [(await gateway.told(idle)).document for _ in puts] == puts  # and loses nothing by it


class Client:
    """Follows as a service would, and leaves and comes back at random."""

    def __init__(self, gateways: list[Any]) -> None:
        self._gateways = gateways
        self.position = 0
        self.seen: list[int] = []

    async def follow(self, last: asyncio.Future[int]) -> None:
        while not last.done() or self.position < last.result():
            stream = random.choice(self._gateways).watch(after=self.position, heartbeat_s=1)
            for _ in range(random.randint(1, 30)):
                self._heed(await self._gateways[0].told(stream))
                if last.done() and self.position >= last.result():
                    break
            stream.cancel()

    def _heed(self, message: Any) -> None:
        match message.WhichOneof("message"):
            case "document":
                self.seen.append(message.document.revision)
                if self.position:  # within a snapshot there is no position to come back to
                    self.position = message.document.revision
            case "snapshot_end":
                self.position = message.snapshot_end
            case "heartbeat":
                self.position = max(self.position, message.heartbeat)


async def test_no_commit_is_lost_to_watches_that_come_and_go_while_many_write(
    postgres: Any, own_database: Any, open_gateway: Any
) -> None:
    section = own_database(postgres)
    gateways = [await open_gateway(postgres, section) for _ in range(2)]
    await gateways[0].put("first")
    clients = [Client(gateways) for _ in range(4)]
    for client in clients:
        _, client.position = await gateways[0].snapshot(random.choice(gateways).watch())
    last: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    following = [asyncio.create_task(client.follow(last)) for client in clients]

    async def write(gateway: Any, id: str) -> list[int]:
        put, revisions = await gateway.put(id), []
        for _ in range(15):
            revisions.append(put.revision)
            put = await gateway.put(id, etag=put.etag)
        return [*revisions, put.revision]

    written = await asyncio.gather(*(write(gateways[n % 2], f"document-{n}") for n in range(8)))
    every = sorted(revision for revisions in written for revision in revisions)
    last.set_result(every[-1])
    await asyncio.gather(*following)

    assert every == list(range(every[0], every[-1] + 1))
    for client in clients:
        assert client.seen == every


@pytest.mark.parametrize("heartbeat_s", [0.5, 61])
async def test_a_heartbeat_out_of_range_is_refused(gateway: Any, heartbeat_s: float) -> None:
    error = await gateway.failure(gateway.told(gateway.watch(after=-1, heartbeat_s=heartbeat_s)))
    assert error.reason == "INVALID_REQUEST"
    assert [violation.field for violation in error.violations] == ["after_revision", "heartbeat_interval"]


async def test_a_watch_ends_when_its_gateway_stops(gateway: Any, postgres: Any) -> None:
    stream = gateway.watch()
    await gateway.snapshot(stream)
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await asyncio.gather(gateway.told(stream), gateway.stop())
    assert remote_error(raised.value).reason == "DRAINING"


async def test_a_call_without_a_deadline_is_refused_but_a_watch_is_not(gateway: Any) -> None:
    request = pb.GetDocumentRequest(name=gateway.name("one"))
    assert (await gateway.failure(gateway.stub.GetDocument(request))).reason == "DEADLINE_REQUIRED"
    await gateway.snapshot(gateway.watch())
