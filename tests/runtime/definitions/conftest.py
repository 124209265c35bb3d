"""A document store in memory. It passes the same tests as the gateway's own: see test_store_contract.py."""

import asyncio
import hashlib
import time
from collections.abc import AsyncGenerator, Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from directflow_runtime.calls import Call, call_scope
from directflow_runtime.definitions.document import Change, Document, Heartbeat, SnapshotEnd
from directflow_runtime.definitions.paging import position, token_at
from directflow_runtime.definitions.store import RevisionPage
from directflow_runtime.errors import DirectFlowError, StatusCode

HEARTBEAT_S = 0.1


def failure(code: StatusCode, reason: str) -> DirectFlowError:
    return DirectFlowError(code, reason, reason.lower())


class MemoryStore:
    """A `DocumentStore`. `away` is raised by every method, and ends watches, for as long as it is set."""

    def __init__(self) -> None:
        self.revision = 0
        self.away: DirectFlowError | None = None
        self.watches: list[int] = []
        """Where each watch began."""
        self._revisions: list[Document] = []
        self._requests: dict[tuple[str, str], Document] = {}
        self._changed = asyncio.Event()

    async def get(self, name: str, revision: int = 0) -> Document | None:
        self._check()
        return next((one for one in self._of(name) if revision in (0, one.revision)), None)

    async def put(self, document: Document, request_id: str = "") -> Document:
        self._check()
        earlier = self._requests.get((document.name, request_id))
        if request_id and earlier is not None:
            return earlier
        newest = self._live(document.name)
        if not document.etag and newest is not None:
            raise failure(StatusCode.ALREADY_EXISTS, "ALREADY_EXISTS")
        if document.etag and (newest is None or newest.etag != document.etag):
            raise failure(StatusCode.ABORTED, "ETAG_MISMATCH")
        if any(self._live(reference) is None for reference in document.references):
            raise failure(StatusCode.FAILED_PRECONDITION, "REFERENCE_NOT_FOUND")
        saved = self._keep(document)
        self._requests[document.name, request_id] = saved
        return saved

    async def delete(self, name: str, etag: str = "", author: str = "") -> int:
        self._check()
        newest = self._live(name)
        if newest is None:
            raise failure(StatusCode.NOT_FOUND, "DOCUMENT_NOT_FOUND")
        if etag and newest.etag != etag:
            raise failure(StatusCode.ABORTED, "ETAG_MISMATCH")
        if any(name in one.references for one in self._newest() if one.name != name):
            raise failure(StatusCode.FAILED_PRECONDITION, "RESOURCE_IN_USE")
        return self._keep(Document(name, author=author, deleted=True)).revision

    async def revisions(self, name: str, page_size: int, page_token: str) -> RevisionPage:
        self._check()
        below = int(position(page_token, name)) if page_token else self.revision + 1
        if not self._of(name):
            raise failure(StatusCode.NOT_FOUND, "DOCUMENT_NOT_FOUND")
        found = [one for one in self._of(name) if one.revision < below]
        shown = tuple(found[:page_size])
        return RevisionPage(shown, token_at(str(shown[-1].revision), name) if len(found) > page_size else "")

    async def watch(self, after_revision: int) -> AsyncGenerator[Change]:
        self.watches.append(after_revision)
        self._check()
        if after_revision > self.revision:
            raise failure(StatusCode.OUT_OF_RANGE, "COMPACTED")
        known = after_revision
        if known == 0:
            known = self.revision
            for document in self._newest():
                yield document
                self._check()
            yield SnapshotEnd(known)
        else:
            yield Heartbeat(known)
        while True:
            if self.revision < known:
                raise failure(StatusCode.OUT_OF_RANGE, "COMPACTED")
            for document in [one for one in self._revisions if one.revision > known]:
                yield document
                known = document.revision
            try:
                async with asyncio.timeout(HEARTBEAT_S):
                    await self._changed.wait()
            except TimeoutError:
                yield Heartbeat(known)
            self._check()

    def go_away(self, error: DirectFlowError | None) -> None:
        """Raises `error` from now on; None: is back."""
        self.away = error
        self._wake()

    def restore(self, revision: int) -> None:
        """Goes back to a backup."""
        self._revisions = [one for one in self._revisions if one.revision <= revision]
        self.revision = revision
        self._wake()

    def _check(self) -> None:
        if self.away is not None:
            away = self.away
            raise DirectFlowError(away.code, away.reason, away.message, metadata=away.metadata)

    def _keep(self, document: Document) -> Document:
        self.revision += 1
        etag = f"{self.revision}-{hashlib.sha256(document.body).hexdigest()[:8]}"
        saved = replace(document, etag=etag, revision=self.revision, save_time=datetime.now(UTC))
        self._revisions.append(saved)
        self._wake()
        return saved

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def _of(self, name: str) -> list[Document]:
        return [one for one in reversed(self._revisions) if one.name == name]

    def _live(self, name: str) -> Document | None:
        newest = next(iter(self._of(name)), None)
        return None if newest is None or newest.deleted else newest

    def _newest(self) -> list[Document]:
        newest = {one.name: one for one in self._revisions}
        return sorted((one for one in newest.values() if not one.deleted), key=lambda one: one.revision)


@pytest.fixture
def memory() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def call() -> Iterator[Call]:
    """What runs here runs for a call of "ada", as behind the interceptors."""
    with call_scope(Call(time.monotonic() + 30, "ada", frozenset({"*"}), "0" * 32, "0" * 16, "t/T", True)) as one:
        yield one
