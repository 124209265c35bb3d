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

class StatementRole(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STATEMENT_ROLE_UNSPECIFIED: _ClassVar[StatementRole]
    STATEMENT_ROLE_DISCOVERY: _ClassVar[StatementRole]
    STATEMENT_ROLE_GENERATOR: _ClassVar[StatementRole]
    STATEMENT_ROLE_PRELOAD: _ClassVar[StatementRole]
    STATEMENT_ROLE_CONDITION: _ClassVar[StatementRole]
    STATEMENT_ROLE_AD_HOC: _ClassVar[StatementRole]

class Encoding(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ENCODING_UNSPECIFIED: _ClassVar[Encoding]
    ENCODING_COLUMNS: _ClassVar[Encoding]
    ENCODING_ARROW: _ClassVar[Encoding]

class ValueForm(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    VALUE_FORM_UNSPECIFIED: _ClassVar[ValueForm]
    VALUE_FORM_TYPED: _ClassVar[ValueForm]
    VALUE_FORM_TEXT: _ClassVar[ValueForm]

class CountMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    COUNT_MODE_UNSPECIFIED: _ClassVar[CountMode]
    COUNT_MODE_EXACT: _ClassVar[CountMode]
    COUNT_MODE_ESTIMATE: _ClassVar[CountMode]

class SetOutcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SET_OUTCOME_UNSPECIFIED: _ClassVar[SetOutcome]
    SET_OUTCOME_TRUE: _ClassVar[SetOutcome]
    SET_OUTCOME_FALSE: _ClassVar[SetOutcome]
    SET_OUTCOME_NULL: _ClassVar[SetOutcome]
    SET_OUTCOME_NO_ROW: _ClassVar[SetOutcome]
    SET_OUTCOME_MULTIPLE_ROWS: _ClassVar[SetOutcome]
    SET_OUTCOME_ERROR: _ClassVar[SetOutcome]
    SET_OUTCOME_ROW: _ClassVar[SetOutcome]
STATEMENT_ROLE_UNSPECIFIED: StatementRole
STATEMENT_ROLE_DISCOVERY: StatementRole
STATEMENT_ROLE_GENERATOR: StatementRole
STATEMENT_ROLE_PRELOAD: StatementRole
STATEMENT_ROLE_CONDITION: StatementRole
STATEMENT_ROLE_AD_HOC: StatementRole
ENCODING_UNSPECIFIED: Encoding
ENCODING_COLUMNS: Encoding
ENCODING_ARROW: Encoding
VALUE_FORM_UNSPECIFIED: ValueForm
VALUE_FORM_TYPED: ValueForm
VALUE_FORM_TEXT: ValueForm
COUNT_MODE_UNSPECIFIED: CountMode
COUNT_MODE_EXACT: CountMode
COUNT_MODE_ESTIMATE: CountMode
SET_OUTCOME_UNSPECIFIED: SetOutcome
SET_OUTCOME_TRUE: SetOutcome
SET_OUTCOME_FALSE: SetOutcome
SET_OUTCOME_NULL: SetOutcome
SET_OUTCOME_NO_ROW: SetOutcome
SET_OUTCOME_MULTIPLE_ROWS: SetOutcome
SET_OUTCOME_ERROR: SetOutcome
SET_OUTCOME_ROW: SetOutcome

class Statement(_message.Message):
    __slots__ = ("connection", "template", "variables", "role", "definition", "revision", "limits", "allowed_functions", "key_column")
    CONNECTION_FIELD_NUMBER: _ClassVar[int]
    TEMPLATE_FIELD_NUMBER: _ClassVar[int]
    VARIABLES_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    DEFINITION_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    ALLOWED_FUNCTIONS_FIELD_NUMBER: _ClassVar[int]
    KEY_COLUMN_FIELD_NUMBER: _ClassVar[int]
    connection: str
    template: str
    variables: _containers.RepeatedCompositeFieldContainer[_sql_pb2.Variable]
    role: StatementRole
    definition: str
    revision: int
    limits: QueryLimits
    allowed_functions: _containers.RepeatedScalarFieldContainer[str]
    key_column: str
    def __init__(self, connection: _Optional[str] = ..., template: _Optional[str] = ..., variables: _Optional[_Iterable[_Union[_sql_pb2.Variable, _Mapping]]] = ..., role: _Optional[_Union[StatementRole, str]] = ..., definition: _Optional[str] = ..., revision: _Optional[int] = ..., limits: _Optional[_Union[QueryLimits, _Mapping]] = ..., allowed_functions: _Optional[_Iterable[str]] = ..., key_column: _Optional[str] = ...) -> None: ...

class QueryLimits(_message.Message):
    __slots__ = ("max_rows", "max_bytes", "max_row_bytes", "statement_timeout", "max_age", "truncate")
    MAX_ROWS_FIELD_NUMBER: _ClassVar[int]
    MAX_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_ROW_BYTES_FIELD_NUMBER: _ClassVar[int]
    STATEMENT_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    MAX_AGE_FIELD_NUMBER: _ClassVar[int]
    TRUNCATE_FIELD_NUMBER: _ClassVar[int]
    max_rows: int
    max_bytes: int
    max_row_bytes: int
    statement_timeout: _duration_pb2.Duration
    max_age: _duration_pb2.Duration
    truncate: bool
    def __init__(self, max_rows: _Optional[int] = ..., max_bytes: _Optional[int] = ..., max_row_bytes: _Optional[int] = ..., statement_timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., max_age: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., truncate: bool = ...) -> None: ...

class Tuples(_message.Message):
    __slots__ = ("row_count", "names", "columns")
    ROW_COUNT_FIELD_NUMBER: _ClassVar[int]
    NAMES_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    row_count: int
    names: _containers.RepeatedScalarFieldContainer[str]
    columns: _containers.RepeatedCompositeFieldContainer[_sql_pb2.Column]
    def __init__(self, row_count: _Optional[int] = ..., names: _Optional[_Iterable[str]] = ..., columns: _Optional[_Iterable[_Union[_sql_pb2.Column, _Mapping]]] = ...) -> None: ...

class TupleError(_message.Message):
    __slots__ = ("index", "reason", "message", "sqlstate")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    SQLSTATE_FIELD_NUMBER: _ClassVar[int]
    index: int
    reason: str
    message: str
    sqlstate: str
    def __init__(self, index: _Optional[int] = ..., reason: _Optional[str] = ..., message: _Optional[str] = ..., sqlstate: _Optional[str] = ...) -> None: ...

class DescribeQueryRequest(_message.Message):
    __slots__ = ("statement",)
    STATEMENT_FIELD_NUMBER: _ClassVar[int]
    statement: Statement
    def __init__(self, statement: _Optional[_Union[Statement, _Mapping]] = ...) -> None: ...

class DescribeQueryResponse(_message.Message):
    __slots__ = ("report",)
    REPORT_FIELD_NUMBER: _ClassVar[int]
    report: _sql_pb2.ValidationReport
    def __init__(self, report: _Optional[_Union[_sql_pb2.ValidationReport, _Mapping]] = ...) -> None: ...

class StreamQueryRequest(_message.Message):
    __slots__ = ("statement", "values", "encoding", "value_form", "columns", "order_by_column", "after")
    class ValuesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _sql_pb2.Value
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_sql_pb2.Value, _Mapping]] = ...) -> None: ...
    STATEMENT_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    ENCODING_FIELD_NUMBER: _ClassVar[int]
    VALUE_FORM_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    ORDER_BY_COLUMN_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    statement: Statement
    values: _containers.MessageMap[str, _sql_pb2.Value]
    encoding: Encoding
    value_form: ValueForm
    columns: _containers.RepeatedScalarFieldContainer[str]
    order_by_column: str
    after: str
    def __init__(self, statement: _Optional[_Union[Statement, _Mapping]] = ..., values: _Optional[_Mapping[str, _sql_pb2.Value]] = ..., encoding: _Optional[_Union[Encoding, str]] = ..., value_form: _Optional[_Union[ValueForm, str]] = ..., columns: _Optional[_Iterable[str]] = ..., order_by_column: _Optional[str] = ..., after: _Optional[str] = ...) -> None: ...

