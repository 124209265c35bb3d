"""segments.v1 over gRPC: unpack, call, pack. Who may ask is settled before anything is looked up."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, Final

from directflow.segments.v1 import audience_service_pb2 as pb
from directflow.segments.v1 import audience_service_pb2_grpc as stubs
from directflow_runtime.calls import current_call, note
from directflow_runtime.columns import pack_columns
from directflow_runtime.errors import FieldViolation
from directflow_runtime.identity import require_may_define, require_workspace

from directflow_segments import wire
from directflow_segments.audience.resume import resume_token
from directflow_segments.audience_run import People
from directflow_segments.audiences import AudienceHeader, Audiences, AudienceSummary
from directflow_segments.cells import cells_of
from directflow_segments.data_sources import DataSource, DataSourceBook, found
from directflow_segments.explanation import wire as explanation_wire
from directflow_segments.explanation.difference import diff_audience
from directflow_segments.explanation.membership import explain_membership
from directflow_segments.explanation.questions import ExplainingGateway
from directflow_segments.listing import list_segments
from directflow_segments.personalization import map_preload, personalize
from directflow_segments.queries import Header, PeopleRows, PeopleSummary, QueryGateway
from directflow_segments.segments import find_segment
from directflow_segments.targets import Target
from directflow_segments.values.wire import invalid, row_from, row_message, schema_message, values_from

MOST_PROFILES: Final = 10_000


class AudienceServicer(stubs.AudienceServiceServicer):
    """The adapter between the wire and audiences, personalization and explanations."""

    def __init__(
        self, data_sources: DataSourceBook, gateway: QueryGateway, audiences: Audiences, explaining: ExplainingGateway
    ) -> None:
        self._data_sources = data_sources
        self._gateway = gateway
        self._audiences = audiences
        self._explaining = explaining

    # --- segments -----------------------------------------------------------------------------------------------------

    async def ListSegments(self, request: pb.ListSegmentsRequest, context: Any) -> pb.ListSegmentsResponse:
        data_source = self._data_source(request.data_source)
        page = await list_segments(self._gateway, wire.page_request(data_source, request))
        schema = schema_message(page.schema)
        note(rows=len(page.segments))
        return pb.ListSegmentsResponse(
            segments=[wire.segment_message(schema, segment) for segment in page.segments],
            next_page_token=page.next_token,
            schema=schema,
            truncated=page.truncated,
        )

    async def GetSegment(self, request: pb.GetSegmentRequest, context: Any) -> pb.Segment:
        data_source = self._data_source(request.data_source)
        values = values_from(request.variables)
        discovery, segment = await find_segment(self._gateway, data_source, request.key, values)
        return wire.segment_message(schema_message(discovery.schema), segment)

    # --- audiences ----------------------------------------------------------------------------------------------------

    async def PreviewAudience(self, request: pb.PreviewAudienceRequest, context: Any) -> pb.PreviewAudienceResponse:
        target = self._target(request.target)
        most_people, limits = wire.preview_limits(request)
        preview = await self._audiences.preview(target, most_people, limits)
        note(rows=preview.people.num_rows)
        return pb.PreviewAudienceResponse(
            schema=schema_message(preview.people.schema),
            people=pack_columns(preview.people),
            ledger=wire.ledger_message(preview.ledger),
            truncated=preview.truncated,
            variable_sources=wire.source_messages(preview.sources),
            estimated_rows=preview.estimated_rows,
        )

    async def CountAudience(self, request: pb.CountAudienceRequest, context: Any) -> pb.CountAudienceResponse:
        target, limits = self._target(request.target), wire.limits_from(request.limits)
        estimate = request.mode == pb.COUNT_MODE_ESTIMATE
        count = await (self._audiences.estimate if estimate else self._audiences.count)(target, limits)
        return pb.CountAudienceResponse(
            people=count.people,
            rows=count.rows,
            ledger=wire.ledger_message(count.ledger) if count.ledger else None,
            variable_sources=wire.source_messages(count.sources),
        )

    async def StreamAudience(
        self, request: pb.StreamAudienceRequest, context: Any
    ) -> AsyncGenerator[pb.StreamAudienceResponse | bytes]:
        target = self._target(request.target)
        identity = wire.stream_fingerprint(request, target.data_source)
        encode = wire.encoder(request.encoding)
        async with aclosing(self._audiences.stream(wire.audience_request(request, target, identity))) as events:
            async for event in events:
                match event:
                    case AudienceHeader():
                        yield pb.StreamAudienceResponse(header=wire.header_message(event, request.encoding))
                    case People():
                        note(rows=event.offset + event.rows.num_rows)
                        yield encode(event, resume_token(identity, event.resume_key))
                    case AudienceSummary():
                        yield pb.StreamAudienceResponse(summary=wire.summary_message(event))

    # --- explanations -------------------------------------------------------------------------------------------------

    async def ExplainMembership(
        self, request: pb.ExplainMembershipRequest, context: Any
    ) -> pb.ExplainMembershipResponse:
        target = self._target(request.target)
        membership = await explain_membership(self._gateway, self._explaining, target, request.profile_id)
        note(rows=len(membership.verdicts))
        return explanation_wire.membership_message(membership, with_texts=current_call().may_define)

    async def DiffAudience(self, request: pb.DiffAudienceRequest, context: Any) -> pb.DiffAudienceResponse:
        require_workspace(request.target.data_source, "target.data_source")
        require_may_define("run a generator that is not saved")  # before it is told whether the data source exists
        most = explanation_wire.sample_size(request)
        target = self._target(request.target)
        difference = await diff_audience(self._gateway, self._explaining, target, request.generator_sql, most)
        return explanation_wire.difference_message(difference)

    # --- personalization ----------------------------------------------------------------------------------------------

    async def GetPersonalization(
        self, request: pb.GetPersonalizationRequest, context: Any
    ) -> pb.GetPersonalizationResponse:
        data_source = self._data_source(request.data_source)
        mapped = map_preload(data_source, values_from(request.variables))
        response = pb.GetPersonalizationResponse(variable_sources=wire.source_messages(mapped.sources))
        async with aclosing(personalize(self._gateway, data_source, [request.profile_id], mapped)) as messages:
            async for message in messages:
                match message:
                    case Header():
                        response.row.schema.CopyFrom(schema_message(message.schema))
                    case PeopleRows():
                        cells = [cells_of(column)[0] for column in message.rows.rows.columns]
                        response.row.CopyFrom(row_message(response.row.schema, cells))
                    case PeopleSummary():
                        response.outcome = wire.outcome_message(message.outcomes[0])
                        if message.errors:
                            response.error.CopyFrom(wire.error_message(message.errors[0]))
        return response

    async def BatchGetPersonalization(
        self, request: pb.BatchGetPersonalizationRequest, context: Any
    ) -> AsyncGenerator[pb.BatchGetPersonalizationResponse | bytes]:
        data_source = self._data_source(request.data_source)
        if len(request.profile_ids) > MOST_PROFILES:
            raise invalid([FieldViolation("profile_ids", f"at most {MOST_PROFILES}", "OUT_OF_RANGE")])
        mapped = map_preload(data_source, values_from(request.variables))
        messages = personalize(self._gateway, data_source, request.profile_ids, mapped)
        async with aclosing(messages):
            async for message in messages:
                yield wire.personalization_message(message, request.encoding, data_source, mapped)

    # --- what a request names -----------------------------------------------------------------------------------------

    def _data_source(self, name: str, field: str = "data_source") -> DataSource:
        require_workspace(name, field)
        return found(self._data_sources, name)

    def _target(self, message: pb.Target) -> Target:
        data_source = self._data_source(message.data_source, "target.data_source")
        given = message.WhichOneof("segment")
        return Target(
            data_source,
            segment_key=message.segment_key if given == "segment_key" else None,
            segment_row=row_from(message.segment_row, "target.segment_row") if given == "segment_row" else None,
            variables=values_from(message.variables, "target.variables"),
        )


def register(server: Any, servicer: AudienceServicer) -> None:
    """Adds AudienceService to a grpc.aio server."""
    stubs.add_AudienceServiceServicer_to_server(servicer, server)  # type: ignore[no-untyped-call]
