import datetime

from directflow.conditions.v1 import condition_service_pb2 as _condition_service_pb2
from directflow.engagement.v1 import engagement_pb2 as _engagement_pb2
from directflow.sql.v1 import sql_pb2 as _sql_pb2
from google.api import field_behavior_pb2 as _field_behavior_pb2
from google.api import resource_pb2 as _resource_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RawOutcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RAW_OUTCOME_UNSPECIFIED: _ClassVar[RawOutcome]
    RAW_OUTCOME_TRUE: _ClassVar[RawOutcome]
    RAW_OUTCOME_FALSE: _ClassVar[RawOutcome]
    RAW_OUTCOME_NULL: _ClassVar[RawOutcome]
    RAW_OUTCOME_NO_ROW: _ClassVar[RawOutcome]
    RAW_OUTCOME_MULTIPLE_ROWS: _ClassVar[RawOutcome]
    RAW_OUTCOME_ERROR: _ClassVar[RawOutcome]
RAW_OUTCOME_UNSPECIFIED: RawOutcome
RAW_OUTCOME_TRUE: RawOutcome
RAW_OUTCOME_FALSE: RawOutcome
RAW_OUTCOME_NULL: RawOutcome
RAW_OUTCOME_NO_ROW: RawOutcome
RAW_OUTCOME_MULTIPLE_ROWS: RawOutcome
RAW_OUTCOME_ERROR: RawOutcome

class Evaluation(_message.Message):
    __slots__ = ("raw", "decided", "error", "leaves")
    RAW_FIELD_NUMBER: _ClassVar[int]
    DECIDED_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    LEAVES_FIELD_NUMBER: _ClassVar[int]
    raw: RawOutcome
    decided: _condition_service_pb2.Decision
    error: EvaluationError
    leaves: _containers.RepeatedCompositeFieldContainer[LeafEvaluation]
    def __init__(self, raw: _Optional[_Union[RawOutcome, str]] = ..., decided: _Optional[_Union[_condition_service_pb2.Decision, str]] = ..., error: _Optional[_Union[EvaluationError, _Mapping]] = ..., leaves: _Optional[_Iterable[_Union[LeafEvaluation, _Mapping]]] = ...) -> None: ...

class EvaluationError(_message.Message):
    __slots__ = ("reason", "message", "sqlstate")
    REASON_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    SQLSTATE_FIELD_NUMBER: _ClassVar[int]
    reason: str
    message: str
    sqlstate: str
    def __init__(self, reason: _Optional[str] = ..., message: _Optional[str] = ..., sqlstate: _Optional[str] = ...) -> None: ...

class LeafEvaluation(_message.Message):
    __slots__ = ("condition", "raw", "decided", "event_count", "window_begin_time", "window_end_time", "scope")
    CONDITION_FIELD_NUMBER: _ClassVar[int]
    RAW_FIELD_NUMBER: _ClassVar[int]
    DECIDED_FIELD_NUMBER: _ClassVar[int]
    EVENT_COUNT_FIELD_NUMBER: _ClassVar[int]
    WINDOW_BEGIN_TIME_FIELD_NUMBER: _ClassVar[int]
    WINDOW_END_TIME_FIELD_NUMBER: _ClassVar[int]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    condition: str
    raw: RawOutcome
    decided: _condition_service_pb2.Decision
    event_count: int
    window_begin_time: _timestamp_pb2.Timestamp
    window_end_time: _timestamp_pb2.Timestamp
    scope: _engagement_pb2.Scope
    def __init__(self, condition: _Optional[str] = ..., raw: _Optional[_Union[RawOutcome, str]] = ..., decided: _Optional[_Union[_condition_service_pb2.Decision, str]] = ..., event_count: _Optional[int] = ..., window_begin_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., window_end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., scope: _Optional[_Union[_engagement_pb2.Scope, str]] = ...) -> None: ...