class StreamQueryResponse(_message.Message):
    __slots__ = ("header", "batch", "summary")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    header: StreamHeader
    batch: RowBatch
    summary: StreamSummary
    def __init__(self, header: _Optional[_Union[StreamHeader, _Mapping]] = ..., batch: _Optional[_Union[RowBatch, _Mapping]] = ..., summary: _Optional[_Union[StreamSummary, _Mapping]] = ...) -> None: ...

class StreamHeader(_message.Message):
    __slots__ = ("schema", "arrow_schema", "snapshot_time", "estimated_rows", "warnings")
    SCHEMA_FIELD_NUMBER: _ClassVar[int]
    ARROW_SCHEMA_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_TIME_FIELD_NUMBER: _ClassVar[int]
    ESTIMATED_ROWS_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    schema: _sql_pb2.Schema
    arrow_schema: bytes
    snapshot_time: _timestamp_pb2.Timestamp
    estimated_rows: int
    warnings: _containers.RepeatedCompositeFieldContainer[_sql_pb2.Problem]
    def __init__(self, schema: _Optional[_Union[_sql_pb2.Schema, _Mapping]] = ..., arrow_schema: _Optional[bytes] = ..., snapshot_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., estimated_rows: _Optional[int] = ..., warnings: _Optional[_Iterable[_Union[_sql_pb2.Problem, _Mapping]]] = ...) -> None: ...

