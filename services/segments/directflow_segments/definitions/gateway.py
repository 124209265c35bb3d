"""The gateway over gRPC, as the definitions need it: its document store, and what it says of a query."""

from collections.abc import AsyncGenerator
from datetime import UTC
from typing import Any, Final

import grpc
from directflow.gateway.v1 import definition_service_pb2 as pb
from directflow.gateway.v1 import definition_service_pb2_grpc as stubs
from directflow.gateway.v1 import query_service_pb2 as query_pb
from directflow.gateway.v1 import query_service_pb2_grpc as query_stubs
from directflow_runtime.definitions.document import Change, Document, Heartbeat, SnapshotEnd
from directflow_runtime.definitions.store import RevisionPage
from directflow_runtime.errors import DirectFlowError, StatusCode
from directflow_runtime.remote import forwarded, remote_error
from directflow_runtime.status import problem_from
from google.protobuf.duration_pb2 import Duration

from directflow_segments.data_sources import Query
from directflow_segments.definitions.report import Column, Described, VariableUse
from directflow_segments.gateway import statement_message
from directflow_segments.queries import Limits

READ_METHODS: Final = (
    "directflow.gateway.v1.DefinitionService/GetDocument",
    "directflow.gateway.v1.DefinitionService/ListDocumentRevisions",
    "directflow.gateway.v1.QueryService/DescribeQuery",
)
"""What the channel may send again. Not the watch: who follows it begins it anew from where it had come to."""

HEARTBEAT_S: Final = 5
SILENCE_S: Final = 15.0
"""A watch that says nothing for so long is broken."""

_NOT_FOUND: Final = "DOCUMENT_NOT_FOUND"


class GrpcDocumentStore:
    """See `definitions.store.DocumentStore`: one collection of it."""

    def __init__(self, channel: grpc.aio.Channel, collection: str) -> None:
        self._documents: Any = stubs.DefinitionServiceStub(channel)  # type: ignore[no-untyped-call]
        self._collection = collection

    async def get(self, name: str, revision: int = 0) -> Document | None:
        """See the port."""
        try:
            return _document(await _answer(self._documents.GetDocument(_get_message(name, revision))))
        except DirectFlowError as error:
            if error.reason == _NOT_FOUND:
                return None
            raise

    async def put(self, document: Document, request_id: str = "") -> Document:
        """See the port."""
        message = pb.PutDocumentRequest(document=_document_message(document), request_id=request_id)
        return _document(await _answer(self._documents.PutDocument(message)))

    async def delete(self, name: str, etag: str = "", author: str = "") -> int:
        """See the port."""
        message = pb.DeleteDocumentRequest(name=name, etag=etag, author=author)
        return int((await _answer(self._documents.DeleteDocument(message))).revision)

    async def revisions(self, name: str, page_size: int, page_token: str) -> RevisionPage:
        """See the port."""
        message = pb.ListDocumentRevisionsRequest(name=name, page_size=page_size, page_token=page_token)
        answer = await _answer(self._documents.ListDocumentRevisions(message))
        return RevisionPage(tuple(_document(revision) for revision in answer.documents), answer.next_page_token)

    async def watch(self, after_revision: int) -> AsyncGenerator[Change]:
        """See the port. It has no deadline: silence is what ends it."""
        message = pb.WatchDocumentsRequest(
            collection=self._collection,
            after_revision=after_revision,
            heartbeat_interval=Duration(seconds=HEARTBEAT_S),
        )
        call = self._documents.WatchDocuments(message)
        try:
            async for answer in call:
                change = _change(answer)
                if change is not None:
                    yield change
        except grpc.aio.AioRpcError as error:
            raise forwarded(error) from error
        finally:
            call.cancel()  # or the gateway would go on telling nobody


class GrpcDescriber:
    """See `report.Describer`."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._queries: Any = query_stubs.QueryServiceStub(channel)  # type: ignore[no-untyped-call]

    async def describe(self, query: Query) -> Described:
        """See the port."""
        message = query_pb.DescribeQueryRequest(statement=statement_message(query, Limits()))
        report = (await _answer(self._queries.DescribeQuery(message))).report
        problems = tuple(problem_from(problem) for problem in report.problems)
        if not report.queries:
            return Described(problems)
        told = report.queries[0]
        columns = tuple(Column(column.name, column.postgres_type) for column in told.schema.columns)
        uses = tuple(VariableUse(use.name, use.inferred_type, use.line, use.column) for use in told.variable_uses)
        return Described(problems, columns, uses, told.SerializeToString())


async def _answer(call: Any) -> Any:
    try:
        return await call
    except grpc.aio.AioRpcError as error:
        inner = remote_error(error)
        if inner.reason == _NOT_FOUND:  # the port's own, which every service turns into one of its API
            raise DirectFlowError(StatusCode.NOT_FOUND, _NOT_FOUND, inner.message) from error
        raise forwarded(inner) from error


# --- messages ---------------------------------------------------------------------------------------------------------


def _get_message(name: str, revision: int) -> pb.GetDocumentRequest:
    return pb.GetDocumentRequest(name=name, revision=revision)


def _document_message(document: Document) -> pb.Document:
    return pb.Document(
        name=document.name,
        body=document.body,
        content_type=document.content_type,
        etag=document.etag,
        references=document.references,
        statements=document.statements,
        author=document.author,
    )


def _document(message: pb.Document) -> Document:
    return Document(
        message.name,
        message.body,
        message.content_type,
        message.etag,
        message.revision,
        tuple(message.references),
        tuple(message.statements),
        message.author,
        message.save_time.ToDatetime(UTC) if message.HasField("save_time") else None,
        message.deleted,
    )


def _change(message: pb.WatchDocumentsResponse) -> Change | None:
    """None for what a newer gateway may tell."""
    match message.WhichOneof("message"):
        case "document":
            return _document(message.document)
        case "snapshot_end":
            return SnapshotEnd(message.snapshot_end)
        case "heartbeat":
            return Heartbeat(message.heartbeat)
        case _:
            return None
