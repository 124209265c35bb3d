"""The port to the gateway's engagement store: M predicates for N people in one EvaluatePredicates."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import grpc
from directflow.engagement.v1 import engagement_pb2 as pb
from directflow.gateway.v1 import engagement_store_service_pb2 as wire
from directflow.gateway.v1 import engagement_store_service_pb2_grpc as stubs
from directflow_runtime.remote import forwarded
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from directflow_conditions.anchors import Anchor, insufficient
from directflow_conditions.leaves import predicate_of, scope_asked
from directflow_conditions.policies import RAW_CODES, Raw, bytes_table
from directflow_conditions.predicates.predicate import (
    BounceKind,
    BucketPredicate,
    CountComparison,
    EventPredicate,
    EventType,
    Predicate,
    Scope,
    SubscriptionPredicate,
    SubscriptionState,
    Window,
)
from directflow_conditions.questions import Outcomes, QuestionSet

SAFE_METHODS: Final = ("directflow.gateway.v1.EngagementStoreService/EvaluatePredicates",)
"""What the channel may send again when the gateway was away: it reads."""

_RAW: Final = bytes_table({False: RAW_CODES[Raw.FALSE], True: RAW_CODES[Raw.TRUE]})
_TYPES: Final[Mapping[EventType, Any]] = {one: pb.EventType.Value(f"EVENT_TYPE_{one.name}") for one in EventType}
_BOUNCES: Final[Mapping[BounceKind, Any]] = {one: pb.BounceKind.Value(f"BOUNCE_KIND_{one.name}") for one in BounceKind}
_COMPARISONS: Final[Mapping[CountComparison, Any]] = {
    one: pb.CountComparison.Value(f"COUNT_COMPARISON_{one.name}") for one in CountComparison
}
_SCOPES: Final[Mapping[Scope, Any]] = {one: pb.Scope.Value(f"SCOPE_{one.name}") for one in Scope}
_STATES: Final[Mapping[SubscriptionState, Any]] = {
    one: pb.SubscriptionState.Value(f"SUBSCRIPTION_STATE_{one.name}") for one in SubscriptionState
}


class UnreadableAnswer(Exception):
    """The gateway's answer breaks its contract: a defect on one of the two sides."""


class PredicateGateway:
    """The gateway's engagement store over gRPC; without a timeout, deadline and trace travel with the channel."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        # `_pb2_grpc` is untyped: this module alone carries the ignore.
        self._store: Any = stubs.EngagementStoreServiceStub(channel)  # type: ignore[no-untyped-call]

    async def ask(self, questions: QuestionSet, timeout: float | None = None) -> Sequence[Outcomes]:
        """The outcomes of each condition on engagement, TRUE or FALSE, with the events that counted."""
        try:
            response = await self._store.EvaluatePredicates(request_for(questions), timeout=timeout)
        except grpc.aio.AioRpcError as error:
            raise forwarded(error) from error
        return outcomes_from(response, len(questions.conditions), len(questions.profile_ids))


def request_for(questions: QuestionSet) -> wire.EvaluatePredicatesRequest:
    """Every predicate for every person."""
    predicates = [predicate_message(predicate) for one in questions.conditions if (predicate := predicate_of(one))]
    return wire.EvaluatePredicatesRequest(
        parent=f"workspaces/{questions.conditions[0].workspace}",
        predicates=predicates,
        profile_ids=questions.profile_ids,
        anchors=_sufficient(questions.anchors, {scope_asked(one) for one in questions.conditions}),
    )


def outcomes_from(response: wire.EvaluatePredicatesResponse, predicates: int, profiles: int) -> list[Outcomes]:
    """A column of outcomes for each predicate; another number of them is a defect."""
    expected = predicates * profiles
    if len(response.outcomes) != expected or len(response.counts) != expected:
        raise UnreadableAnswer(
            f"EvaluatePredicates answered {len(response.outcomes)} outcomes and {len(response.counts)} counts for "
            f"{predicates} predicates and {profiles} profiles"
        )
    raw = bytes(response.outcomes).translate(_RAW)
    counts = list(response.counts)
    return [
        Outcomes(raw[start : start + profiles], {}, counts[start : start + profiles])
        for start in range(0, expected, profiles)
    ]


def predicate_message(predicate: Predicate) -> pb.Predicate:
    """A predicate on the wire."""
    match predicate:
        case EventPredicate():
            return pb.Predicate(event=_event_message(predicate))
        case SubscriptionPredicate(channel, state):
            return pb.Predicate(subscription=pb.SubscriptionPredicate(channel=channel, state=_STATES[state]))
        case BucketPredicate(salt, first, last):
            return pb.Predicate(bucket=pb.BucketPredicate(salt=salt, first=first, last=last))


def _event_message(event: EventPredicate) -> pb.EventPredicate:
    return pb.EventPredicate(
        type=_TYPES[event.type],
        channel=event.channel,
        message_id=event.message_id,
        campaign_id=event.campaign_id,
        link_id=event.link_id,
        comparison=_COMPARISONS[event.comparison],
        count=event.count,
        window=_window_message(event.window) if event.window != Window() else None,
        scope=_SCOPES[event.scope],
        include_machine_opens=event.include_machine_opens,
        bounce_kind=_BOUNCES[event.bounce_kind] if event.bounce_kind is not None else pb.BOUNCE_KIND_UNSPECIFIED,
    )


def _window_message(window: Window) -> pb.Window:
    return pb.Window(
        last=_duration(window.last) if window.last is not None else None,
        begin_time=_timestamp(window.begin) if window.begin is not None else None,
        end_time=_timestamp(window.end) if window.end is not None else None,
    )


def _duration(span: timedelta) -> Duration:
    message = Duration()
    message.FromTimedelta(span)
    return message


def _timestamp(moment: datetime) -> Timestamp:
    message = Timestamp()
    message.FromDatetime(moment)
    return message


def _sufficient(anchors: Sequence[Anchor], scopes: set[Scope]) -> list[Any]:
    """The anchors, with stand-ins where one lacks what some predicate asks for.

    The gateway would refuse all for one that lacks it. What comes out for such a profile is thrown away by whoever
    knows that it could not be asked; the other predicates do not look at the part that stands in.
    """
    flow = set(insufficient(anchors, Scope.SINCE_FLOW_ENTRY)) if Scope.SINCE_FLOW_ENTRY in scopes else set()
    message = set(insufficient(anchors, Scope.THIS_MESSAGE)) if Scope.THIS_MESSAGE in scopes else set()
    completed: list[Any] = list(anchors)
    for index in flow | message:
        stand_in: Any = pb.Anchor.FromString(anchors[index].SerializeToString())
        if index in flow:
            stand_in.flow_enter_time.FromSeconds(0)
        if index in message:
            stand_in.message_id = "-"
        completed[index] = stand_in
    return completed