class RowBatch(_message.Message):
    __slots__ = ("row_count", "row_offset", "arrow_record_batch", "columns")
    ROW_COUNT_FIELD_NUMBER: _ClassVar[int]
    ROW_OFFSET_FIELD_NUMBER: _ClassVar[int]
    ARROW_RECORD_BATCH_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    row_count: int
    row_offset: int
    arrow_record_batch: bytes
    columns: _sql_pb2.ColumnBatch
    def __init__(self, row_count: _Optional[int] = ..., row_offset: _Optional[int] = ..., arrow_record_batch: _Optional[bytes] = ..., columns: _Optional[_Union[_sql_pb2.ColumnBatch, _Mapping]] = ...) -> None: ...

class StreamSummary(_message.Message):
    __slots__ = ("row_count", "byte_count", "elapsed", "first_row", "truncated")
    ROW_COUNT_FIELD_NUMBER: _ClassVar[int]
    BYTE_COUNT_FIELD_NUMBER: _ClassVar[int]
    ELAPSED_FIELD_NUMBER: _ClassVar[int]
    FIRST_ROW_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    row_count: int
    byte_count: int
    elapsed: _duration_pb2.Duration
    first_row: _duration_pb2.Duration
    truncated: bool
    def __init__(self, row_count: _Optional[int] = ..., byte_count: _Optional[int] = ..., elapsed: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., first_row: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., truncated: bool = ...) -> None: ...

class CountQueryRequest(_message.Message):
    __slots__ = ("statement", "values", "mode", "distinct_column")
    class ValuesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _sql_pb2.Value
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_sql_pb2.Value, _Mapping]] = ...) -> None: ...
    STATEMENT_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    DISTINCT_COLUMN_FIELD_NUMBER: _ClassVar[int]
    statement: Statement
    values: _containers.MessageMap[str, _sql_pb2.Value]
    mode: CountMode
    distinct_column: str
    def __init__(self, statement: _Optional[_Union[Statement, _Mapping]] = ..., values: _Optional[_Mapping[str, _sql_pb2.Value]] = ..., mode: _Optional[_Union[CountMode, str]] = ..., distinct_column: _Optional[str] = ...) -> None: ...

class CountQueryResponse(_message.Message):
    __slots__ = ("row_count", "distinct_count")
    ROW_COUNT_FIELD_NUMBER: _ClassVar[int]
    DISTINCT_COUNT_FIELD_NUMBER: _ClassVar[int]
    row_count: int
    distinct_count: int
    def __init__(self, row_count: _Optional[int] = ..., distinct_count: _Optional[int] = ...) -> None: ...

