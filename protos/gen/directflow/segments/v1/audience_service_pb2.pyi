import datetime

from directflow.sql.v1 import sql_pb2 as _sql_pb2
from google.api import field_behavior_pb2 as _field_behavior_pb2
from google.api import resource_pb2 as _resource_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Encoding(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ENCODING_UNSPECIFIED: _ClassVar[Encoding]
    ENCODING_COLUMNS: _ClassVar[Encoding]
    ENCODING_ARROW: _ClassVar[Encoding]

class AudienceOrder(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    AUDIENCE_ORDER_UNSPECIFIED: _ClassVar[AudienceOrder]
    AUDIENCE_ORDER_AUTHOR: _ClassVar[AudienceOrder]
    AUDIENCE_ORDER_KEY: _ClassVar[AudienceOrder]

class CountMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    COUNT_MODE_UNSPECIFIED: _ClassVar[CountMode]
    COUNT_MODE_EXACT: _ClassVar[CountMode]
    COUNT_MODE_ESTIMATE: _ClassVar[CountMode]

class PersonalizationOutcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PERSONALIZATION_OUTCOME_UNSPECIFIED: _ClassVar[PersonalizationOutcome]
    PERSONALIZATION_OUTCOME_ROW: _ClassVar[PersonalizationOutcome]
    PERSONALIZATION_OUTCOME_NO_ROW: _ClassVar[PersonalizationOutcome]
    PERSONALIZATION_OUTCOME_MULTIPLE_ROWS: _ClassVar[PersonalizationOutcome]
    PERSONALIZATION_OUTCOME_ERROR: _ClassVar[PersonalizationOutcome]

class ConjunctOutcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CONJUNCT_OUTCOME_UNSPECIFIED: _ClassVar[ConjunctOutcome]
    CONJUNCT_OUTCOME_TRUE: _ClassVar[ConjunctOutcome]
    CONJUNCT_OUTCOME_FALSE: _ClassVar[ConjunctOutcome]
    CONJUNCT_OUTCOME_NULL: _ClassVar[ConjunctOutcome]
ENCODING_UNSPECIFIED: Encoding
ENCODING_COLUMNS: Encoding
ENCODING_ARROW: Encoding
AUDIENCE_ORDER_UNSPECIFIED: AudienceOrder
AUDIENCE_ORDER_AUTHOR: AudienceOrder
AUDIENCE_ORDER_KEY: AudienceOrder
COUNT_MODE_UNSPECIFIED: CountMode
COUNT_MODE_EXACT: CountMode
COUNT_MODE_ESTIMATE: CountMode
PERSONALIZATION_OUTCOME_UNSPECIFIED: PersonalizationOutcome
PERSONALIZATION_OUTCOME_ROW: PersonalizationOutcome
PERSONALIZATION_OUTCOME_NO_ROW: PersonalizationOutcome
PERSONALIZATION_OUTCOME_MULTIPLE_ROWS: PersonalizationOutcome
PERSONALIZATION_OUTCOME_ERROR: PersonalizationOutcome
CONJUNCT_OUTCOME_UNSPECIFIED: ConjunctOutcome
CONJUNCT_OUTCOME_TRUE: ConjunctOutcome
CONJUNCT_OUTCOME_FALSE: ConjunctOutcome
CONJUNCT_OUTCOME_NULL: ConjunctOutcome

class Segment(_message.Message):
    __slots__ = ("key", "row")
    KEY_FIELD_NUMBER: _ClassVar[int]
    ROW_FIELD_NUMBER: _ClassVar[int]
    key: str
    row: Row
    def __init__(self, key: _Optional[str] = ..., row: _Optional[_Union[Row, _Mapping]] = ...) -> None: ...

class Row(_message.Message):
    __slots__ = ("schema", "values")
    SCHEMA_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    schema: _sql_pb2.Schema
    values: _containers.RepeatedCompositeFieldContainer[_sql_pb2.Value]
    def __init__(self, schema: _Optional[_Union[_sql_pb2.Schema, _Mapping]] = ..., values: _Optional[_Iterable[_Union[_sql_pb2.Value, _Mapping]]] = ...) -> None: ...

class Target(_message.Message):
    __slots__ = ("data_source", "segment_key", "segment_row", "variables")
    class VariablesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _sql_pb2.Value
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_sql_pb2.Value, _Mapping]] = ...) -> None: ...
    DATA_SOURCE_FIELD_NUMBER: _ClassVar[int]
    SEGMENT_KEY_FIELD_NUMBER: _ClassVar[int]
    SEGMENT_ROW_FIELD_NUMBER: _ClassVar[int]
    VARIABLES_FIELD_NUMBER: _ClassVar[int]
    data_source: str
    segment_key: str
    segment_row: Row
    variables: _containers.MessageMap[str, _sql_pb2.Value]
    def __init__(self, data_source: _Optional[str] = ..., segment_key: _Optional[str] = ..., segment_row: _Optional[_Union[Row, _Mapping]] = ..., variables: _Optional[_Mapping[str, _sql_pb2.Value]] = ...) -> None: ...

