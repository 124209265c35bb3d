"""Between the messages of conditions.v1 and those of the gateway's store, which are the same but for their names."""

from typing import Final, TypeVar

from directflow.conditions.v1 import engagement_service_pb2 as pb
from directflow.conditions.v1 import errors_pb2
from directflow.gateway.v1 import engagement_store_service_pb2 as store
from directflow_runtime.errors import DirectFlowError, FieldViolation, StatusCode
from google.protobuf.message import DecodeError

MOST_EVENTS: Final = 10_000
MOST_LISTED: Final = 1_000

Acknowledgement = TypeVar("Acknowledgement", pb.RecordEngagementResponse, pb.StreamEngagementResponse)

_REASONS: Final = frozenset(
    name.removeprefix("ERROR_REASON_") for name in errors_pb2.ErrorReason.DESCRIPTOR.values_by_name
)


def events_from(raw: bytes) -> store.AppendEventsRequest:
    """A RecordEngagementRequest or StreamEngagementRequest, read as the gateway's message.

    The three have the same fields (a test holds them to it). So a million events are parsed once and never copied,
    which would take as long as parsing and serialising them together.
    """
    try:
        request = store.AppendEventsRequest.FromString(raw)
    except DecodeError:
        raise DirectFlowError(StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", "the message does not parse") from None
    if not 1 <= len(request.events) <= MOST_EVENTS:
        raise _out_of_range("events", f"1 to {MOST_EVENTS}")
    return request


def page_request(request: pb.ListEngagementRequest) -> store.ListEventsRequest:
    """What the gateway is asked; INVALID_REQUEST where the size of the page is none."""
    if not 0 <= request.page_size <= MOST_LISTED:
        raise _out_of_range("page_size", f"1 to {MOST_LISTED}")
    return store.ListEventsRequest(
        parent=request.parent,
        profile_id=request.profile_id,
        page_size=request.page_size,
        page_token=request.page_token,
    )


def acknowledgement(kind: type[Acknowledgement], answer: store.AppendEventsResponse) -> Acknowledgement:
    """The gateway's answer under our own reasons."""
    errors = [pb.EngagementError(index=e.index, reason=_reason(e.reason), message=e.message) for e in answer.errors]
    return kind(accepted_count=answer.accepted_count, duplicate_count=answer.duplicate_count, errors=errors)


def _reason(inner: str) -> str:
    return inner if inner in _REASONS else "GATEWAY_REFUSED"


def _out_of_range(field: str, description: str) -> DirectFlowError:
    violations = [FieldViolation(field, description, "OUT_OF_RANGE")]
    return DirectFlowError(
        StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", f"{field}: {description}", violations=violations
    )