class EvaluateSetRequest(_message.Message):
    __slots__ = ("statement", "constants", "tuples")
    class ConstantsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _sql_pb2.Value
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_sql_pb2.Value, _Mapping]] = ...) -> None: ...
    STATEMENT_FIELD_NUMBER: _ClassVar[int]
    CONSTANTS_FIELD_NUMBER: _ClassVar[int]
    TUPLES_FIELD_NUMBER: _ClassVar[int]
    statement: Statement
    constants: _containers.MessageMap[str, _sql_pb2.Value]
    tuples: Tuples
    def __init__(self, statement: _Optional[_Union[Statement, _Mapping]] = ..., constants: _Optional[_Mapping[str, _sql_pb2.Value]] = ..., tuples: _Optional[_Union[Tuples, _Mapping]] = ...) -> None: ...

class EvaluateSetResponse(_message.Message):
    __slots__ = ("outcomes", "errors")
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    ERRORS_FIELD_NUMBER: _ClassVar[int]
    outcomes: _containers.RepeatedScalarFieldContainer[SetOutcome]
    errors: _containers.RepeatedCompositeFieldContainer[TupleError]
    def __init__(self, outcomes: _Optional[_Iterable[_Union[SetOutcome, str]]] = ..., errors: _Optional[_Iterable[_Union[TupleError, _Mapping]]] = ...) -> None: ...

class FetchSetRequest(_message.Message):
    __slots__ = ("statement", "constants", "tuples", "encoding")
    class ConstantsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _sql_pb2.Value
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_sql_pb2.Value, _Mapping]] = ...) -> None: ...
    STATEMENT_FIELD_NUMBER: _ClassVar[int]
    CONSTANTS_FIELD_NUMBER: _ClassVar[int]
    TUPLES_FIELD_NUMBER: _ClassVar[int]
    ENCODING_FIELD_NUMBER: _ClassVar[int]
    statement: Statement
    constants: _containers.MessageMap[str, _sql_pb2.Value]
    tuples: Tuples
    encoding: Encoding
    def __init__(self, statement: _Optional[_Union[Statement, _Mapping]] = ..., constants: _Optional[_Mapping[str, _sql_pb2.Value]] = ..., tuples: _Optional[_Union[Tuples, _Mapping]] = ..., encoding: _Optional[_Union[Encoding, str]] = ...) -> None: ...

class FetchSetResponse(_message.Message):
    __slots__ = ("header", "batch", "summary")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    header: StreamHeader
    batch: FetchBatch
    summary: FetchSummary
    def __init__(self, header: _Optional[_Union[StreamHeader, _Mapping]] = ..., batch: _Optional[_Union[FetchBatch, _Mapping]] = ..., summary: _Optional[_Union[FetchSummary, _Mapping]] = ...) -> None: ...

class FetchBatch(_message.Message):
    __slots__ = ("rows", "tuple_indexes")
    ROWS_FIELD_NUMBER: _ClassVar[int]
    TUPLE_INDEXES_FIELD_NUMBER: _ClassVar[int]
    rows: RowBatch
    tuple_indexes: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, rows: _Optional[_Union[RowBatch, _Mapping]] = ..., tuple_indexes: _Optional[_Iterable[int]] = ...) -> None: ...

class FetchSummary(_message.Message):
    __slots__ = ("outcomes", "errors", "row_count")
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    ERRORS_FIELD_NUMBER: _ClassVar[int]
    ROW_COUNT_FIELD_NUMBER: _ClassVar[int]
    outcomes: _containers.RepeatedScalarFieldContainer[SetOutcome]
    errors: _containers.RepeatedCompositeFieldContainer[TupleError]
    row_count: int
    def __init__(self, outcomes: _Optional[_Iterable[_Union[SetOutcome, str]]] = ..., errors: _Optional[_Iterable[_Union[TupleError, _Mapping]]] = ..., row_count: _Optional[int] = ...) -> None: ...

