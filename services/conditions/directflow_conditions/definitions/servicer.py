"""ConditionService over gRPC: unpack, call, pack. Who may is settled before anything is looked up."""

import re
from typing import Any, Final

from directflow.conditions.v1 import condition_service_pb2 as pb
from directflow.conditions.v1 import condition_service_pb2_grpc as stubs
from directflow_runtime.definitions.resources import Resources
from directflow_runtime.identity import require_may_define, require_workspace
from directflow_runtime.request_ids import repetition_of
from google.protobuf.empty_pb2 import Empty

from directflow_conditions.definitions.definition import Definition
from directflow_conditions.definitions.report import Report
from directflow_conditions.definitions.wire import definition_from, resource_message, revision_message
from directflow_conditions.violations import Violations

MAX_ETAG: Final = 256
_ID: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}")
_UUID: Final = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_DEFINE: Final = "change conditions"


class ConditionServicer(stubs.ConditionServiceServicer):
    """Conditions as resources. Whoever may use the workspace may read them; changing them is for those who define."""

    def __init__(self, resources: Resources[Definition, Report]) -> None:
        self._resources = resources

    async def GetCondition(self, request: pb.GetConditionRequest, context: Any) -> pb.Condition:
        require_workspace(request.name)
        return resource_message(self._resources.get(request.name))

    async def ListConditions(self, request: pb.ListConditionsRequest, context: Any) -> pb.ListConditionsResponse:
        require_workspace(request.parent, "parent")
        page = self._resources.page(request.parent, request.filter, request.page_size, request.page_token)
        return pb.ListConditionsResponse(
            conditions=map(resource_message, page.items), next_page_token=page.next_page_token
        )

    async def CreateCondition(self, request: pb.CreateConditionRequest, context: Any) -> pb.Condition:
        require_workspace(request.parent, "parent")
        require_may_define(_DEFINE)
        violations = Violations()
        if _ID.fullmatch(request.condition_id) is None:
            wrong = "a letter, then letters, digits, - and _; at most 63 characters"
            violations.add("condition_id", wrong, "RESOURCE_ID")
        _check_request_id(request.request_id, violations)
        name = f"{request.parent}/conditions/{request.condition_id}"
        definition = definition_from(name, request.condition, "condition", violations)
        saved = await self._resources.create(
            name, definition, validate_only=request.validate_only, request_id=repetition_of(request)
        )
        return resource_message(saved)

    async def UpdateCondition(self, request: pb.UpdateConditionRequest, context: Any) -> pb.Condition:
        message = request.condition
        require_workspace(message.name, "condition.name")
        require_may_define(_DEFINE)
        violations = Violations()
        _check_request_id(request.request_id, violations)
        _check_etag("condition.etag", message.etag, violations)
        definition = definition_from(message.name, message, "condition", violations)
        saved = await self._resources.update(
            message.name,
            definition,
            message.etag,
            validate_only=request.validate_only,
            request_id=repetition_of(request),
        )
        return resource_message(saved)

    async def DeleteCondition(self, request: pb.DeleteConditionRequest, context: Any) -> Empty:
        require_workspace(request.name)
        require_may_define(_DEFINE)
        violations = Violations()
        _check_etag("etag", request.etag, violations)
        violations.refuse()
        await self._resources.delete(request.name, request.etag, validate_only=request.validate_only)
        return Empty()

    async def ListConditionRevisions(
        self, request: pb.ListConditionRevisionsRequest, context: Any
    ) -> pb.ListConditionRevisionsResponse:
        require_workspace(request.name)
        revisions, following = await self._resources.revisions(request.name, request.page_size, request.page_token)
        return pb.ListConditionRevisionsResponse(
            revisions=[revision_message(one.definition, one.document) for one in revisions], next_page_token=following
        )

    async def RollbackCondition(self, request: pb.RollbackConditionRequest, context: Any) -> pb.Condition:
        require_workspace(request.name)
        require_may_define(_DEFINE)
        violations = Violations()
        if request.revision < 1:
            violations.add("revision", "1 or more")
        _check_etag("etag", request.etag, violations)
        violations.refuse()
        saved = await self._resources.rollback(
            request.name, request.revision, request.etag, validate_only=request.validate_only
        )
        return resource_message(saved)


def register(server: Any, servicer: ConditionServicer) -> None:
    """Adds the service to a grpc.aio server."""
    add_to_server: Any = stubs.add_ConditionServiceServicer_to_server
    add_to_server(servicer, server)


def _check_request_id(request_id: str, violations: Violations) -> None:
    if request_id and _UUID.fullmatch(request_id) is None:
        violations.add("request_id", "a uuid", "UUID")


def _check_etag(field: str, etag: str, violations: Violations) -> None:
    if len(etag) > MAX_ETAG:
        violations.add(field, f"at most {MAX_ETAG} characters")