class EvaluationBatch(_message.Message):
    __slots__ = ("raw", "decided", "errors")
    RAW_FIELD_NUMBER: _ClassVar[int]
    DECIDED_FIELD_NUMBER: _ClassVar[int]
    ERRORS_FIELD_NUMBER: _ClassVar[int]
    raw: _containers.RepeatedScalarFieldContainer[RawOutcome]
    decided: _containers.RepeatedScalarFieldContainer[_condition_service_pb2.Decision]
    errors: _containers.RepeatedCompositeFieldContainer[IndexedError]
    def __init__(self, raw: _Optional[_Iterable[_Union[RawOutcome, str]]] = ..., decided: _Optional[_Iterable[_Union[_condition_service_pb2.Decision, str]]] = ..., errors: _Optional[_Iterable[_Union[IndexedError, _Mapping]]] = ...) -> None: ...

class IndexedError(_message.Message):
    __slots__ = ("index", "error")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    index: int
    error: EvaluationError
    def __init__(self, index: _Optional[int] = ..., error: _Optional[_Union[EvaluationError, _Mapping]] = ...) -> None: ...

class ProfileColumns(_message.Message):
    __slots__ = ("profile_ids", "variable_names", "variable_columns", "anchors")
    PROFILE_IDS_FIELD_NUMBER: _ClassVar[int]
    VARIABLE_NAMES_FIELD_NUMBER: _ClassVar[int]
    VARIABLE_COLUMNS_FIELD_NUMBER: _ClassVar[int]
    ANCHORS_FIELD_NUMBER: _ClassVar[int]
    profile_ids: _containers.RepeatedScalarFieldContainer[str]
    variable_names: _containers.RepeatedScalarFieldContainer[str]
    variable_columns: _containers.RepeatedCompositeFieldContainer[_sql_pb2.Column]
    anchors: _containers.RepeatedCompositeFieldContainer[_engagement_pb2.Anchor]
    def __init__(self, profile_ids: _Optional[_Iterable[str]] = ..., variable_names: _Optional[_Iterable[str]] = ..., variable_columns: _Optional[_Iterable[_Union[_sql_pb2.Column, _Mapping]]] = ..., anchors: _Optional[_Iterable[_Union[_engagement_pb2.Anchor, _Mapping]]] = ...) -> None: ...

class EvaluateConditionRequest(_message.Message):
    __slots__ = ("condition", "profile_id", "variables", "anchor", "explain")
    class VariablesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _sql_pb2.Value
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_sql_pb2.Value, _Mapping]] = ...) -> None: ...
    CONDITION_FIELD_NUMBER: _ClassVar[int]
    PROFILE_ID_FIELD_NUMBER: _ClassVar[int]
    VARIABLES_FIELD_NUMBER: _ClassVar[int]
    ANCHOR_FIELD_NUMBER: _ClassVar[int]
    EXPLAIN_FIELD_NUMBER: _ClassVar[int]
    condition: str
    profile_id: str
    variables: _containers.MessageMap[str, _sql_pb2.Value]
    anchor: _engagement_pb2.Anchor
    explain: bool
    def __init__(self, condition: _Optional[str] = ..., profile_id: _Optional[str] = ..., variables: _Optional[_Mapping[str, _sql_pb2.Value]] = ..., anchor: _Optional[_Union[_engagement_pb2.Anchor, _Mapping]] = ..., explain: bool = ...) -> None: ...

class EvaluateConditionResponse(_message.Message):
    __slots__ = ("evaluation", "revision")
    EVALUATION_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    evaluation: Evaluation
    revision: int
    def __init__(self, evaluation: _Optional[_Union[Evaluation, _Mapping]] = ..., revision: _Optional[int] = ...) -> None: ...

class EvaluateConditionsRequest(_message.Message):
    __slots__ = ("conditions", "profile_id", "variables", "anchor", "explain")
    class VariablesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _sql_pb2.Value
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_sql_pb2.Value, _Mapping]] = ...) -> None: ...
    CONDITIONS_FIELD_NUMBER: _ClassVar[int]
    PROFILE_ID_FIELD_NUMBER: _ClassVar[int]
    VARIABLES_FIELD_NUMBER: _ClassVar[int]
    ANCHOR_FIELD_NUMBER: _ClassVar[int]
    EXPLAIN_FIELD_NUMBER: _ClassVar[int]
    conditions: _containers.RepeatedScalarFieldContainer[str]
    profile_id: str
    variables: _containers.MessageMap[str, _sql_pb2.Value]
    anchor: _engagement_pb2.Anchor
    explain: bool
    def __init__(self, conditions: _Optional[_Iterable[str]] = ..., profile_id: _Optional[str] = ..., variables: _Optional[_Mapping[str, _sql_pb2.Value]] = ..., anchor: _Optional[_Union[_engagement_pb2.Anchor, _Mapping]] = ..., explain: bool = ...) -> None: ...