class AudienceLimits(_message.Message):
    __slots__ = ("max_rows", "max_bytes", "statement_timeout", "max_age")
    MAX_ROWS_FIELD_NUMBER: _ClassVar[int]
    MAX_BYTES_FIELD_NUMBER: _ClassVar[int]
    STATEMENT_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    MAX_AGE_FIELD_NUMBER: _ClassVar[int]
    max_rows: int
    max_bytes: int
    statement_timeout: _duration_pb2.Duration
    max_age: _duration_pb2.Duration
    def __init__(self, max_rows: _Optional[int] = ..., max_bytes: _Optional[int] = ..., statement_timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., max_age: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class Ledger(_message.Message):
    __slots__ = ("rows_read", "delivered", "null_keys", "no_contact", "invalid_contact", "duplicates", "contact_points_left_out")
    ROWS_READ_FIELD_NUMBER: _ClassVar[int]
    DELIVERED_FIELD_NUMBER: _ClassVar[int]
    NULL_KEYS_FIELD_NUMBER: _ClassVar[int]
    NO_CONTACT_FIELD_NUMBER: _ClassVar[int]
    INVALID_CONTACT_FIELD_NUMBER: _ClassVar[int]
    DUPLICATES_FIELD_NUMBER: _ClassVar[int]
    CONTACT_POINTS_LEFT_OUT_FIELD_NUMBER: _ClassVar[int]
    rows_read: int
    delivered: LedgerEntry
    null_keys: LedgerEntry
    no_contact: LedgerEntry
    invalid_contact: LedgerEntry
    duplicates: LedgerEntry
    contact_points_left_out: int
    def __init__(self, rows_read: _Optional[int] = ..., delivered: _Optional[_Union[LedgerEntry, _Mapping]] = ..., null_keys: _Optional[_Union[LedgerEntry, _Mapping]] = ..., no_contact: _Optional[_Union[LedgerEntry, _Mapping]] = ..., invalid_contact: _Optional[_Union[LedgerEntry, _Mapping]] = ..., duplicates: _Optional[_Union[LedgerEntry, _Mapping]] = ..., contact_points_left_out: _Optional[int] = ...) -> None: ...

class LedgerEntry(_message.Message):
    __slots__ = ("people", "rows")
    PEOPLE_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    people: int
    rows: int
    def __init__(self, people: _Optional[int] = ..., rows: _Optional[int] = ...) -> None: ...

class VariableSource(_message.Message):
    __slots__ = ("name", "rule", "column", "warning")
    NAME_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    WARNING_FIELD_NUMBER: _ClassVar[int]
    name: str
    rule: str
    column: str
    warning: str
    def __init__(self, name: _Optional[str] = ..., rule: _Optional[str] = ..., column: _Optional[str] = ..., warning: _Optional[str] = ...) -> None: ...

class ListSegmentsRequest(_message.Message):
    __slots__ = ("data_source", "page_size", "page_token", "filter", "variables")
    class VariablesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _sql_pb2.Value
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_sql_pb2.Value, _Mapping]] = ...) -> None: ...
    DATA_SOURCE_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    VARIABLES_FIELD_NUMBER: _ClassVar[int]
    data_source: str
    page_size: int
    page_token: str
    filter: str
    variables: _containers.MessageMap[str, _sql_pb2.Value]
    def __init__(self, data_source: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., filter: _Optional[str] = ..., variables: _Optional[_Mapping[str, _sql_pb2.Value]] = ...) -> None: ...

