"""The port to the document store over gRPC, on the real gateway: documents unchanged, own errors, endless watches."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest
from directflow_runtime.channel import open_channel
from directflow_runtime.definitions.document import Document, SnapshotEnd
from directflow_runtime.errors import DirectFlowError, StatusCode
from directflow_runtime.settings import ChannelSettings
from directflow_segments.definitions.gateway import READ_METHODS, GrpcDocumentStore
from opentelemetry.trace import NoOpTracer

DEFAULT_TIMEOUT_S = 0.5
"""Of calls without a timeout of their own, so that a watch shows that it is none of them."""


@pytest.fixture
async def store(gateway_port: int) -> AsyncIterator[GrpcDocumentStore]:
    settings = ChannelSettings(target=f"127.0.0.1:{gateway_port}", default_timeout_s=20)
    async with open_channel(settings, NoOpTracer(), READ_METHODS) as channel:
        yield GrpcDocumentStore(channel, "dataSources")


@pytest.fixture
def document(workspace: str) -> Document:
    return Document(
        f"workspaces/{workspace}/dataSources/one",
        b"\x00body\xff",
        "application/x-test",
        references=(f"workspaces/{workspace}/connections/customer",),
        statements=(b"0" * 16, b"1" * 16),
        author="somebody",
    )


async def test_a_document_comes_back_as_it_was_put(store: GrpcDocumentStore, document: Document) -> None:
    put = await store.put(document)
    assert (put.body, put.content_type, put.author) == (document.body, document.content_type, "somebody")
    assert (bool(put.etag), put.revision > 0, put.save_time is not None, put.deleted) == (True, True, True, False)
    assert await store.get(document.name) == put
    assert await store.get(document.name, put.revision) == put


async def test_what_is_not_there_is_none_or_the_ports_own_error(store: GrpcDocumentStore, document: Document) -> None:
    assert await store.get(document.name) is None
    for call in (store.delete(document.name), store.revisions(document.name, 10, "")):
        with pytest.raises(DirectFlowError) as raised:
            await call
        assert (raised.value.code, raised.value.reason) == (StatusCode.NOT_FOUND, "DOCUMENT_NOT_FOUND")


async def test_a_tombstone_is_a_document(store: GrpcDocumentStore, document: Document) -> None:
    put = await store.put(document)
    revision = await store.delete(document.name, put.etag, "another")
    newest = await store.get(document.name)
    assert newest is not None
    assert (newest.deleted, newest.revision, newest.author) == (True, revision, "another")
    page = await store.revisions(document.name, 1, "")
    rest = await store.revisions(document.name, 1, page.next_page_token)
    assert (*page.documents, *rest.documents) == (newest, put)


async def test_a_reference_that_is_not_there_is_refused(store: GrpcDocumentStore, document: Document) -> None:
    gone = f"{document.references[0]}-gone"
    with pytest.raises(DirectFlowError) as raised:
        await store.put(Document(document.name, b"body", "application/x-test", references=(gone,)))
    assert (raised.value.code, raised.value.reason) == (StatusCode.FAILED_PRECONDITION, "REFERENCE_NOT_FOUND")


async def test_a_watch_outlives_every_timeout_and_tells_each_change(
    gateway_port: int, store: GrpcDocumentStore, document: Document
) -> None:
    first = await store.put(document)
    settings = ChannelSettings(target=f"127.0.0.1:{gateway_port}", default_timeout_s=DEFAULT_TIMEOUT_S)
    async with open_channel(settings, NoOpTracer()) as channel:
        watch = GrpcDocumentStore(channel, "dataSources").watch(0)
        async with aclosing(watch) as changes, asyncio.timeout(20):
            told: list[Any] = []
            while not isinstance(change := await anext(changes), SnapshotEnd):
                told.append(change)
            assert first in told
            await asyncio.sleep(2 * DEFAULT_TIMEOUT_S)
            revision = await store.delete(document.name, first.etag)
            while not isinstance(change := await anext(changes), Document):
                pass
            assert (change.name, change.revision, change.deleted) == (document.name, revision, True)


async def test_a_watch_of_what_is_no_ones_ends_with_the_gateways_reason(gateway_port: int) -> None:
    settings = ChannelSettings(target=f"127.0.0.1:{gateway_port}")
    async with open_channel(settings, NoOpTracer()) as channel:
        with pytest.raises(DirectFlowError) as raised:
            await anext(GrpcDocumentStore(channel, "connections").watch(0))
    assert raised.value.metadata["gateway_reason"] == "IDENTITY_NOT_ALLOWED"
