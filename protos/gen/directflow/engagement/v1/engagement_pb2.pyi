import datetime

from google.api import field_behavior_pb2 as _field_behavior_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class EventType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EVENT_TYPE_UNSPECIFIED: _ClassVar[EventType]
    EVENT_TYPE_SENT: _ClassVar[EventType]
    EVENT_TYPE_DELIVERED: _ClassVar[EventType]
    EVENT_TYPE_OPENED: _ClassVar[EventType]
    EVENT_TYPE_CLICKED: _ClassVar[EventType]
    EVENT_TYPE_REPLIED: _ClassVar[EventType]
    EVENT_TYPE_BOUNCED: _ClassVar[EventType]
    EVENT_TYPE_DROPPED: _ClassVar[EventType]
    EVENT_TYPE_COMPLAINED: _ClassVar[EventType]
    EVENT_TYPE_UNSUBSCRIBED: _ClassVar[EventType]
    EVENT_TYPE_RESUBSCRIBED: _ClassVar[EventType]
    EVENT_TYPE_CONVERTED: _ClassVar[EventType]
    EVENT_TYPE_FLOW_ENTERED: _ClassVar[EventType]
    EVENT_TYPE_FLOW_EXITED: _ClassVar[EventType]

class BounceKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    BOUNCE_KIND_UNSPECIFIED: _ClassVar[BounceKind]
    BOUNCE_KIND_HARD: _ClassVar[BounceKind]
    BOUNCE_KIND_SOFT: _ClassVar[BounceKind]

