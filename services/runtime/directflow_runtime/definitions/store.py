"""The port to the store of documents, which is the gateway's: over gRPC for two services, at hand for itself."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Protocol

from directflow_runtime.definitions.document import Change, Document


@dataclass(frozen=True, slots=True)
class RevisionPage:
    """Some revisions of one document, newest first."""

    documents: tuple[Document, ...]
    next_page_token: str = ""


class DocumentStore(Protocol):
    """Documents by name, with every revision kept. Each method may raise STORE_UNAVAILABLE or what stands for it."""

    async def get(self, name: str, revision: int = 0) -> Document | None:
        """The newest revision, a tombstone too, or a certain one; None where there is none."""

    async def put(self, document: Document, request_id: str = "") -> Document:
        """Saves a new revision, durably. An empty etag creates.

        Raises ALREADY_EXISTS, ETAG_MISMATCH, REFERENCE_NOT_FOUND. With the `request_id` of an earlier put: its result.
        """

    async def delete(self, name: str, etag: str = "", author: str = "") -> int:
        """Leaves a tombstone; its revision. Raises DOCUMENT_NOT_FOUND, ETAG_MISMATCH, RESOURCE_IN_USE."""

    async def revisions(self, name: str, page_size: int, page_token: str) -> RevisionPage:
        """Every revision, newest first, deletions too. Raises DOCUMENT_NOT_FOUND, PAGE_TOKEN_INVALID."""

    def watch(self, after_revision: int) -> AsyncGenerator[Change]:
        """A snapshot and its end (0), or what came behind a revision; then every change and heartbeats, without end.

        Raises COMPACTED where the store does not know that revision: begin with a snapshot.
        """