class ListSegmentsResponse(_message.Message):
    __slots__ = ("segments", "next_page_token", "schema", "truncated")
    SEGMENTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    segments: _containers.RepeatedCompositeFieldContainer[Segment]
    next_page_token: str
    schema: _sql_pb2.Schema
    truncated: bool
    def __init__(self, segments: _Optional[_Iterable[_Union[Segment, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., schema: _Optional[_Union[_sql_pb2.Schema, _Mapping]] = ..., truncated: bool = ...) -> None: ...

class GetSegmentRequest(_message.Message):
    __slots__ = ("data_source", "key", "variables")
    class VariablesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _sql_pb2.Value
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_sql_pb2.Value, _Mapping]] = ...) -> None: ...
    DATA_SOURCE_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    VARIABLES_FIELD_NUMBER: _ClassVar[int]
    data_source: str
    key: str
    variables: _containers.MessageMap[str, _sql_pb2.Value]
    def __init__(self, data_source: _Optional[str] = ..., key: _Optional[str] = ..., variables: _Optional[_Mapping[str, _sql_pb2.Value]] = ...) -> None: ...

class PreviewAudienceRequest(_message.Message):
    __slots__ = ("target", "max_people", "max_bytes", "statement_timeout")
    TARGET_FIELD_NUMBER: _ClassVar[int]
    MAX_PEOPLE_FIELD_NUMBER: _ClassVar[int]
    MAX_BYTES_FIELD_NUMBER: _ClassVar[int]
    STATEMENT_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    target: Target
    max_people: int
    max_bytes: int
    statement_timeout: _duration_pb2.Duration
    def __init__(self, target: _Optional[_Union[Target, _Mapping]] = ..., max_people: _Optional[int] = ..., max_bytes: _Optional[int] = ..., statement_timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class PreviewAudienceResponse(_message.Message):
    __slots__ = ("schema", "people", "ledger", "truncated", "variable_sources", "estimated_rows")
    SCHEMA_FIELD_NUMBER: _ClassVar[int]
    PEOPLE_FIELD_NUMBER: _ClassVar[int]
    LEDGER_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    VARIABLE_SOURCES_FIELD_NUMBER: _ClassVar[int]
    ESTIMATED_ROWS_FIELD_NUMBER: _ClassVar[int]
    schema: _sql_pb2.Schema
    people: _sql_pb2.ColumnBatch
    ledger: Ledger
    truncated: bool
    variable_sources: _containers.RepeatedCompositeFieldContainer[VariableSource]
    estimated_rows: int
    def __init__(self, schema: _Optional[_Union[_sql_pb2.Schema, _Mapping]] = ..., people: _Optional[_Union[_sql_pb2.ColumnBatch, _Mapping]] = ..., ledger: _Optional[_Union[Ledger, _Mapping]] = ..., truncated: bool = ..., variable_sources: _Optional[_Iterable[_Union[VariableSource, _Mapping]]] = ..., estimated_rows: _Optional[int] = ...) -> None: ...

class CountAudienceRequest(_message.Message):
    __slots__ = ("target", "mode", "limits")
    TARGET_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    target: Target
    mode: CountMode
    limits: AudienceLimits
    def __init__(self, target: _Optional[_Union[Target, _Mapping]] = ..., mode: _Optional[_Union[CountMode, str]] = ..., limits: _Optional[_Union[AudienceLimits, _Mapping]] = ...) -> None: ...

class CountAudienceResponse(_message.Message):
    __slots__ = ("people", "rows", "ledger", "variable_sources")
    PEOPLE_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    LEDGER_FIELD_NUMBER: _ClassVar[int]
    VARIABLE_SOURCES_FIELD_NUMBER: _ClassVar[int]
    people: int
    rows: int
    ledger: Ledger
    variable_sources: _containers.RepeatedCompositeFieldContainer[VariableSource]
    def __init__(self, people: _Optional[int] = ..., rows: _Optional[int] = ..., ledger: _Optional[_Union[Ledger, _Mapping]] = ..., variable_sources: _Optional[_Iterable[_Union[VariableSource, _Mapping]]] = ...) -> None: ...

class StreamAudienceRequest(_message.Message):
    __slots__ = ("target", "encoding", "order", "resume_token", "columns", "limits")
    TARGET_FIELD_NUMBER: _ClassVar[int]
    ENCODING_FIELD_NUMBER: _ClassVar[int]
    ORDER_FIELD_NUMBER: _ClassVar[int]
    RESUME_TOKEN_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    target: Target
    encoding: Encoding
    order: AudienceOrder
    resume_token: bytes
    columns: _containers.RepeatedScalarFieldContainer[str]
    limits: AudienceLimits
    def __init__(self, target: _Optional[_Union[Target, _Mapping]] = ..., encoding: _Optional[_Union[Encoding, str]] = ..., order: _Optional[_Union[AudienceOrder, str]] = ..., resume_token: _Optional[bytes] = ..., columns: _Optional[_Iterable[str]] = ..., limits: _Optional[_Union[AudienceLimits, _Mapping]] = ...) -> None: ...

class StreamAudienceResponse(_message.Message):
    __slots__ = ("header", "batch", "summary")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    header: AudienceHeader
    batch: AudienceBatch
    summary: AudienceSummary
    def __init__(self, header: _Optional[_Union[AudienceHeader, _Mapping]] = ..., batch: _Optional[_Union[AudienceBatch, _Mapping]] = ..., summary: _Optional[_Union[AudienceSummary, _Mapping]] = ...) -> None: ...

class AudienceHeader(_message.Message):
    __slots__ = ("schema", "arrow_schema", "revision", "snapshot_time", "estimated_rows", "variable_sources")
    SCHEMA_FIELD_NUMBER: _ClassVar[int]
    ARROW_SCHEMA_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_TIME_FIELD_NUMBER: _ClassVar[int]
    ESTIMATED_ROWS_FIELD_NUMBER: _ClassVar[int]
    VARIABLE_SOURCES_FIELD_NUMBER: _ClassVar[int]
    schema: _sql_pb2.Schema
    arrow_schema: bytes
    revision: int
    snapshot_time: _timestamp_pb2.Timestamp
    estimated_rows: int
    variable_sources: _containers.RepeatedCompositeFieldContainer[VariableSource]
    def __init__(self, schema: _Optional[_Union[_sql_pb2.Schema, _Mapping]] = ..., arrow_schema: _Optional[bytes] = ..., revision: _Optional[int] = ..., snapshot_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., estimated_rows: _Optional[int] = ..., variable_sources: _Optional[_Iterable[_Union[VariableSource, _Mapping]]] = ...) -> None: ...

class AudienceBatch(_message.Message):
    __slots__ = ("row_count", "row_offset", "columns", "arrow_record_batch", "resume_token")
    ROW_COUNT_FIELD_NUMBER: _ClassVar[int]
    ROW_OFFSET_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    ARROW_RECORD_BATCH_FIELD_NUMBER: _ClassVar[int]
    RESUME_TOKEN_FIELD_NUMBER: _ClassVar[int]
    row_count: int
    row_offset: int
    columns: _sql_pb2.ColumnBatch
    arrow_record_batch: bytes
    resume_token: bytes
    def __init__(self, row_count: _Optional[int] = ..., row_offset: _Optional[int] = ..., columns: _Optional[_Union[_sql_pb2.ColumnBatch, _Mapping]] = ..., arrow_record_batch: _Optional[bytes] = ..., resume_token: _Optional[bytes] = ...) -> None: ...

class AudienceSummary(_message.Message):
    __slots__ = ("ledger", "resumed", "byte_count", "elapsed")
    LEDGER_FIELD_NUMBER: _ClassVar[int]
    RESUMED_FIELD_NUMBER: _ClassVar[int]
    BYTE_COUNT_FIELD_NUMBER: _ClassVar[int]
    ELAPSED_FIELD_NUMBER: _ClassVar[int]
    ledger: Ledger
    resumed: bool
    byte_count: int
    elapsed: _duration_pb2.Duration
    def __init__(self, ledger: _Optional[_Union[Ledger, _Mapping]] = ..., resumed: bool = ..., byte_count: _Optional[int] = ..., elapsed: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class GetPersonalizationRequest(_message.Message):
    __slots__ = ("data_source", "profile_id", "variables")
    class VariablesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _sql_pb2.Value
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_sql_pb2.Value, _Mapping]] = ...) -> None: ...
    DATA_SOURCE_FIELD_NUMBER: _ClassVar[int]
    PROFILE_ID_FIELD_NUMBER: _ClassVar[int]
    VARIABLES_FIELD_NUMBER: _ClassVar[int]
    data_source: str
    profile_id: str
    variables: _containers.MessageMap[str, _sql_pb2.Value]
    def __init__(self, data_source: _Optional[str] = ..., profile_id: _Optional[str] = ..., variables: _Optional[_Mapping[str, _sql_pb2.Value]] = ...) -> None: ...

