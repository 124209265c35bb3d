"""EngagementService over gRPC: who may write is settled, then the gateway keeps the events."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any, Final

import grpc
from directflow.conditions.v1 import engagement_service_pb2 as pb
from directflow.gateway.v1 import engagement_store_service_pb2 as store
from directflow_runtime.calls import note
from directflow_runtime.errors import DirectFlowError, FieldViolation, StatusCode
from directflow_runtime.identity import require_workspace

from directflow_conditions.engagement.gateway import EngagementStore
from directflow_conditions.engagement.pipelining import in_order
from directflow_conditions.engagement.wire import acknowledgement, events_from, page_request

NAME: Final = "directflow.conditions.v1.EngagementService"
MOST_IN_FLIGHT: Final = 4
"""Messages of one stream that the gateway has and that are not acknowledged: enough to keep it busy."""


class EngagementServicer:
    """Nothing is acknowledged before the gateway says that it is durable."""

    def __init__(self, store: EngagementStore) -> None:
        self._store = store

    async def RecordEngagement(self, raw: bytes, context: Any) -> pb.RecordEngagementResponse:
        request = events_from(raw)
        require_workspace(request.parent, "parent")
        answer = await self._store.append(request)
        note(rows=answer.accepted_count)
        return acknowledgement(pb.RecordEngagementResponse, answer)

    async def StreamEngagement(
        self, messages: AsyncIterator[bytes], context: Any
    ) -> AsyncGenerator[pb.StreamEngagementResponse]:
        recorded = 0
        requests = _of_one_workspace(messages)
        async with aclosing(in_order(requests, self._store.append, MOST_IN_FLIGHT)) as answers:
            async for answer in answers:
                recorded += answer.accepted_count
                note(rows=recorded)
                yield acknowledgement(pb.StreamEngagementResponse, answer)

    async def ListEngagement(self, request: pb.ListEngagementRequest, context: Any) -> pb.ListEngagementResponse:
        require_workspace(request.parent, "parent")
        page = await self._store.list(page_request(request))
        note(rows=len(page.events))
        return pb.ListEngagementResponse(events=page.events, next_page_token=page.next_page_token)


def register(server: Any, servicer: EngagementServicer) -> None:
    """Adds the service to a grpc.aio server.

    Events arrive as bytes: checking the annotations of each would cost thirty times the parsing, and would refuse
    thousands of events for one that is broken. The gateway checks them, and says which are refused.
    """
    handlers = {
        "RecordEngagement": grpc.unary_unary_rpc_method_handler(
            servicer.RecordEngagement, None, pb.RecordEngagementResponse.SerializeToString
        ),
        "StreamEngagement": grpc.stream_stream_rpc_method_handler(
            servicer.StreamEngagement, None, pb.StreamEngagementResponse.SerializeToString
        ),
        "ListEngagement": grpc.unary_unary_rpc_method_handler(
            servicer.ListEngagement, pb.ListEngagementRequest.FromString, pb.ListEngagementResponse.SerializeToString
        ),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(NAME, handlers),))


async def _of_one_workspace(messages: AsyncIterator[bytes]) -> AsyncIterator[store.AppendEventsRequest]:
    """The messages, each with the workspace of the first one."""
    parent = ""
    async for raw in messages:
        request = events_from(raw)
        if not parent:
            require_workspace(request.parent, "parent")
            parent = request.parent
        elif request.parent not in ("", parent):
            raise _another_workspace()
        request.parent = parent
        yield request


def _another_workspace() -> DirectFlowError:
    violations = [FieldViolation("parent", "must be that of the first message, or empty", "INVALID_VALUE")]
    return DirectFlowError(
        StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", "a stream records for one workspace", violations=violations
    )
