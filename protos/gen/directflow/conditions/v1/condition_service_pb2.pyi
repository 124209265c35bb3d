import datetime

from directflow.engagement.v1 import engagement_pb2 as _engagement_pb2
from directflow.sql.v1 import sql_pb2 as _sql_pb2
from google.api import field_behavior_pb2 as _field_behavior_pb2
from google.api import resource_pb2 as _resource_pb2
from google.protobuf import empty_pb2 as _empty_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Decision(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DECISION_UNSPECIFIED: _ClassVar[Decision]
    DECISION_TRUE: _ClassVar[Decision]
    DECISION_FALSE: _ClassVar[Decision]
    DECISION_ERROR: _ClassVar[Decision]
DECISION_UNSPECIFIED: Decision
DECISION_TRUE: Decision
DECISION_FALSE: Decision
DECISION_ERROR: Decision

class Condition(_message.Message):
    __slots__ = ("name", "display_name", "sql", "engagement", "expression", "policy", "etag", "revision", "update_time", "validation_report")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    SQL_FIELD_NUMBER: _ClassVar[int]
    ENGAGEMENT_FIELD_NUMBER: _ClassVar[int]
    EXPRESSION_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_FIELD_NUMBER: _ClassVar[int]
    VALIDATION_REPORT_FIELD_NUMBER: _ClassVar[int]
    name: str
    display_name: str
    sql: SqlCondition
    engagement: _engagement_pb2.Predicate
    expression: Expression
    policy: Policy
    etag: str
    revision: int
    update_time: _timestamp_pb2.Timestamp
    validation_report: _sql_pb2.ValidationReport
    def __init__(self, name: _Optional[str] = ..., display_name: _Optional[str] = ..., sql: _Optional[_Union[SqlCondition, _Mapping]] = ..., engagement: _Optional[_Union[_engagement_pb2.Predicate, _Mapping]] = ..., expression: _Optional[_Union[Expression, _Mapping]] = ..., policy: _Optional[_Union[Policy, _Mapping]] = ..., etag: _Optional[str] = ..., revision: _Optional[int] = ..., update_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., validation_report: _Optional[_Union[_sql_pb2.ValidationReport, _Mapping]] = ...) -> None: ...

class SqlCondition(_message.Message):
    __slots__ = ("connection", "sql", "variables")
    CONNECTION_FIELD_NUMBER: _ClassVar[int]
    SQL_FIELD_NUMBER: _ClassVar[int]
    VARIABLES_FIELD_NUMBER: _ClassVar[int]
    connection: str
    sql: str
    variables: _containers.RepeatedCompositeFieldContainer[ConditionVariable]
    def __init__(self, connection: _Optional[str] = ..., sql: _Optional[str] = ..., variables: _Optional[_Iterable[_Union[ConditionVariable, _Mapping]]] = ...) -> None: ...

class ConditionVariable(_message.Message):
    __slots__ = ("variable", "optional", "default_value", "description")
    VARIABLE_FIELD_NUMBER: _ClassVar[int]
    OPTIONAL_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_VALUE_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    variable: _sql_pb2.Variable
    optional: bool
    default_value: _sql_pb2.Value
    description: str
    def __init__(self, variable: _Optional[_Union[_sql_pb2.Variable, _Mapping]] = ..., optional: bool = ..., default_value: _Optional[_Union[_sql_pb2.Value, _Mapping]] = ..., description: _Optional[str] = ...) -> None: ...

class Expression(_message.Message):
    __slots__ = ("condition", "all_of", "any_of", "negation")
    CONDITION_FIELD_NUMBER: _ClassVar[int]
    ALL_OF_FIELD_NUMBER: _ClassVar[int]
    ANY_OF_FIELD_NUMBER: _ClassVar[int]
    NEGATION_FIELD_NUMBER: _ClassVar[int]
    condition: str
    all_of: Operands
    any_of: Operands
    negation: Expression
    def __init__(self, condition: _Optional[str] = ..., all_of: _Optional[_Union[Operands, _Mapping]] = ..., any_of: _Optional[_Union[Operands, _Mapping]] = ..., negation: _Optional[_Union[Expression, _Mapping]] = ...) -> None: ...

class Operands(_message.Message):
    __slots__ = ("operands",)
    OPERANDS_FIELD_NUMBER: _ClassVar[int]
    operands: _containers.RepeatedCompositeFieldContainer[Expression]
    def __init__(self, operands: _Optional[_Iterable[_Union[Expression, _Mapping]]] = ...) -> None: ...

class Policy(_message.Message):
    __slots__ = ("on_null", "on_no_row", "on_multiple_rows", "on_error")
    ON_NULL_FIELD_NUMBER: _ClassVar[int]
    ON_NO_ROW_FIELD_NUMBER: _ClassVar[int]
    ON_MULTIPLE_ROWS_FIELD_NUMBER: _ClassVar[int]
    ON_ERROR_FIELD_NUMBER: _ClassVar[int]
    on_null: Decision
    on_no_row: Decision
    on_multiple_rows: Decision
    on_error: Decision
    def __init__(self, on_null: _Optional[_Union[Decision, str]] = ..., on_no_row: _Optional[_Union[Decision, str]] = ..., on_multiple_rows: _Optional[_Union[Decision, str]] = ..., on_error: _Optional[_Union[Decision, str]] = ...) -> None: ...

class GetConditionRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ListConditionsRequest(_message.Message):
    __slots__ = ("parent", "page_size", "page_token", "filter")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    parent: str
    page_size: int
    page_token: str
    filter: str
    def __init__(self, parent: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., filter: _Optional[str] = ...) -> None: ...

class ListConditionsResponse(_message.Message):
    __slots__ = ("conditions", "next_page_token")
    CONDITIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    conditions: _containers.RepeatedCompositeFieldContainer[Condition]
    next_page_token: str
    def __init__(self, conditions: _Optional[_Iterable[_Union[Condition, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class CreateConditionRequest(_message.Message):
    __slots__ = ("parent", "condition_id", "condition", "validate_only", "request_id")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    CONDITION_ID_FIELD_NUMBER: _ClassVar[int]
    CONDITION_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    parent: str
    condition_id: str
    condition: Condition
    validate_only: bool
    request_id: str
    def __init__(self, parent: _Optional[str] = ..., condition_id: _Optional[str] = ..., condition: _Optional[_Union[Condition, _Mapping]] = ..., validate_only: bool = ..., request_id: _Optional[str] = ...) -> None: ...

class UpdateConditionRequest(_message.Message):
    __slots__ = ("condition", "validate_only", "request_id")
    CONDITION_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    condition: Condition
    validate_only: bool
    request_id: str
    def __init__(self, condition: _Optional[_Union[Condition, _Mapping]] = ..., validate_only: bool = ..., request_id: _Optional[str] = ...) -> None: ...

class DeleteConditionRequest(_message.Message):
    __slots__ = ("name", "etag", "validate_only")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    name: str
    etag: str
    validate_only: bool
    def __init__(self, name: _Optional[str] = ..., etag: _Optional[str] = ..., validate_only: bool = ...) -> None: ...

class ListConditionRevisionsRequest(_message.Message):
    __slots__ = ("name", "page_size", "page_token")
    NAME_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    name: str
    page_size: int
    page_token: str
    def __init__(self, name: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListConditionRevisionsResponse(_message.Message):
    __slots__ = ("revisions", "next_page_token")
    REVISIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    revisions: _containers.RepeatedCompositeFieldContainer[ConditionRevision]
    next_page_token: str
    def __init__(self, revisions: _Optional[_Iterable[_Union[ConditionRevision, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ConditionRevision(_message.Message):
    __slots__ = ("condition", "revision", "author", "save_time", "deleted")
    CONDITION_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    AUTHOR_FIELD_NUMBER: _ClassVar[int]
    SAVE_TIME_FIELD_NUMBER: _ClassVar[int]
    DELETED_FIELD_NUMBER: _ClassVar[int]
    condition: Condition
    revision: int
    author: str
    save_time: _timestamp_pb2.Timestamp
    deleted: bool
    def __init__(self, condition: _Optional[_Union[Condition, _Mapping]] = ..., revision: _Optional[int] = ..., author: _Optional[str] = ..., save_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., deleted: bool = ...) -> None: ...

class RollbackConditionRequest(_message.Message):
    __slots__ = ("name", "revision", "etag", "validate_only")
    NAME_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    name: str
    revision: int
    etag: str
    validate_only: bool
    def __init__(self, name: _Optional[str] = ..., revision: _Optional[int] = ..., etag: _Optional[str] = ..., validate_only: bool = ...) -> None: ...