class GetPersonalizationResponse(_message.Message):
    __slots__ = ("outcome", "row", "variable_sources", "error")
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    ROW_FIELD_NUMBER: _ClassVar[int]
    VARIABLE_SOURCES_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    outcome: PersonalizationOutcome
    row: Row
    variable_sources: _containers.RepeatedCompositeFieldContainer[VariableSource]
    error: ProfileError
    def __init__(self, outcome: _Optional[_Union[PersonalizationOutcome, str]] = ..., row: _Optional[_Union[Row, _Mapping]] = ..., variable_sources: _Optional[_Iterable[_Union[VariableSource, _Mapping]]] = ..., error: _Optional[_Union[ProfileError, _Mapping]] = ...) -> None: ...

class BatchGetPersonalizationRequest(_message.Message):
    __slots__ = ("data_source", "profile_ids", "variables", "encoding")
    class VariablesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _sql_pb2.Value
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_sql_pb2.Value, _Mapping]] = ...) -> None: ...
    DATA_SOURCE_FIELD_NUMBER: _ClassVar[int]
    PROFILE_IDS_FIELD_NUMBER: _ClassVar[int]
    VARIABLES_FIELD_NUMBER: _ClassVar[int]
    ENCODING_FIELD_NUMBER: _ClassVar[int]
    data_source: str
    profile_ids: _containers.RepeatedScalarFieldContainer[str]
    variables: _containers.MessageMap[str, _sql_pb2.Value]
    encoding: Encoding
    def __init__(self, data_source: _Optional[str] = ..., profile_ids: _Optional[_Iterable[str]] = ..., variables: _Optional[_Mapping[str, _sql_pb2.Value]] = ..., encoding: _Optional[_Union[Encoding, str]] = ...) -> None: ...

