"""Between the messages of DefinitionService and documents. Nothing here decides anything."""

from directflow.gateway.v1 import definition_service_pb2 as pb
from directflow_runtime.definitions.document import Change, Document, Heartbeat, SnapshotEnd


def document_of(message: pb.Document) -> Document:
    """What a caller saves; what only the store knows is left out. References and statements once each."""
    return Document(
        message.name,
        message.body,
        message.content_type,
        message.etag,
        references=tuple(dict.fromkeys(message.references)),
        statements=tuple(dict.fromkeys(message.statements)),
        author=message.author,
    )


def document_message(document: Document) -> pb.Document:
    """A document as it is told."""
    message = pb.Document(
        name=document.name,
        body=document.body,
        content_type=document.content_type,
        etag=document.etag,
        revision=document.revision,
        references=document.references,
        statements=document.statements,
        author=document.author,
        deleted=document.deleted,
    )
    if document.save_time is not None:
        message.save_time.FromDatetime(document.save_time)
    return message


def change_message(change: Change) -> pb.WatchDocumentsResponse:
    """One message of a watch."""
    match change:
        case Document():
            return pb.WatchDocumentsResponse(document=document_message(change))
        case SnapshotEnd(revision):
            return pb.WatchDocumentsResponse(snapshot_end=revision)
        case Heartbeat(revision):
            return pb.WatchDocumentsResponse(heartbeat=revision)