class EvaluateConditionsResponse(_message.Message):
    __slots__ = ("evaluations",)
    EVALUATIONS_FIELD_NUMBER: _ClassVar[int]
    evaluations: _containers.RepeatedCompositeFieldContainer[Evaluation]
    def __init__(self, evaluations: _Optional[_Iterable[_Union[Evaluation, _Mapping]]] = ...) -> None: ...

class BatchEvaluateConditionsRequest(_message.Message):
    __slots__ = ("condition", "profiles", "variables")
    class VariablesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _sql_pb2.Value
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_sql_pb2.Value, _Mapping]] = ...) -> None: ...
    CONDITION_FIELD_NUMBER: _ClassVar[int]
    PROFILES_FIELD_NUMBER: _ClassVar[int]
    VARIABLES_FIELD_NUMBER: _ClassVar[int]
    condition: str
    profiles: ProfileColumns
    variables: _containers.MessageMap[str, _sql_pb2.Value]
    def __init__(self, condition: _Optional[str] = ..., profiles: _Optional[_Union[ProfileColumns, _Mapping]] = ..., variables: _Optional[_Mapping[str, _sql_pb2.Value]] = ...) -> None: ...

class BatchEvaluateConditionsResponse(_message.Message):
    __slots__ = ("evaluations", "revision")
    EVALUATIONS_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    evaluations: EvaluationBatch
    revision: int
    def __init__(self, evaluations: _Optional[_Union[EvaluationBatch, _Mapping]] = ..., revision: _Optional[int] = ...) -> None: ...

class StreamEvaluationsRequest(_message.Message):
    __slots__ = ("start", "profiles")
    START_FIELD_NUMBER: _ClassVar[int]
    PROFILES_FIELD_NUMBER: _ClassVar[int]
    start: EvaluationStart
    profiles: ProfileColumns
    def __init__(self, start: _Optional[_Union[EvaluationStart, _Mapping]] = ..., profiles: _Optional[_Union[ProfileColumns, _Mapping]] = ...) -> None: ...

class EvaluationStart(_message.Message):
    __slots__ = ("condition", "variables")
    class VariablesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _sql_pb2.Value
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_sql_pb2.Value, _Mapping]] = ...) -> None: ...
    CONDITION_FIELD_NUMBER: _ClassVar[int]
    VARIABLES_FIELD_NUMBER: _ClassVar[int]
    condition: str
    variables: _containers.MessageMap[str, _sql_pb2.Value]
    def __init__(self, condition: _Optional[str] = ..., variables: _Optional[_Mapping[str, _sql_pb2.Value]] = ...) -> None: ...

class StreamEvaluationsResponse(_message.Message):
    __slots__ = ("evaluations", "summary")
    EVALUATIONS_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    evaluations: EvaluationBatch
    summary: EvaluationsSummary
    def __init__(self, evaluations: _Optional[_Union[EvaluationBatch, _Mapping]] = ..., summary: _Optional[_Union[EvaluationsSummary, _Mapping]] = ...) -> None: ...

class EvaluationsSummary(_message.Message):
    __slots__ = ("profile_count", "true_count", "false_count", "error_count", "revision")
    PROFILE_COUNT_FIELD_NUMBER: _ClassVar[int]
    TRUE_COUNT_FIELD_NUMBER: _ClassVar[int]
    FALSE_COUNT_FIELD_NUMBER: _ClassVar[int]
    ERROR_COUNT_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    profile_count: int
    true_count: int
    false_count: int
    error_count: int
    revision: int
    def __init__(self, profile_count: _Optional[int] = ..., true_count: _Optional[int] = ..., false_count: _Optional[int] = ..., error_count: _Optional[int] = ..., revision: _Optional[int] = ...) -> None: ...