class CountComparison(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    COUNT_COMPARISON_UNSPECIFIED: _ClassVar[CountComparison]
    COUNT_COMPARISON_AT_LEAST: _ClassVar[CountComparison]
    COUNT_COMPARISON_AT_MOST: _ClassVar[CountComparison]
    COUNT_COMPARISON_EXACTLY: _ClassVar[CountComparison]

class Scope(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SCOPE_UNSPECIFIED: _ClassVar[Scope]
    SCOPE_ALL_TIME: _ClassVar[Scope]
    SCOPE_SINCE_FLOW_ENTRY: _ClassVar[Scope]
    SCOPE_THIS_MESSAGE: _ClassVar[Scope]

class SubscriptionState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SUBSCRIPTION_STATE_UNSPECIFIED: _ClassVar[SubscriptionState]
    SUBSCRIPTION_STATE_AVAILABLE: _ClassVar[SubscriptionState]
    SUBSCRIPTION_STATE_UNSUBSCRIBED: _ClassVar[SubscriptionState]
    SUBSCRIPTION_STATE_HARD_BOUNCED: _ClassVar[SubscriptionState]
    SUBSCRIPTION_STATE_COMPLAINED: _ClassVar[SubscriptionState]
EVENT_TYPE_UNSPECIFIED: EventType
EVENT_TYPE_SENT: EventType
EVENT_TYPE_DELIVERED: EventType
EVENT_TYPE_OPENED: EventType
EVENT_TYPE_CLICKED: EventType
EVENT_TYPE_REPLIED: EventType
EVENT_TYPE_BOUNCED: EventType
EVENT_TYPE_DROPPED: EventType
EVENT_TYPE_COMPLAINED: EventType
EVENT_TYPE_UNSUBSCRIBED: EventType
EVENT_TYPE_RESUBSCRIBED: EventType
EVENT_TYPE_CONVERTED: EventType
EVENT_TYPE_FLOW_ENTERED: EventType
EVENT_TYPE_FLOW_EXITED: EventType
BOUNCE_KIND_UNSPECIFIED: BounceKind
BOUNCE_KIND_HARD: BounceKind
BOUNCE_KIND_SOFT: BounceKind
COUNT_COMPARISON_UNSPECIFIED: CountComparison
COUNT_COMPARISON_AT_LEAST: CountComparison
COUNT_COMPARISON_AT_MOST: CountComparison
COUNT_COMPARISON_EXACTLY: CountComparison
SCOPE_UNSPECIFIED: Scope
SCOPE_ALL_TIME: Scope
SCOPE_SINCE_FLOW_ENTRY: Scope
SCOPE_THIS_MESSAGE: Scope
SUBSCRIPTION_STATE_UNSPECIFIED: SubscriptionState
SUBSCRIPTION_STATE_AVAILABLE: SubscriptionState
SUBSCRIPTION_STATE_UNSUBSCRIBED: SubscriptionState
SUBSCRIPTION_STATE_HARD_BOUNCED: SubscriptionState
SUBSCRIPTION_STATE_COMPLAINED: SubscriptionState

class Event(_message.Message):
    __slots__ = ("event_id", "type", "profile_id", "channel", "message_id", "campaign_id", "flow_id", "flow_run_id", "link_id", "machine_open", "bounce_kind", "occur_time")
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    PROFILE_ID_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    CAMPAIGN_ID_FIELD_NUMBER: _ClassVar[int]
    FLOW_ID_FIELD_NUMBER: _ClassVar[int]
    FLOW_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    LINK_ID_FIELD_NUMBER: _ClassVar[int]
    MACHINE_OPEN_FIELD_NUMBER: _ClassVar[int]
    BOUNCE_KIND_FIELD_NUMBER: _ClassVar[int]
    OCCUR_TIME_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    type: EventType
    profile_id: str
    channel: str
    message_id: str
    campaign_id: str
    flow_id: str
    flow_run_id: str
    link_id: str
    machine_open: bool
    bounce_kind: BounceKind
    occur_time: _timestamp_pb2.Timestamp
    def __init__(self, event_id: _Optional[str] = ..., type: _Optional[_Union[EventType, str]] = ..., profile_id: _Optional[str] = ..., channel: _Optional[str] = ..., message_id: _Optional[str] = ..., campaign_id: _Optional[str] = ..., flow_id: _Optional[str] = ..., flow_run_id: _Optional[str] = ..., link_id: _Optional[str] = ..., machine_open: bool = ..., bounce_kind: _Optional[_Union[BounceKind, str]] = ..., occur_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Predicate(_message.Message):
    __slots__ = ("event", "subscription", "bucket")
    EVENT_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIPTION_FIELD_NUMBER: _ClassVar[int]
    BUCKET_FIELD_NUMBER: _ClassVar[int]
    event: EventPredicate
    subscription: SubscriptionPredicate
    bucket: BucketPredicate
    def __init__(self, event: _Optional[_Union[EventPredicate, _Mapping]] = ..., subscription: _Optional[_Union[SubscriptionPredicate, _Mapping]] = ..., bucket: _Optional[_Union[BucketPredicate, _Mapping]] = ...) -> None: ...

class EventPredicate(_message.Message):
    __slots__ = ("type", "channel", "message_id", "campaign_id", "link_id", "comparison", "count", "window", "scope", "include_machine_opens", "bounce_kind")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    CAMPAIGN_ID_FIELD_NUMBER: _ClassVar[int]
    LINK_ID_FIELD_NUMBER: _ClassVar[int]
    COMPARISON_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    WINDOW_FIELD_NUMBER: _ClassVar[int]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_MACHINE_OPENS_FIELD_NUMBER: _ClassVar[int]
    BOUNCE_KIND_FIELD_NUMBER: _ClassVar[int]
    type: EventType
    channel: str
    message_id: str
    campaign_id: str
    link_id: str
    comparison: CountComparison
    count: int
    window: Window
    scope: Scope
    include_machine_opens: bool
    bounce_kind: BounceKind
    def __init__(self, type: _Optional[_Union[EventType, str]] = ..., channel: _Optional[str] = ..., message_id: _Optional[str] = ..., campaign_id: _Optional[str] = ..., link_id: _Optional[str] = ..., comparison: _Optional[_Union[CountComparison, str]] = ..., count: _Optional[int] = ..., window: _Optional[_Union[Window, _Mapping]] = ..., scope: _Optional[_Union[Scope, str]] = ..., include_machine_opens: bool = ..., bounce_kind: _Optional[_Union[BounceKind, str]] = ...) -> None: ...

class Window(_message.Message):
    __slots__ = ("last", "begin_time", "end_time")
    LAST_FIELD_NUMBER: _ClassVar[int]
    BEGIN_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    last: _duration_pb2.Duration
    begin_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    def __init__(self, last: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., begin_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class SubscriptionPredicate(_message.Message):
    __slots__ = ("channel", "state")
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    channel: str
    state: SubscriptionState
    def __init__(self, channel: _Optional[str] = ..., state: _Optional[_Union[SubscriptionState, str]] = ...) -> None: ...

class BucketPredicate(_message.Message):
    __slots__ = ("salt", "first", "last")
    SALT_FIELD_NUMBER: _ClassVar[int]
    FIRST_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    salt: str
    first: int
    last: int
    def __init__(self, salt: _Optional[str] = ..., first: _Optional[int] = ..., last: _Optional[int] = ...) -> None: ...

class Anchor(_message.Message):
    __slots__ = ("flow_id", "flow_run_id", "flow_enter_time", "message_id")
    FLOW_ID_FIELD_NUMBER: _ClassVar[int]
    FLOW_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    FLOW_ENTER_TIME_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    flow_id: str
    flow_run_id: str
    flow_enter_time: _timestamp_pb2.Timestamp
    message_id: str
    def __init__(self, flow_id: _Optional[str] = ..., flow_run_id: _Optional[str] = ..., flow_enter_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., message_id: _Optional[str] = ...) -> None: ...