class BatchGetPersonalizationResponse(_message.Message):
    __slots__ = ("header", "batch", "summary")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    header: PersonalizationHeader
    batch: PersonalizationBatch
    summary: PersonalizationSummary
    def __init__(self, header: _Optional[_Union[PersonalizationHeader, _Mapping]] = ..., batch: _Optional[_Union[PersonalizationBatch, _Mapping]] = ..., summary: _Optional[_Union[PersonalizationSummary, _Mapping]] = ...) -> None: ...

class PersonalizationHeader(_message.Message):
    __slots__ = ("schema", "arrow_schema", "revision", "variable_sources")
    SCHEMA_FIELD_NUMBER: _ClassVar[int]
    ARROW_SCHEMA_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    VARIABLE_SOURCES_FIELD_NUMBER: _ClassVar[int]
    schema: _sql_pb2.Schema
    arrow_schema: bytes
    revision: int
    variable_sources: _containers.RepeatedCompositeFieldContainer[VariableSource]
    def __init__(self, schema: _Optional[_Union[_sql_pb2.Schema, _Mapping]] = ..., arrow_schema: _Optional[bytes] = ..., revision: _Optional[int] = ..., variable_sources: _Optional[_Iterable[_Union[VariableSource, _Mapping]]] = ...) -> None: ...

class PersonalizationBatch(_message.Message):
    __slots__ = ("row_count", "row_offset", "profile_indexes", "columns", "arrow_record_batch")
    ROW_COUNT_FIELD_NUMBER: _ClassVar[int]
    ROW_OFFSET_FIELD_NUMBER: _ClassVar[int]
    PROFILE_INDEXES_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    ARROW_RECORD_BATCH_FIELD_NUMBER: _ClassVar[int]
    row_count: int
    row_offset: int
    profile_indexes: _containers.RepeatedScalarFieldContainer[int]
    columns: _sql_pb2.ColumnBatch
    arrow_record_batch: bytes
    def __init__(self, row_count: _Optional[int] = ..., row_offset: _Optional[int] = ..., profile_indexes: _Optional[_Iterable[int]] = ..., columns: _Optional[_Union[_sql_pb2.ColumnBatch, _Mapping]] = ..., arrow_record_batch: _Optional[bytes] = ...) -> None: ...

