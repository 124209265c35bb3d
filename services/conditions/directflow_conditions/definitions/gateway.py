"""The ports to the gateway: the store of documents, and the description of statements."""

from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import UTC
from typing import Any, Final

import grpc
from directflow.gateway.v1 import definition_service_pb2 as wire
from directflow.gateway.v1 import definition_service_pb2_grpc as stubs
from directflow.gateway.v1 import query_service_pb2 as query_wire
from directflow.gateway.v1 import query_service_pb2_grpc as query_stubs
from directflow.sql.v1 import sql_pb2
from directflow_runtime.definitions.document import Change, Document, Heartbeat, SnapshotEnd
from directflow_runtime.definitions.store import RevisionPage
from directflow_runtime.errors import DirectFlowError, Problem, StatusCode
from directflow_runtime.remote import RemoteError, forwarded, remote_error
from directflow_runtime.status import problem_from
from google.protobuf.duration_pb2 import Duration

from directflow_conditions.condition import Condition
from directflow_conditions.definitions.report import DescribedQuery, VariableUse
from directflow_conditions.gateway import statement_message

SAFE_METHODS: Final = (
    "directflow.gateway.v1.DefinitionService/GetDocument",
    "directflow.gateway.v1.DefinitionService/ListDocumentRevisions",
    "directflow.gateway.v1.QueryService/DescribeQuery",
)
"""What the channel may send again. Not WatchDocuments, which whoever follows begins anew from where it had come to."""

HEARTBEAT_S: Final = 5
SILENCE_S: Final = 15.0
"""Of a watch, after which it counts as broken: three heartbeats."""
COLLECTION: Final = "conditions"
CONNECTION_FIELD: Final = "sql.connection"
_OWN_REASONS: Final = frozenset({"DOCUMENT_NOT_FOUND", "COMPACTED", "STORE_NOT_CONFIGURED"})
"""Of the store, for those who use it here; none of them reaches our caller."""


class GrpcDocumentStore:
    """The conditions in the gateway's DefinitionService; a DocumentStore."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        # `_pb2_grpc` is untyped: this module alone carries the ignore.
        self._store: Any = stubs.DefinitionServiceStub(channel)  # type: ignore[no-untyped-call]

    async def get(self, name: str, revision: int = 0) -> Document | None:
        """As DocumentStore."""
        try:
            found = await self._store.GetDocument(wire.GetDocumentRequest(name=name, revision=revision))
        except grpc.aio.AioRpcError as error:
            inner = remote_error(error)
            if inner.reason == "DOCUMENT_NOT_FOUND":
                return None
            raise _ours(inner) from error
        return document_from(found)

    async def put(self, document: Document, request_id: str = "") -> Document:
        """As DocumentStore."""
        request = wire.PutDocumentRequest(document=document_message(document), request_id=request_id)
        try:
            return document_from(await self._store.PutDocument(request))
        except grpc.aio.AioRpcError as error:
            raise _ours(remote_error(error)) from error

    async def delete(self, name: str, etag: str = "", author: str = "") -> int:
        """As DocumentStore."""
        try:
            answer = await self._store.DeleteDocument(wire.DeleteDocumentRequest(name=name, etag=etag, author=author))
        except grpc.aio.AioRpcError as error:
            raise _ours(remote_error(error)) from error
        return int(answer.revision)

    async def revisions(self, name: str, page_size: int, page_token: str) -> RevisionPage:
        """As DocumentStore."""
        request = wire.ListDocumentRevisionsRequest(name=name, page_size=page_size, page_token=page_token)
        try:
            page = await self._store.ListDocumentRevisions(request)
        except grpc.aio.AioRpcError as error:
            raise _ours(remote_error(error)) from error
        return RevisionPage(tuple(map(document_from, page.documents)), page.next_page_token)

    async def watch(self, after_revision: int) -> AsyncGenerator[Change]:
        """As DocumentStore. It has no deadline: heartbeats tell that it lives."""
        request = wire.WatchDocumentsRequest(
            collection=COLLECTION, after_revision=after_revision, heartbeat_interval=Duration(seconds=HEARTBEAT_S)
        )
        call = self._store.WatchDocuments(request)
        try:
            async for message in call:
                if (change := change_from(message)) is not None:
                    yield change
        except grpc.aio.AioRpcError as error:
            raise _ours(remote_error(error)) from error
        finally:
            call.cancel()  # leaving a loop over a call does not end it


class GrpcDescriber:
    """The gateway's DescribeQuery; a Describer."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._queries: Any = query_stubs.QueryServiceStub(channel)  # type: ignore[no-untyped-call]

    async def describe(self, condition: Condition) -> tuple[list[Problem], DescribedQuery | None]:
        """As Describer."""
        request = query_wire.DescribeQueryRequest(statement=statement_message(condition))
        try:
            report = (await self._queries.DescribeQuery(request)).report
        except grpc.aio.AioRpcError as error:
            inner = remote_error(error)
            if inner.reason == "CONNECTION_NOT_FOUND":
                return [_no_connection(request.statement.connection)], None
            raise forwarded(inner) from error
        problems = [_in_our_terms(problem_from(problem)) for problem in report.problems]
        return problems, described_from(report.queries[0]) if report.queries else None


def document_message(document: Document) -> wire.Document:
    """A document to put; what the store decides is left out."""
    return wire.Document(
        name=document.name,
        body=document.body,
        content_type=document.content_type,
        etag=document.etag,
        references=document.references,
        statements=document.statements,
        author=document.author,
    )


def document_from(message: wire.Document) -> Document:
    """A revision as the store tells it."""
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


def change_from(message: wire.WatchDocumentsResponse) -> Change | None:
    """One message of a watch; None for one that this version does not know."""
    match message.WhichOneof("message"):
        case "document":
            return document_from(message.document)
        case "snapshot_end":
            return SnapshotEnd(message.snapshot_end)
        case "heartbeat":
            return Heartbeat(message.heartbeat)
        case _:
            return None


def described_from(message: sql_pb2.QueryReport) -> DescribedQuery:
    """What the server said of the statement."""
    uses = [VariableUse(use.name, use.inferred_type, use.line, use.column) for use in message.variable_uses]
    return DescribedQuery(tuple(uses), message.SerializeToString())


def _in_our_terms(problem: Problem) -> Problem:
    """The gateway names fields of its statement; here they are fields of the condition."""
    part = problem.field if problem.field.startswith("variables") else "sql"
    return replace(problem, field=f"sql.{part}")


def _no_connection(name: str) -> Problem:
    hint = "Create the connection first, or name one that is there."
    return Problem(
        "REFERENCE_NOT_FOUND", f"There is no connection {name}.", field=CONNECTION_FIELD, token=name, hint=hint
    )


def _ours(error: RemoteError) -> DirectFlowError:
    if error.reason in _OWN_REASONS:
        return DirectFlowError(StatusCode(error.code), error.reason, error.message, metadata=error.metadata)
    return forwarded(error)
