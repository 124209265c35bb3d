"""Between engagement.v1.Predicate and the predicates of the domain."""

import enum
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

from directflow.engagement.v1 import engagement_pb2 as pb
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from directflow_conditions.predicates.people import MAX_ID_CHARACTERS
from directflow_conditions.predicates.predicate import (
    LAST_BUCKET,
    MAX_COUNT,
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
from directflow_conditions.violations import Violations

_TYPES: Final[Mapping[EventType, Any]] = {one: pb.EventType.Value(f"EVENT_TYPE_{one.name}") for one in EventType}
_BOUNCES: Final[Mapping[BounceKind, Any]] = {one: pb.BounceKind.Value(f"BOUNCE_KIND_{one.name}") for one in BounceKind}
_COMPARISONS: Final[Mapping[CountComparison, Any]] = {
    one: pb.CountComparison.Value(f"COUNT_COMPARISON_{one.name}") for one in CountComparison
}
SCOPES: Final[Mapping[Scope, Any]] = {one: pb.Scope.Value(f"SCOPE_{one.name}") for one in Scope}
_STATES: Final[Mapping[SubscriptionState, Any]] = {
    one: pb.SubscriptionState.Value(f"SUBSCRIPTION_STATE_{one.name}") for one in SubscriptionState
}


_Named = TypeVar("_Named", bound=enum.Enum)

_MICROSECOND_NS: Final = 1_000
_SECOND_NS: Final = 1_000_000_000
_LONGEST_S: Final = 315_576_000_000
"""Of a google.protobuf.Duration: about ten thousand years."""
_FIRST_SECOND: Final = -62_135_596_800
_LAST_SECOND: Final = 253_402_300_799
"""Of a google.protobuf.Timestamp: the years 1 to 9999."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def predicate_from(message: pb.Predicate, path: str, violations: Violations) -> Predicate | None:
    """The predicate of a message whose enums are known; None where a violation leaves nothing to make one of."""
    match message.WhichOneof("predicate"):
        case "event":
            return _event_from(message.event, f"{path}.event", violations)
        case "subscription":
            return _subscription_from(message.subscription, f"{path}.subscription", violations)
        case "bucket":
            return _bucket_from(message.bucket, f"{path}.bucket", violations)
        case _:
            violations.add(path, "exactly one of event, subscription and bucket must be set", "REQUIRED")
            return None


def _event_from(message: pb.EventPredicate, path: str, violations: Violations) -> Predicate | None:
    _check_texts(message, _FILTERS, path, violations)
    if not 0 <= message.count <= MAX_COUNT:
        violations.add(f"{path}.count", f"0 to {MAX_COUNT}")
    for name, fitting in _OF_ONE_TYPE.items():
        if getattr(message, name) and message.type != _TYPES[fitting]:
            violations.add(f"{path}.{name}", f"is for events of type {fitting.value}", "CONTRADICTION")
    window = _window_from(message.window, f"{path}.window", violations)
    if not message.type:
        violations.add(f"{path}.type", "must be set", "REQUIRED")
        return None
    return EventPredicate(
        type=_of(_TYPES, message.type),
        channel=message.channel,
        message_id=message.message_id,
        campaign_id=message.campaign_id,
        link_id=message.link_id,
        comparison=_of(_COMPARISONS, message.comparison) if message.comparison else CountComparison.AT_LEAST,
        count=message.count,
        window=window,
        scope=_of(SCOPES, message.scope) if message.scope else Scope.ALL_TIME,
        include_machine_opens=message.include_machine_opens,
        bounce_kind=_of(_BOUNCES, message.bounce_kind) if message.bounce_kind else None,
    )


_FILTERS: Final = ("channel", "message_id", "campaign_id", "link_id")
_OF_ONE_TYPE: Final = {
    "bounce_kind": EventType.BOUNCED,
    "include_machine_opens": EventType.OPENED,
    "link_id": EventType.CLICKED,
}


def _subscription_from(
    message: pb.SubscriptionPredicate, path: str, violations: Violations
) -> SubscriptionPredicate | None:
    _check_texts(message, ("channel",), path, violations)
    for name in ("channel", "state"):
        if not getattr(message, name):
            violations.add(f"{path}.{name}", "must be set", "REQUIRED")
    return SubscriptionPredicate(message.channel, _of(_STATES, message.state)) if message.state else None


def _bucket_from(message: pb.BucketPredicate, path: str, violations: Violations) -> BucketPredicate:
    _check_texts(message, ("salt",), path, violations)
    if not message.salt:
        violations.add(f"{path}.salt", "must be set", "REQUIRED")
    for name in ("first", "last"):
        if not 0 <= getattr(message, name) <= LAST_BUCKET:
            violations.add(f"{path}.{name}", f"0 to {LAST_BUCKET}")
    if message.first > message.last:
        violations.add(f"{path}.last", "must not be less than first", "CONTRADICTION")
    return BucketPredicate(message.salt, message.first, message.last)


def _window_from(message: pb.Window, path: str, violations: Violations) -> Window:
    last = _span(message.last, f"{path}.last", violations) if message.HasField("last") else None
    begin, end = (
        _moment(getattr(message, name), f"{path}.{name}", violations) if message.HasField(name) else None
        for name in ("begin_time", "end_time")
    )
    if begin is not None and end is not None and begin >= end:
        violations.add(f"{path}.end_time", "must be later than begin_time", "CONTRADICTION")
    return Window(last, begin, end)


def _span(message: Duration, path: str, violations: Violations) -> timedelta | None:
    # Both parts must have one sign: 1 s and -1 ns is no way to write 0.999999999 s.
    if message.seconds < 0 or not 0 <= message.nanos < _SECOND_NS or message.seconds > _LONGEST_S:
        violations.add(path, "is not a span of time: seconds and nanos from 0 on, nanos below a second")
    elif message.nanos % _MICROSECOND_NS:
        violations.add(path, "is finer than a microsecond")
    elif not message.seconds and not message.nanos:
        violations.add(path, "must be longer than nothing")
    else:
        return timedelta(seconds=message.seconds, microseconds=message.nanos // _MICROSECOND_NS)
    return None


def _moment(message: Timestamp, path: str, violations: Violations) -> datetime | None:
    if not _FIRST_SECOND <= message.seconds <= _LAST_SECOND or not 0 <= message.nanos < _SECOND_NS:
        violations.add(path, "is not a time of the years 1 to 9999")
    elif message.nanos % _MICROSECOND_NS:
        violations.add(path, "is finer than a microsecond")
    else:
        return _EPOCH + timedelta(seconds=message.seconds, microseconds=message.nanos // _MICROSECOND_NS)
    return None


def _check_texts(message: Any, names: tuple[str, ...], path: str, violations: Violations) -> None:
    for name in names:
        if len(getattr(message, name)) > MAX_ID_CHARACTERS:
            violations.add(f"{path}.{name}", f"at most {MAX_ID_CHARACTERS} characters")


def _of(numbers: Mapping[_Named, int], number: int) -> _Named:
    """The member with that number. Raises LookupError for one that this version does not know."""
    return {its_number: one for one, its_number in numbers.items()}[number]


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
        scope=SCOPES[event.scope],
        include_machine_opens=event.include_machine_opens,
        bounce_kind=_BOUNCES[event.bounce_kind] if event.bounce_kind is not None else pb.BOUNCE_KIND_UNSPECIFIED,
    )


def _window_message(window: Window) -> pb.Window:
    return pb.Window(
        last=_duration(window.last) if window.last is not None else None,
        begin_time=timestamp_message(window.begin) if window.begin is not None else None,
        end_time=timestamp_message(window.end) if window.end is not None else None,
    )


def _duration(span: timedelta) -> Duration:
    message = Duration()
    message.FromTimedelta(span)
    return message


def timestamp_message(moment: datetime) -> Timestamp:
    """A moment that has a zone, on the wire."""
    message = Timestamp()
    message.FromDatetime(moment)
    return message
