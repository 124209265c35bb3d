"""Between the messages of the engagement API and the store's own terms."""

import asyncio
from collections.abc import Sequence
from typing import TypeVar

from directflow.engagement.v1 import engagement_pb2 as pb
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from directflow_gateway.engagement.anchors import Anchor
from directflow_gateway.engagement.events import NO_TIME, Event
from directflow_gateway.engagement.instants import SECOND_US
from directflow_gateway.engagement.predicates import (
    BucketPredicate,
    Comparison,
    EventPredicate,
    Predicate,
    Scope,
    SubscriptionPredicate,
    SubscriptionState,
    Window,
)

Default = TypeVar("Default", int, None)

READ_AT_ONCE = 1_000
"""Messages that are read until the event loop may turn to other calls."""
NANOSECONDS = 1_000_000_000


async def events_of(messages: Sequence[pb.Event]) -> list[Event]:
    """The events as they were sent, unchecked."""
    events: list[Event] = []
    for begin in range(0, len(messages), READ_AT_ONCE):
        events += map(event_of, messages[begin : begin + READ_AT_ONCE])
        await asyncio.sleep(0)
    return events


def event_of(message: pb.Event) -> Event:
    """One event as it was sent."""
    return Event(
        message.event_id,
        message.type,
        message.profile_id,
        message.channel,
        message.message_id,
        message.campaign_id,
        message.flow_id,
        message.flow_run_id,
        message.link_id,
        message.machine_open,
        message.bounce_kind,
        given_instant(message, "occur_time", NO_TIME),
    )


def event_message(event: Event) -> pb.Event:
    """One event for the wire."""
    seconds, rest = divmod(event.occurred_us, SECOND_US)
    fields = event._asdict()
    del fields["occurred_us"]
    return pb.Event(**fields, occur_time=Timestamp(seconds=seconds, nanos=rest * 1000))


def instant_of(message: Timestamp) -> int:
    """Microseconds since 1970; what is finer is cut. NO_TIME where the nanoseconds are none."""
    if not 0 <= message.nanos < NANOSECONDS:
        return NO_TIME
    return int(message.seconds) * SECOND_US + message.nanos // 1000


def given_instant(message: Message, field: str, otherwise: Default) -> int | Default:
    """The instant in a field of a message; `otherwise` where it is not set."""
    return instant_of(getattr(message, field)) if message.HasField(field) else otherwise


def anchor_of(message: pb.Anchor) -> Anchor:
    """One anchor."""
    entered = given_instant(message, "flow_enter_time", None)
    return Anchor(message.flow_id, message.flow_run_id, entered, message.message_id)


def predicate_of(message: pb.Predicate) -> Predicate | None:
    """A predicate whose enums are known; None where nothing is set."""
    match message.WhichOneof("predicate"):
        case "event":
            return _event_predicate(message.event)
        case "subscription":
            return SubscriptionPredicate(message.subscription.channel, SubscriptionState(message.subscription.state))
        case "bucket":
            return BucketPredicate(message.bucket.salt, message.bucket.first, message.bucket.last)
        case _:
            return None


def _event_predicate(message: pb.EventPredicate) -> EventPredicate:
    return EventPredicate(
        message.type,
        message.channel,
        message.message_id,
        message.campaign_id,
        message.link_id,
        message.bounce_kind,
        message.include_machine_opens,
        Comparison(message.comparison or Comparison.AT_LEAST),
        message.count,
        _window(message.window),
        Scope(message.scope or Scope.ALL_TIME),
    )


def _window(message: pb.Window) -> Window:
    last = message.last.seconds * SECOND_US + message.last.nanos // 1000 if message.HasField("last") else None
    return Window(last, given_instant(message, "begin_time", None), given_instant(message, "end_time", None))
