"""The port to the gateway's store of events."""

from typing import Any, Final

import grpc
from directflow.gateway.v1 import engagement_store_service_pb2 as wire
from directflow.gateway.v1 import engagement_store_service_pb2_grpc as stubs
from directflow_runtime.errors import DirectFlowError, StatusCode
from directflow_runtime.remote import forwarded, remote_error

SAFE_METHODS: Final = (
    "directflow.gateway.v1.EngagementStoreService/AppendEvents",
    "directflow.gateway.v1.EngagementStoreService/ListEvents",
)
"""What the channel may send again when the gateway was away: an event that is there already changes nothing."""

CALL_SECONDS: Final = 30.0
"""Of one call within a stream, which itself may live for an hour."""

_CALLERS_OWN: Final = frozenset({"INVALID_REQUEST", "EVENT_INVALID"})


class UnreadableAnswer(Exception):
    """The gateway's answer breaks its contract: a defect on one of the two sides."""


class EngagementStore:
    """The gateway's EngagementStoreService. Errors are raised as our own caller should see them."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        # `_pb2_grpc` is untyped: this module alone carries the ignore.
        self._store: Any = stubs.EngagementStoreServiceStub(channel)  # type: ignore[no-untyped-call]

    async def append(self, request: wire.AppendEventsRequest) -> wire.AppendEventsResponse:
        """Events that the answer accepts are durable. An answer that leaves an event out is a defect."""
        try:
            answer: wire.AppendEventsResponse = await self._store.AppendEvents(request, timeout=CALL_SECONDS)
        except grpc.aio.AioRpcError as error:
            raise _as_callers_see_it(error) from error
        if answer.accepted_count + len(answer.errors) != len(request.events):
            raise UnreadableAnswer(
                f"of {len(request.events)} events AppendEvents accepted {answer.accepted_count} and refused "
                f"{len(answer.errors)}"
            )
        return answer

    async def list(self, request: wire.ListEventsRequest) -> wire.ListEventsResponse:
        """One page of a profile's events."""
        try:
            page: wire.ListEventsResponse = await self._store.ListEvents(request)
        except grpc.aio.AioRpcError as error:
            raise _as_callers_see_it(error) from error
        return page


def _as_callers_see_it(error: grpc.aio.AioRpcError) -> DirectFlowError:
    """Both requests are the caller's, field for field: what is wrong with them is the caller's to mend."""
    inner = remote_error(error)
    if inner.code is StatusCode.INVALID_ARGUMENT and inner.reason in _CALLERS_OWN:
        return DirectFlowError(
            StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", inner.message, violations=inner.violations
        )
    return forwarded(inner)
