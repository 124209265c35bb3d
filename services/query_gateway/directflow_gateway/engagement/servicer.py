"""directflow.gateway.v1.EngagementStoreService: unpack, call, pack."""

from typing import Any

import grpc
from directflow.engagement.v1 import engagement_pb2
from directflow.gateway.v1 import engagement_store_service_pb2 as pb
from directflow.gateway.v1 import engagement_store_service_pb2_grpc
from directflow_runtime.calls import note
from directflow_runtime.errors import DirectFlowError, StatusCode
from directflow_runtime.identity import require_workspace
from directflow_runtime.metrics import OFF, Metrics
from directflow_runtime.metrics.names import ENGAGEMENT_EVENTS
from google.protobuf.message import DecodeError

from directflow_gateway.directflow_database import Upkeep
from directflow_gateway.directflow_database.failures import not_configured
from directflow_gateway.engagement import checks, wire
from directflow_gateway.engagement.listing import DEFAULT_PAGE
from directflow_gateway.engagement.store import EngagementStore, Recorded

SERVICE = "directflow.gateway.v1.EngagementStoreService"


class EngagementStoreServicer(engagement_store_service_pb2_grpc.EngagementStoreServiceServicer):
    """The adapter between the wire and the store."""

    def __init__(
        self, store: EngagementStore | None = None, upkeep: Upkeep | None = None, metrics: Metrics = OFF
    ) -> None:
        """Without a store every method answers STORE_NOT_CONFIGURED."""
        self._store = store
        self._upkeep = upkeep
        self._events = metrics.counter(ENGAGEMENT_EVENTS)

    async def AppendEvents(self, request: bytes, context: Any) -> pb.AppendEventsResponse:
        """Takes the request's bytes: see `register`."""
        message = parsed(request)
        workspace = require_workspace(message.parent, "parent")
        store = await self._ready()
        checks.check_append(message.parent, len(message.events))
        recorded = await store.append(workspace, await wire.events_of(message.events))
        note(rows=recorded.accepted)
        self._count(recorded)
        return pb.AppendEventsResponse(
            accepted_count=recorded.accepted,
            duplicate_count=recorded.duplicates,
            errors=[
                pb.EventError(index=index, reason=refusal.reason, message=refusal.message)
                for index, refusal in recorded.refused
            ],
        )

    async def EvaluatePredicates(
        self, request: pb.EvaluatePredicatesRequest, context: Any
    ) -> pb.EvaluatePredicatesResponse:
        workspace = require_workspace(request.parent, "parent")
        store = await self._ready()
        predicates = [wire.predicate_of(predicate) for predicate in request.predicates]
        anchors = [wire.anchor_of(anchor) for anchor in request.anchors]
        evaluated_us = wire.given_instant(request, "evaluation_time", store.now_us())
        checks.check_evaluation(predicates, request.profile_ids, anchors, evaluated_us)
        sound = [predicate for predicate in predicates if predicate is not None]  # all of them, by now
        evaluation = await store.evaluate(workspace, sound, checks.people(request.profile_ids, anchors, evaluated_us))
        note(rows=len(evaluation.outcomes))
        return pb.EvaluatePredicatesResponse(outcomes=evaluation.outcomes, counts=evaluation.counts)

    async def ListEvents(self, request: pb.ListEventsRequest, context: Any) -> pb.ListEventsResponse:
        workspace = require_workspace(request.parent, "parent")
        store = await self._ready()
        checks.check_list(request.profile_id, request.page_size)
        size = request.page_size or DEFAULT_PAGE
        page = await store.list_events(workspace, request.profile_id, size, request.page_token)
        note(rows=len(page.events))
        events: list[engagement_pb2.Event] = [wire.event_message(event) for event in page.events]
        return pb.ListEventsResponse(events=events, next_page_token=page.next_token)

    def _count(self, recorded: Recorded) -> None:
        self._events.add(recorded.accepted - recorded.duplicates, "recorded")  # accepted is both
        self._events.add(recorded.duplicates, "duplicate")
        self._events.add(len(recorded.refused), "refused")

    async def _ready(self) -> EngagementStore:
        if self._store is None or self._upkeep is None:
            raise not_configured()
        await self._upkeep.ready()
        return self._store


def register(servicer: EngagementStoreServicer, server: Any) -> None:
    """Puts the service onto a server. In place of the generated function, for AppendEvents takes bytes.

    The validating layer would refuse ten thousand events for one of them that lacks a field, where the contract says
    that the others are recorded; and it takes longer over them than the database does.
    """
    handlers = {
        "AppendEvents": grpc.unary_unary_rpc_method_handler(
            servicer.AppendEvents, response_serializer=pb.AppendEventsResponse.SerializeToString
        ),
        "EvaluatePredicates": grpc.unary_unary_rpc_method_handler(
            servicer.EvaluatePredicates,
            request_deserializer=pb.EvaluatePredicatesRequest.FromString,
            response_serializer=pb.EvaluatePredicatesResponse.SerializeToString,
        ),
        "ListEvents": grpc.unary_unary_rpc_method_handler(
            servicer.ListEvents,
            request_deserializer=pb.ListEventsRequest.FromString,
            response_serializer=pb.ListEventsResponse.SerializeToString,
        ),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    server.add_registered_method_handlers(SERVICE, handlers)


def parsed(request: bytes) -> pb.AppendEventsRequest:
    """Raises INVALID_REQUEST for what is no message of this type."""
    try:
        return pb.AppendEventsRequest.FromString(request)
    except DecodeError:
        message = "the request of AppendEvents does not parse"
        raise DirectFlowError(StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", message) from None
