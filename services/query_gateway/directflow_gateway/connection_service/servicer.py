"""directflow.gateway.v1.ConnectionService: unpack, call, pack."""

from dataclasses import replace
from typing import Any, Final

from directflow.gateway.v1 import connection_service_pb2 as pb
from directflow.gateway.v1 import connection_service_pb2_grpc
from directflow_runtime.calls import current_call, note
from directflow_runtime.definitions.cache import DefinitionCache
from directflow_runtime.definitions.resources import Resources, etag_mismatch
from directflow_runtime.definitions.store import DocumentStore
from directflow_runtime.errors import DirectFlowError, FieldViolation, StatusCode
from directflow_runtime.identity import require_may_define, require_workspace
from directflow_runtime.request_ids import repetition_of
from google.protobuf import empty_pb2

from directflow_gateway.connection_service import checks, wire, withholding
from directflow_gateway.connection_service.kind import ConnectionKind, Problems
from directflow_gateway.connection_service.last_bodies import LastBodies
from directflow_gateway.connection_service.step import TestReport
from directflow_gateway.connection_service.tester import ConnectionTester
from directflow_gateway.connections import Connection, ConnectionDefinition, EgressPolicy

ANSWER_S: Final = 0.25
"""What a test leaves of its call's time, so that its answer arrives."""


class ConnectionServicer(connection_service_pb2_grpc.ConnectionServiceServicer):
    """The adapter between the wire and the connections. For identities that may define."""

    def __init__(
        self,
        store: DocumentStore,
        cache: DefinitionCache[ConnectionDefinition],
        tester: ConnectionTester,
        policy: EgressPolicy,
    ) -> None:
        self._store = LastBodies(store)
        self._cache = cache
        self._tester = tester
        self._policy = policy
        self._kind = ConnectionKind(tester)
        self._resources: Resources[ConnectionDefinition, Problems] = Resources(self._kind, self._store, cache)

    async def GetConnection(self, request: pb.GetConnectionRequest, context: Any) -> pb.Connection:
        _admit(request.name)
        return wire.message_of(self._resources.get(request.name))

    async def ListConnections(self, request: pb.ListConnectionsRequest, context: Any) -> pb.ListConnectionsResponse:
        _admit(request.parent, "parent")
        page = self._resources.page(request.parent, request.filter, request.page_size, request.page_token)
        connections = [wire.message_of(saved) for saved in page.items]
        return pb.ListConnectionsResponse(connections=connections, next_page_token=page.next_page_token)

    async def CreateConnection(self, request: pb.CreateConnectionRequest, context: Any) -> pb.Connection:
        workspace = _admit(request.parent, "parent")
        name = f"{request.parent}/connections/{request.connection_id}"
        note(resource=name)
        ids = checks.id_violations(workspace, "parent", request.connection_id, "connection_id")
        definition = self._checked(request.connection, workspace, request.connection_id, ids)
        saved = await self._resources.create(
            name, definition, validate_only=request.validate_only, request_id=repetition_of(request)
        )
        return wire.message_of(saved)

    async def UpdateConnection(self, request: pb.UpdateConnectionRequest, context: Any) -> pb.Connection:
        name = request.connection.name
        workspace, connection_id = _target(name, "connection.name")
        ids = checks.id_violations(workspace, "connection.name", connection_id, "connection.name")
        definition = self._checked(request.connection, workspace, connection_id, ids)
        saved = await self._resources.update(
            name,
            definition,
            request.connection.etag,
            validate_only=request.validate_only,
            request_id=repetition_of(request),
        )
        return wire.message_of(saved)

    async def DeleteConnection(self, request: pb.DeleteConnectionRequest, context: Any) -> empty_pb2.Empty:
        _admit(request.name)
        await self._resources.delete(request.name, request.etag, validate_only=request.validate_only)
        return empty_pb2.Empty()

    async def ListConnectionRevisions(
        self, request: pb.ListConnectionRevisionsRequest, context: Any
    ) -> pb.ListConnectionRevisionsResponse:
        _admit(request.name)
        revisions, token = await self._resources.revisions(request.name, request.page_size, request.page_token)
        return pb.ListConnectionRevisionsResponse(
            revisions=[wire.revision_message(revision) for revision in revisions], next_page_token=token
        )

    async def RollbackConnection(self, request: pb.RollbackConnectionRequest, context: Any) -> pb.Connection:
        _admit(request.name)
        return wire.message_of(
            await self._resources.rollback(
                request.name, request.revision, request.etag, validate_only=request.validate_only
            )
        )

    async def TestConnection(self, request: pb.TestConnectionRequest, context: Any) -> pb.TestConnectionResponse:
        if request.WhichOneof("target") == "connection":
            return wire.test_response(await self._test_unsaved(request.connection))
        if not request.name:
            checks.refuse([FieldViolation("target", "`name` or `connection` must be set", "REQUIRED")])
        _admit(request.name)
        definition = self._resources.get(request.name).definition
        return wire.test_response(await self._test(definition.connection, withholding.of_saved(definition)))

    async def ConfirmCredential(self, request: pb.ConfirmCredentialRequest, context: Any) -> pb.Connection:
        _admit(request.name)
        # From the store: the etag may be younger than what this replica has heard.
        document = await self._store.get(request.name)
        if document is None or document.deleted:
            raise _not_found(request.name)
        if document.etag != request.etag:
            raise etag_mismatch(request.name)
        definition = replace(self._readable(document), confirming=True)
        return wire.message_of(await self._resources.update(request.name, definition, request.etag))

    async def _test_unsaved(self, message: pb.Connection) -> TestReport:
        workspace, connection_id = _target(message.name, "connection.name")
        ids = checks.id_violations(workspace, "connection.name", connection_id, "connection.name")
        connection = self._checked(message, workspace, connection_id, ids).connection
        return await self._test(connection, await withholding.of_unsaved(connection, self._cache, self._store))

    async def _test(self, connection: Connection, withheld: str) -> TestReport:
        return await self._tester.test(connection, current_call().deadline - ANSWER_S, withheld)

    def _checked(
        self, message: pb.Connection, workspace: str, connection_id: str, found: list[FieldViolation]
    ) -> ConnectionDefinition:
        """The connection of a request. Raises INVALID_REQUEST with all violations, those in `found` too."""
        draft = wire.draft_of(message, workspace, connection_id)
        checks.refuse(found + checks.violations(draft, self._policy, "connection"))
        return ConnectionDefinition(draft.connection(), functions=draft.allowed_functions)

    def _readable(self, document: Any) -> ConnectionDefinition:
        try:
            return self._kind.read(document)
        except ValueError:
            message = f"{document.name} was saved by a newer version of DirectFlow, and cannot be read by this one"
            raise DirectFlowError(StatusCode.FAILED_PRECONDITION, "DEFINITION_BROKEN", message) from None


def _admit(name: str, field: str = "name") -> str:
    """The id of the workspace, once the caller may define in it; asked before anything is looked up."""
    require_may_define("see or change connections")
    return require_workspace(name, field)


def _target(name: str, field: str) -> tuple[str, str]:
    """The ids of workspace and connection in a connection's name, once the caller may define there."""
    workspace = _admit(name, field)
    return workspace, name.split("/")[-1]


def _not_found(name: str) -> DirectFlowError:
    return DirectFlowError(StatusCode.NOT_FOUND, "CONNECTION_NOT_FOUND", f"there is no connection {name}")
