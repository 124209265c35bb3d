"""What every DocumentStore keeps: the one in memory, the gateway's own, and the gateway's over gRPC."""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from directflow_cli.dev import directflow_database
from directflow_cli.dev.postgres import PostgresServer
from directflow_gateway import app
from directflow_gateway.config import GatewaySettings
from directflow_gateway.definitions.settings import DefinitionSettings
from directflow_gateway.definitions.store import CollectionStore, DefinitionStore
from directflow_gateway.directflow_database import DirectFlowDatabase, DirectFlowDatabaseSettings, migrate
from directflow_gateway.execution import Watchdog
from directflow_runtime.calls import Call
from directflow_runtime.channel import open_channel
from directflow_runtime.definitions.document import Change, Document, Heartbeat, SnapshotEnd
from directflow_runtime.definitions.store import DocumentStore
from directflow_runtime.errors import DirectFlowError
from directflow_runtime.settings import ChannelSettings
from directflow_segments.definitions.gateway import GrpcDocumentStore
from opentelemetry.trace import NoOpTracer

COLLECTION = "dataSources"


@pytest.fixture(scope="module")
def section(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A database of DirectFlow's own, as the settings name it."""
    folder: Path = tmp_path_factory.mktemp("credentials")
    made = directflow_database.create(postgres, f"own_{time.monotonic_ns()}")
    for name, role in made.roles.items():
        (folder / f"{name}.json").write_text(json.dumps({"username": role.name, "password": role.password}))
    credentials = {f"{name}_credential": str(folder / f"{name}.json") for name in made.roles}
    return {"host": made.host, "port": made.port, "database": made.database, "sslmode": "disable", **credentials}


async def in_database(section: dict[str, Any], stack: AsyncExitStack) -> DocumentStore:
    watchdog = Watchdog()
    stack.callback(watchdog.close)
    database = DirectFlowDatabase(DirectFlowDatabaseSettings.model_validate(section), watchdog, NoOpTracer())
    stack.push_async_callback(database.aclose)
    await migrate(database, time.monotonic() + 20)

    async def ready() -> None:
        pass

    store = DefinitionStore(database, DefinitionSettings(), ready)
    stack.push_async_callback(store.feed.aclose)
    store.feed.start()
    return CollectionStore(store, COLLECTION)


async def over_grpc(section: dict[str, Any], stack: AsyncExitStack) -> DocumentStore:
    given = {"identity": {"allow_development": True}, "credentials": {"path": "/nowhere/{workspace}/{connection}"}}
    settings = GatewaySettings.model_validate({**given, "directflow_database": section})
    built = await app.build(settings, stack)
    await built.server.start()
    stack.push_async_callback(built.server.stop, 0)
    channel = open_channel(ChannelSettings(target=f"127.0.0.1:{built.server.port}"), NoOpTracer())
    stack.push_async_callback(channel.close)
    return GrpcDocumentStore(channel, COLLECTION)


@pytest.fixture(params=["memory", "database", "grpc"])
async def store(request: pytest.FixtureRequest, memory: Any, call: Call) -> AsyncIterator[DocumentStore]:
    if request.param == "memory":
        yield memory
        return
    section = request.getfixturevalue("section")
    async with AsyncExitStack() as stack:
        yield await (in_database if request.param == "database" else over_grpc)(section, stack)


@pytest.fixture
def one() -> Document:
    """Of a workspace of the test's own."""
    return Document(f"workspaces/w{uuid.uuid4().hex[:12]}/{COLLECTION}/one", b"1", "text/plain", statements=(b"s",))


def beside(document: Document, id: str, **more: Any) -> Document:
    return replace(document, name=document.name.rpartition("/")[0] + "/" + id, **more)


async def reason_of(call: Any) -> str:
    with pytest.raises(DirectFlowError) as raised:
        await call
    return raised.value.reason


async def test_what_is_put_is_got(store: DocumentStore, one: Document) -> None:
    assert await store.get(one.name) is None
    put = await store.put(replace(one, author="ada"))
    assert await store.get(one.name) == put
    assert (put.body, put.content_type, put.statements, put.author) == (b"1", "text/plain", (b"s",), "ada")
    assert put.etag
    assert put.revision > 0
    assert put.save_time is not None


async def test_an_empty_etag_creates_and_no_more(store: DocumentStore, one: Document) -> None:
    await store.put(one)
    assert await reason_of(store.put(one)) == "ALREADY_EXISTS"


async def test_any_other_etag_must_be_the_newest(store: DocumentStore, one: Document) -> None:
    assert await reason_of(store.put(replace(one, etag="made-up"))) == "ETAG_MISMATCH"
    first = await store.put(one)
    second = await store.put(replace(first, body=b"2"))
    assert second.etag != first.etag
    assert second.revision > first.revision
    assert await reason_of(store.put(replace(first, body=b"3"))) == "ETAG_MISMATCH"


async def test_a_request_that_is_known_gets_its_first_result(store: DocumentStore, one: Document) -> None:
    first = await store.put(one, "request")
    await store.put(first)
    assert await store.put(one, "request") == first


async def test_a_deletion_is_a_revision_and_ends_nothing(store: DocumentStore, one: Document) -> None:
    put = await store.put(one)
    revision = await store.delete(one.name, put.etag, "ada")

    tombstone = await store.get(one.name)
    assert tombstone is not None
    assert (tombstone.deleted, tombstone.revision, tombstone.author) == (True, revision, "ada")
    assert await store.get(one.name, put.revision) == put
    assert await store.get(one.name, 2**40) is None
    assert await reason_of(store.delete(one.name)) == "DOCUMENT_NOT_FOUND"
    assert (await store.put(one)).revision > revision


async def test_a_deletion_of_another_etag_is_refused(store: DocumentStore, one: Document) -> None:
    first = await store.put(one)
    await store.put(first)
    assert await reason_of(store.delete(one.name, first.etag)) == "ETAG_MISMATCH"


async def test_what_is_used_stays_until_nobody_uses_it(store: DocumentStore, one: Document) -> None:
    user = beside(one, "user", references=(one.name,))
    assert await reason_of(store.put(user)) == "REFERENCE_NOT_FOUND"
    await store.put(one)
    saved = await store.put(user)
    assert saved.references == (one.name,)
    assert await reason_of(store.delete(one.name)) == "RESOURCE_IN_USE"
    await store.delete(user.name)
    await store.delete(one.name)
    assert await reason_of(store.put(user)) == "REFERENCE_NOT_FOUND"


async def test_revisions_are_listed_newest_first(store: DocumentStore, one: Document) -> None:
    assert await reason_of(store.revisions(one.name, 10, "")) == "DOCUMENT_NOT_FOUND"
    first = await store.put(one)
    second = await store.put(replace(first, body=b"2"))
    deleted = await store.delete(one.name)

    page = await store.revisions(one.name, 2, "")
    rest = await store.revisions(one.name, 2, page.next_page_token)

    assert [document.revision for document in page.documents] == [deleted, second.revision]
    assert rest.documents == (first,)
    assert not rest.next_page_token
    assert await reason_of(store.revisions(one.name, 2, "nonsense")) == "PAGE_TOKEN_INVALID"


async def told(changes: AsyncGenerator[Change], workspace: str, kind: type[Change] = Document) -> Any:
    """The next change of that kind; of documents, those of the workspace."""
    async with asyncio.timeout(10):
        while True:
            change = await anext(changes)
            if isinstance(change, kind) and not (isinstance(change, Document) and change.workspace != workspace):
                return change


async def test_a_watch_tells_a_snapshot_and_every_change_behind_it(store: DocumentStore, one: Document) -> None:
    first = await store.put(one)
    gone = await store.put(beside(one, "gone"))
    await store.delete(gone.name)
    async with aclosing(store.watch(0)) as changes:
        assert await told(changes, one.workspace) == first
        end = await told(changes, one.workspace, SnapshotEnd)
        assert end.revision > gone.revision

        second = await store.put(replace(first, body=b"2"))
        assert await told(changes, one.workspace) == second
        revision = await store.delete(one.name)
        tombstone = await told(changes, one.workspace)
        assert (tombstone.name, tombstone.revision, tombstone.deleted) == (one.name, revision, True)


async def test_a_watch_goes_on_behind_a_revision(store: DocumentStore, one: Document) -> None:
    first = await store.put(one)
    second = await store.put(replace(first, body=b"2"))
    third = await store.put(replace(second, body=b"3"))
    async with aclosing(store.watch(first.revision)) as changes:
        assert isinstance(await anext(changes), Heartbeat)
        assert [await told(changes, one.workspace) for _ in range(2)] == [second, third]


async def test_a_watch_refuses_a_revision_that_the_store_never_had(store: DocumentStore, one: Document) -> None:
    put = await store.put(one)
    with pytest.raises(DirectFlowError) as raised:
        async with aclosing(store.watch(put.revision + 1_000_000)) as changes:
            await anext(changes)
    assert "COMPACTED" in (raised.value.reason, raised.value.metadata.get("gateway_reason"))