class ExplainRowRequest(_message.Message):
    __slots__ = ("statement", "values", "key_column", "key", "columns")
    class ValuesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _sql_pb2.Value
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_sql_pb2.Value, _Mapping]] = ...) -> None: ...
    STATEMENT_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    KEY_COLUMN_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    statement: Statement
    values: _containers.MessageMap[str, _sql_pb2.Value]
    key_column: str
    key: str
    columns: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, statement: _Optional[_Union[Statement, _Mapping]] = ..., values: _Optional[_Mapping[str, _sql_pb2.Value]] = ..., key_column: _Optional[str] = ..., key: _Optional[str] = ..., columns: _Optional[_Iterable[str]] = ...) -> None: ...

class ExplainRowResponse(_message.Message):
    __slots__ = ("arrow_schema", "rows", "truncated", "conjuncts", "candidate_row_count", "candidate_rows", "unexplained")
    ARROW_SCHEMA_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    CONJUNCTS_FIELD_NUMBER: _ClassVar[int]
    CANDIDATE_ROW_COUNT_FIELD_NUMBER: _ClassVar[int]
    CANDIDATE_ROWS_FIELD_NUMBER: _ClassVar[int]
    UNEXPLAINED_FIELD_NUMBER: _ClassVar[int]
    arrow_schema: bytes
    rows: RowBatch
    truncated: bool
    conjuncts: _containers.RepeatedCompositeFieldContainer[ExplainedConjunct]
    candidate_row_count: int
    candidate_rows: _containers.RepeatedCompositeFieldContainer[CandidateRow]
    unexplained: str
    def __init__(self, arrow_schema: _Optional[bytes] = ..., rows: _Optional[_Union[RowBatch, _Mapping]] = ..., truncated: bool = ..., conjuncts: _Optional[_Iterable[_Union[ExplainedConjunct, _Mapping]]] = ..., candidate_row_count: _Optional[int] = ..., candidate_rows: _Optional[_Iterable[_Union[CandidateRow, _Mapping]]] = ..., unexplained: _Optional[str] = ...) -> None: ...

class ExplainedConjunct(_message.Message):
    __slots__ = ("text", "line", "column")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    text: str
    line: int
    column: int
    def __init__(self, text: _Optional[str] = ..., line: _Optional[int] = ..., column: _Optional[int] = ...) -> None: ...

class CandidateRow(_message.Message):
    __slots__ = ("outcomes",)
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    outcomes: _containers.RepeatedScalarFieldContainer[SetOutcome]
    def __init__(self, outcomes: _Optional[_Iterable[_Union[SetOutcome, str]]] = ...) -> None: ...

class StreamDifferenceRequest(_message.Message):
    __slots__ = ("first", "second", "values", "key_column", "columns")
    class ValuesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _sql_pb2.Value
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_sql_pb2.Value, _Mapping]] = ...) -> None: ...
    FIRST_FIELD_NUMBER: _ClassVar[int]
    SECOND_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    KEY_COLUMN_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    first: Statement
    second: Statement
    values: _containers.MessageMap[str, _sql_pb2.Value]
    key_column: str
    columns: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, first: _Optional[_Union[Statement, _Mapping]] = ..., second: _Optional[_Union[Statement, _Mapping]] = ..., values: _Optional[_Mapping[str, _sql_pb2.Value]] = ..., key_column: _Optional[str] = ..., columns: _Optional[_Iterable[str]] = ...) -> None: ...

class StreamDifferenceResponse(_message.Message):
    __slots__ = ("header", "batch", "summary")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    header: DifferenceHeader
    batch: RowBatch
    summary: StreamSummary
    def __init__(self, header: _Optional[_Union[DifferenceHeader, _Mapping]] = ..., batch: _Optional[_Union[RowBatch, _Mapping]] = ..., summary: _Optional[_Union[StreamSummary, _Mapping]] = ...) -> None: ...

class DifferenceHeader(_message.Message):
    __slots__ = ("header", "first_columns", "second_columns")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    FIRST_COLUMNS_FIELD_NUMBER: _ClassVar[int]
    SECOND_COLUMNS_FIELD_NUMBER: _ClassVar[int]
    header: StreamHeader
    first_columns: _containers.RepeatedScalarFieldContainer[str]
    second_columns: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, header: _Optional[_Union[StreamHeader, _Mapping]] = ..., first_columns: _Optional[_Iterable[str]] = ..., second_columns: _Optional[_Iterable[str]] = ...) -> None: ...