class PersonalizationSummary(_message.Message):
    __slots__ = ("outcomes", "errors", "multiple_rows_count")
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    ERRORS_FIELD_NUMBER: _ClassVar[int]
    MULTIPLE_ROWS_COUNT_FIELD_NUMBER: _ClassVar[int]
    outcomes: _containers.RepeatedScalarFieldContainer[PersonalizationOutcome]
    errors: _containers.RepeatedCompositeFieldContainer[ProfileError]
    multiple_rows_count: int
    def __init__(self, outcomes: _Optional[_Iterable[_Union[PersonalizationOutcome, str]]] = ..., errors: _Optional[_Iterable[_Union[ProfileError, _Mapping]]] = ..., multiple_rows_count: _Optional[int] = ...) -> None: ...

class ProfileError(_message.Message):
    __slots__ = ("index", "reason", "message")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    index: int
    reason: str
    message: str
    def __init__(self, index: _Optional[int] = ..., reason: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...

class ExplainMembershipRequest(_message.Message):
    __slots__ = ("target", "profile_id")
    TARGET_FIELD_NUMBER: _ClassVar[int]
    PROFILE_ID_FIELD_NUMBER: _ClassVar[int]
    target: Target
    profile_id: str
    def __init__(self, target: _Optional[_Union[Target, _Mapping]] = ..., profile_id: _Optional[str] = ...) -> None: ...

class ExplainMembershipResponse(_message.Message):
    __slots__ = ("member", "row_verdicts", "conjuncts", "note")
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    ROW_VERDICTS_FIELD_NUMBER: _ClassVar[int]
    CONJUNCTS_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    member: bool
    row_verdicts: _containers.RepeatedScalarFieldContainer[str]
    conjuncts: _containers.RepeatedCompositeFieldContainer[Conjunct]
    note: str
    def __init__(self, member: bool = ..., row_verdicts: _Optional[_Iterable[str]] = ..., conjuncts: _Optional[_Iterable[_Union[Conjunct, _Mapping]]] = ..., note: _Optional[str] = ...) -> None: ...

class Conjunct(_message.Message):
    __slots__ = ("text", "outcome", "line", "column")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    text: str
    outcome: ConjunctOutcome
    line: int
    column: int
    def __init__(self, text: _Optional[str] = ..., outcome: _Optional[_Union[ConjunctOutcome, str]] = ..., line: _Optional[int] = ..., column: _Optional[int] = ...) -> None: ...

class DiffAudienceRequest(_message.Message):
    __slots__ = ("target", "generator_sql", "sample_size")
    TARGET_FIELD_NUMBER: _ClassVar[int]
    GENERATOR_SQL_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_SIZE_FIELD_NUMBER: _ClassVar[int]
    target: Target
    generator_sql: str
    sample_size: int
    def __init__(self, target: _Optional[_Union[Target, _Mapping]] = ..., generator_sql: _Optional[str] = ..., sample_size: _Optional[int] = ...) -> None: ...

class DiffAudienceResponse(_message.Message):
    __slots__ = ("kept", "added", "removed", "added_profile_ids", "removed_profile_ids")
    KEPT_FIELD_NUMBER: _ClassVar[int]
    ADDED_FIELD_NUMBER: _ClassVar[int]
    REMOVED_FIELD_NUMBER: _ClassVar[int]
    ADDED_PROFILE_IDS_FIELD_NUMBER: _ClassVar[int]
    REMOVED_PROFILE_IDS_FIELD_NUMBER: _ClassVar[int]
    kept: int
    added: int
    removed: int
    added_profile_ids: _containers.RepeatedScalarFieldContainer[str]
    removed_profile_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, kept: _Optional[int] = ..., added: _Optional[int] = ..., removed: _Optional[int] = ..., added_profile_ids: _Optional[_Iterable[str]] = ..., removed_profile_ids: _Optional[_Iterable[str]] = ...) -> None: ...
