import datetime

from directflow.engagement.v1 import engagement_pb2 as _engagement_pb2
from google.api import field_behavior_pb2 as _field_behavior_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AppendEventsRequest(_message.Message):
    __slots__ = ("parent", "events")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    parent: str
    events: _containers.RepeatedCompositeFieldContainer[_engagement_pb2.Event]
    def __init__(self, parent: _Optional[str] = ..., events: _Optional[_Iterable[_Union[_engagement_pb2.Event, _Mapping]]] = ...) -> None: ...

class AppendEventsResponse(_message.Message):
    __slots__ = ("accepted_count", "duplicate_count", "errors")
    ACCEPTED_COUNT_FIELD_NUMBER: _ClassVar[int]
    DUPLICATE_COUNT_FIELD_NUMBER: _ClassVar[int]
    ERRORS_FIELD_NUMBER: _ClassVar[int]
    accepted_count: int
    duplicate_count: int
    errors: _containers.RepeatedCompositeFieldContainer[EventError]
    def __init__(self, accepted_count: _Optional[int] = ..., duplicate_count: _Optional[int] = ..., errors: _Optional[_Iterable[_Union[EventError, _Mapping]]] = ...) -> None: ...

class EventError(_message.Message):
    __slots__ = ("index", "reason", "message")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    index: int
    reason: str
    message: str
    def __init__(self, index: _Optional[int] = ..., reason: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...

class EvaluatePredicatesRequest(_message.Message):
    __slots__ = ("parent", "predicates", "profile_ids", "anchors", "evaluation_time")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    PREDICATES_FIELD_NUMBER: _ClassVar[int]
    PROFILE_IDS_FIELD_NUMBER: _ClassVar[int]
    ANCHORS_FIELD_NUMBER: _ClassVar[int]
    EVALUATION_TIME_FIELD_NUMBER: _ClassVar[int]
    parent: str
    predicates: _containers.RepeatedCompositeFieldContainer[_engagement_pb2.Predicate]
    profile_ids: _containers.RepeatedScalarFieldContainer[str]
    anchors: _containers.RepeatedCompositeFieldContainer[_engagement_pb2.Anchor]
    evaluation_time: _timestamp_pb2.Timestamp
    def __init__(self, parent: _Optional[str] = ..., predicates: _Optional[_Iterable[_Union[_engagement_pb2.Predicate, _Mapping]]] = ..., profile_ids: _Optional[_Iterable[str]] = ..., anchors: _Optional[_Iterable[_Union[_engagement_pb2.Anchor, _Mapping]]] = ..., evaluation_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class EvaluatePredicatesResponse(_message.Message):
    __slots__ = ("outcomes", "counts")
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    outcomes: _containers.RepeatedScalarFieldContainer[bool]
    counts: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, outcomes: _Optional[_Iterable[bool]] = ..., counts: _Optional[_Iterable[int]] = ...) -> None: ...

class ListEventsRequest(_message.Message):
    __slots__ = ("parent", "profile_id", "page_size", "page_token")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    PROFILE_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    parent: str
    profile_id: str
    page_size: int
    page_token: str
    def __init__(self, parent: _Optional[str] = ..., profile_id: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListEventsResponse(_message.Message):
    __slots__ = ("events", "next_page_token")
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[_engagement_pb2.Event]
    next_page_token: str
    def __init__(self, events: _Optional[_Iterable[_Union[_engagement_pb2.Event, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...
