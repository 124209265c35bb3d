"""DataSourceService over gRPC: unpack, call, pack. Who may ask is settled before anything is looked up."""

from typing import Any, Final

from directflow.segments.v1 import data_source_service_pb2 as pb
from directflow.segments.v1 import data_source_service_pb2_grpc as stubs
from directflow_runtime.calls import note
from directflow_runtime.definitions.resources import Resources
from directflow_runtime.identity import require_may_define, require_workspace
from directflow_runtime.request_ids import repetition_of
from google.protobuf.empty_pb2 import Empty

from directflow_segments.data_sources import DataSource
from directflow_segments.definitions import wire
from directflow_segments.definitions.kind import COLLECTION
from directflow_segments.definitions.report import Report

_SAVE: Final = "save data sources"


class DataSourceServicer(stubs.DataSourceServiceServicer):
    """Reads are for everybody who may use the workspace; whatever saves, or would save, is for those who may define."""

    def __init__(self, resources: Resources[DataSource, Report]) -> None:
        self._resources = resources

    async def GetDataSource(self, request: pb.GetDataSourceRequest, context: Any) -> pb.DataSource:
        require_workspace(request.name)
        return wire.resource_message(self._resources.get(request.name))

    async def ListDataSources(self, request: pb.ListDataSourcesRequest, context: Any) -> pb.ListDataSourcesResponse:
        require_workspace(request.parent, "parent")
        page = self._resources.page(request.parent, request.filter, request.page_size, request.page_token)
        note(rows=len(page.items))
        return pb.ListDataSourcesResponse(
            data_sources=[wire.resource_message(saved) for saved in page.items], next_page_token=page.next_page_token
        )

    async def CreateDataSource(self, request: pb.CreateDataSourceRequest, context: Any) -> pb.DataSource:
        require_workspace(request.parent, "parent")
        require_may_define(_SAVE)
        name = f"{request.parent}/{COLLECTION}/{request.data_source_id}"
        definition = wire.definition_from(request.data_source, name, *wire.new_id(request.data_source_id))
        saved = await self._resources.create(
            name, definition, validate_only=request.validate_only, request_id=repetition_of(request)
        )
        return wire.resource_message(saved)

    async def UpdateDataSource(self, request: pb.UpdateDataSourceRequest, context: Any) -> pb.DataSource:
        message = request.data_source
        require_workspace(message.name, "data_source.name")
        require_may_define(_SAVE)
        saved = await self._resources.update(
            message.name,
            wire.definition_from(message, message.name),
            message.etag,
            validate_only=request.validate_only,
            request_id=repetition_of(request),
        )
        return wire.resource_message(saved)

    async def DeleteDataSource(self, request: pb.DeleteDataSourceRequest, context: Any) -> Empty:
        require_workspace(request.name)
        require_may_define("delete data sources")
        await self._resources.delete(request.name, request.etag, validate_only=request.validate_only)
        return Empty()

    async def ListDataSourceRevisions(
        self, request: pb.ListDataSourceRevisionsRequest, context: Any
    ) -> pb.ListDataSourceRevisionsResponse:
        require_workspace(request.name)
        revisions, token = await self._resources.revisions(request.name, request.page_size, request.page_token)
        note(rows=len(revisions))
        return pb.ListDataSourceRevisionsResponse(
            revisions=[wire.revision_message(revision) for revision in revisions], next_page_token=token
        )

    async def RollbackDataSource(self, request: pb.RollbackDataSourceRequest, context: Any) -> pb.DataSource:
        require_workspace(request.name)
        require_may_define("roll data sources back")
        saved = await self._resources.rollback(
            request.name, request.revision, request.etag, validate_only=request.validate_only
        )
        return wire.resource_message(saved)


def register(server: Any, resources: Resources[DataSource, Report] | None) -> None:
    """Adds DataSourceService to a grpc.aio server; without resources it is the generated one, UNIMPLEMENTED."""
    servicer: Any = stubs.DataSourceServiceServicer() if resources is None else DataSourceServicer(resources)
    stubs.add_DataSourceServiceServicer_to_server(servicer, server)  # type: ignore[no-untyped-call]
