"""The store as connections need it: a deleted document still tells what it held."""

from collections.abc import AsyncGenerator
from dataclasses import replace

from directflow_runtime.definitions.document import Change, Document
from directflow_runtime.definitions.store import DocumentStore, RevisionPage

_ENOUGH = 2
"""Revisions to look at: a tombstone comes behind something that was there."""


class LastBodies:
    """A `DocumentStore` whose tombstones hold the body of the revision before them.

    Somebody could delete a connection and create it again under the same name with a host of his own; what the
    credential belonged to must be known then.
    """

    def __init__(self, store: DocumentStore) -> None:
        self._store = store

    async def get(self, name: str, revision: int = 0) -> Document | None:
        """As the store's."""
        document = await self._store.get(name, revision)
        if document is None or not document.deleted or document.body:
            return document
        page = await self._store.revisions(name, _ENOUGH, "")
        bodies = (earlier.body for earlier in page.documents if not earlier.deleted)
        return replace(document, body=next(bodies, b""))

    async def put(self, document: Document, request_id: str = "") -> Document:
        """As the store's."""
        return await self._store.put(document, request_id)

    async def delete(self, name: str, etag: str = "", author: str = "") -> int:
        """As the store's."""
        return await self._store.delete(name, etag, author)

    async def revisions(self, name: str, page_size: int, page_token: str) -> RevisionPage:
        """As the store's."""
        return await self._store.revisions(name, page_size, page_token)

    def watch(self, after_revision: int) -> AsyncGenerator[Change]:
        """As the store's."""
        return self._store.watch(after_revision)
