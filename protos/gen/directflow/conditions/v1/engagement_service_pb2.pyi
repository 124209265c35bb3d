from directflow.engagement.v1 import engagement_pb2 as _engagement_pb2
from google.api import field_behavior_pb2 as _field_behavior_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RecordEngagementRequest(_message.Message):
    __slots__ = ("parent", "events")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    parent: str
    events: _containers.RepeatedCompositeFieldContainer[_engagement_pb2.Event]
    def __init__(self, parent: _Optional[str] = ..., events: _Optional[_Iterable[_Union[_engagement_pb2.Event, _Mapping]]] = ...) -> None: ...

class RecordEngagementResponse(_message.Message):
    __slots__ = ("accepted_count", "duplicate_count", "errors")
    ACCEPTED_COUNT_FIELD_NUMBER: _ClassVar[int]
    DUPLICATE_COUNT_FIELD_NUMBER: _ClassVar[int]
    ERRORS_FIELD_NUMBER: _ClassVar[int]
    accepted_count: int
    duplicate_count: int
    errors: _containers.RepeatedCompositeFieldContainer[EngagementError]
    def __init__(self, accepted_count: _Optional[int] = ..., duplicate_count: _Optional[int] = ..., errors: _Optional[_Iterable[_Union[EngagementError, _Mapping]]] = ...) -> None: ...

class EngagementError(_message.Message):
    __slots__ = ("index", "reason", "message")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    index: int
    reason: str
    message: str
    def __init__(self, index: _Optional[int] = ..., reason: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...

class StreamEngagementRequest(_message.Message):
    __slots__ = ("parent", "events")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    parent: str
    events: _containers.RepeatedCompositeFieldContainer[_engagement_pb2.Event]
    def __init__(self, parent: _Optional[str] = ..., events: _Optional[_Iterable[_Union[_engagement_pb2.Event, _Mapping]]] = ...) -> None: ...

class StreamEngagementResponse(_message.Message):
    __slots__ = ("accepted_count", "duplicate_count", "errors")
    ACCEPTED_COUNT_FIELD_NUMBER: _ClassVar[int]
    DUPLICATE_COUNT_FIELD_NUMBER: _ClassVar[int]
    ERRORS_FIELD_NUMBER: _ClassVar[int]
    accepted_count: int
    duplicate_count: int
    errors: _containers.RepeatedCompositeFieldContainer[EngagementError]
    def __init__(self, accepted_count: _Optional[int] = ..., duplicate_count: _Optional[int] = ..., errors: _Optional[_Iterable[_Union[EngagementError, _Mapping]]] = ...) -> None: ...

class ListEngagementRequest(_message.Message):
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

class ListEngagementResponse(_message.Message):
    __slots__ = ("events", "next_page_token")
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[_engagement_pb2.Event]
    next_page_token: str
    def __init__(self, events: _Optional[_Iterable[_Union[_engagement_pb2.Event, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...
