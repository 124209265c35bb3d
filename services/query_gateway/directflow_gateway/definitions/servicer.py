"""directflow.gateway.v1.DefinitionService: unpack, call, pack."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

from directflow.gateway.v1 import definition_service_pb2 as pb
from directflow.gateway.v1 import definition_service_pb2_grpc
from directflow_runtime.calls import current_call, note
from directflow_runtime.definitions.paging import page_size
from directflow_runtime.errors import DirectFlowError, FieldViolation
from directflow_runtime.identity import require_workspace

from directflow_gateway.definitions import checks, failures, wire
from directflow_gateway.definitions.checks import Ownership
from directflow_gateway.definitions.names import ALL, CollectionName, DocumentName
from directflow_gateway.definitions.store import DefinitionStore
from directflow_gateway.definitions.watching import HEARTBEAT_S
from directflow_gateway.directflow_database.failures import not_configured
from directflow_gateway.queries.wire import seconds


class DefinitionServicer(definition_service_pb2_grpc.DefinitionServiceServicer):
    """The adapter between the wire and the store."""

    def __init__(self, ownership: Ownership, store: DefinitionStore | None = None) -> None:
        """Without a store every method answers STORE_NOT_CONFIGURED."""
        self._ownership = ownership
        self._configured = store

    @property
    def _store(self) -> DefinitionStore:
        if self._configured is None:
            raise not_configured()
        return self._configured

    async def GetDocument(self, request: pb.GetDocumentRequest, context: Any) -> pb.Document:
        name = self._named(request.name, "name", to_read=True)
        document = await self._store.get(name, request.name, request.revision)
        if document is None:
            raise failures.not_found(request.name)
        return wire.document_message(document)

    async def ListDocuments(self, request: pb.ListDocumentsRequest, context: Any) -> pb.ListDocumentsResponse:
        parent = CollectionName.of(request.parent)
        if parent is None or parent.workspace != ALL:
            require_workspace(request.parent, "parent")
        if parent is None:
            raise _no_name("parent", "workspaces/{workspace}/{collection}")
        self._ownership.require(parent.collection, to_read=True)
        size = page_size(request.page_size)
        page = await self._store.list_documents(parent, current_call().workspaces, size, request.page_token)
        note(rows=len(page.documents))
        documents = [wire.document_message(document) for document in page.documents]
        return pb.ListDocumentsResponse(documents=documents, next_page_token=page.next_page_token)

    async def PutDocument(self, request: pb.PutDocumentRequest, context: Any) -> pb.Document:
        name = self._named(request.document.name, "document.name")
        document = wire.document_of(request.document)
        checks.check_document(document, request.request_id)
        return wire.document_message(await self._store.put(name, document, request.request_id))

    async def DeleteDocument(self, request: pb.DeleteDocumentRequest, context: Any) -> pb.DeleteDocumentResponse:
        name = self._named(request.name, "name")
        checks.check_delete(request.etag, request.author)
        revision = await self._store.delete(name, request.name, request.etag, request.author)
        return pb.DeleteDocumentResponse(revision=revision)

    async def ListDocumentRevisions(
        self, request: pb.ListDocumentRevisionsRequest, context: Any
    ) -> pb.ListDocumentRevisionsResponse:
        name = self._named(request.name, "name", to_read=True)
        size = page_size(request.page_size)
        page = await self._store.revisions(name, request.name, size, request.page_token)
        note(rows=len(page.documents))
        documents = [wire.document_message(document) for document in page.documents]
        return pb.ListDocumentRevisionsResponse(documents=documents, next_page_token=page.next_page_token)

    async def WatchDocuments(
        self, request: pb.WatchDocumentsRequest, context: Any
    ) -> AsyncIterator[pb.WatchDocumentsResponse]:
        self._ownership.require(request.collection, to_read=True)
        heartbeat_s = seconds(request.heartbeat_interval)  # a timedelta holds less than a Duration does
        checks.check_watch(request.after_revision, heartbeat_s)
        workspaces = current_call().workspaces
        changes = self._store.watch(request.collection, workspaces, request.after_revision, heartbeat_s or HEARTBEAT_S)
        async with aclosing(changes):
            async for change in changes:
                yield wire.change_message(change)

    def _named(self, name: str, field: str, *, to_read: bool = False) -> DocumentName:
        """The name's parts, once the caller may use its workspace and its collection."""
        require_workspace(name, field)
        parts = DocumentName.of(name)
        if parts is None:
            raise _no_name(field, "workspaces/{workspace}/{collection}/{id}")
        self._ownership.require(parts.collection, to_read=to_read)
        return parts


def _no_name(field: str, form: str) -> DirectFlowError:
    return checks.invalid([FieldViolation(field, f"{form} is needed", "RESOURCE_NAME")])
