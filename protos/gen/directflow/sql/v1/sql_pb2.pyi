from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class VariableKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    VARIABLE_KIND_UNSPECIFIED: _ClassVar[VariableKind]
    VARIABLE_KIND_TEXT: _ClassVar[VariableKind]
    VARIABLE_KIND_INTEGER: _ClassVar[VariableKind]
    VARIABLE_KIND_NUMBER: _ClassVar[VariableKind]
    VARIABLE_KIND_BOOLEAN: _ClassVar[VariableKind]
    VARIABLE_KIND_DATE: _ClassVar[VariableKind]
    VARIABLE_KIND_TIMESTAMP: _ClassVar[VariableKind]
    VARIABLE_KIND_UUID: _ClassVar[VariableKind]

class WireType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    WIRE_TYPE_UNSPECIFIED: _ClassVar[WireType]
    WIRE_TYPE_BOOLEAN: _ClassVar[WireType]
    WIRE_TYPE_INTEGER: _ClassVar[WireType]
    WIRE_TYPE_DOUBLE: _ClassVar[WireType]
    WIRE_TYPE_TEXT: _ClassVar[WireType]
    WIRE_TYPE_TIMESTAMP: _ClassVar[WireType]

class Severity(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SEVERITY_UNSPECIFIED: _ClassVar[Severity]
    SEVERITY_ERROR: _ClassVar[Severity]
    SEVERITY_WARNING: _ClassVar[Severity]

class SetForm(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SET_FORM_UNSPECIFIED: _ClassVar[SetForm]
    SET_FORM_SINGLE: _ClassVar[SetForm]
    SET_FORM_LATERAL: _ClassVar[SetForm]
    SET_FORM_SEMI_JOIN: _ClassVar[SetForm]
VARIABLE_KIND_UNSPECIFIED: VariableKind
VARIABLE_KIND_TEXT: VariableKind
VARIABLE_KIND_INTEGER: VariableKind
VARIABLE_KIND_NUMBER: VariableKind
VARIABLE_KIND_BOOLEAN: VariableKind
VARIABLE_KIND_DATE: VariableKind
VARIABLE_KIND_TIMESTAMP: VariableKind
VARIABLE_KIND_UUID: VariableKind
WIRE_TYPE_UNSPECIFIED: WireType
WIRE_TYPE_BOOLEAN: WireType
WIRE_TYPE_INTEGER: WireType
WIRE_TYPE_DOUBLE: WireType
WIRE_TYPE_TEXT: WireType
WIRE_TYPE_TIMESTAMP: WireType
SEVERITY_UNSPECIFIED: Severity
SEVERITY_ERROR: Severity
SEVERITY_WARNING: Severity
SET_FORM_UNSPECIFIED: SetForm
SET_FORM_SINGLE: SetForm
SET_FORM_LATERAL: SetForm
SET_FORM_SEMI_JOIN: SetForm

class Variable(_message.Message):
    __slots__ = ("name", "kind", "list")
    NAME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    LIST_FIELD_NUMBER: _ClassVar[int]
    name: str
    kind: VariableKind
    list: bool
    def __init__(self, name: _Optional[str] = ..., kind: _Optional[_Union[VariableKind, str]] = ..., list: bool = ...) -> None: ...

class Value(_message.Message):
    __slots__ = ("null", "boolean", "integer", "number", "text", "list")
    NULL_FIELD_NUMBER: _ClassVar[int]
    BOOLEAN_FIELD_NUMBER: _ClassVar[int]
    INTEGER_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    LIST_FIELD_NUMBER: _ClassVar[int]
    null: bool
    boolean: bool
    integer: int
    number: float
    text: str
    list: ValueList
    def __init__(self, null: bool = ..., boolean: bool = ..., integer: _Optional[int] = ..., number: _Optional[float] = ..., text: _Optional[str] = ..., list: _Optional[_Union[ValueList, _Mapping]] = ...) -> None: ...

class ValueList(_message.Message):
    __slots__ = ("values",)
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedCompositeFieldContainer[Value]
    def __init__(self, values: _Optional[_Iterable[_Union[Value, _Mapping]]] = ...) -> None: ...

class Schema(_message.Message):
    __slots__ = ("columns",)
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    columns: _containers.RepeatedCompositeFieldContainer[ColumnType]
    def __init__(self, columns: _Optional[_Iterable[_Union[ColumnType, _Mapping]]] = ...) -> None: ...

class ColumnType(_message.Message):
    __slots__ = ("name", "postgres_type", "type_oid", "wire_type")
    NAME_FIELD_NUMBER: _ClassVar[int]
    POSTGRES_TYPE_FIELD_NUMBER: _ClassVar[int]
    TYPE_OID_FIELD_NUMBER: _ClassVar[int]
    WIRE_TYPE_FIELD_NUMBER: _ClassVar[int]
    name: str
    postgres_type: str
    type_oid: int
    wire_type: WireType
    def __init__(self, name: _Optional[str] = ..., postgres_type: _Optional[str] = ..., type_oid: _Optional[int] = ..., wire_type: _Optional[_Union[WireType, str]] = ...) -> None: ...

class ColumnBatch(_message.Message):
    __slots__ = ("row_count", "columns")
    ROW_COUNT_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    row_count: int
    columns: _containers.RepeatedCompositeFieldContainer[Column]
    def __init__(self, row_count: _Optional[int] = ..., columns: _Optional[_Iterable[_Union[Column, _Mapping]]] = ...) -> None: ...

class Column(_message.Message):
    __slots__ = ("validity", "booleans", "integers", "doubles", "texts", "timestamps")
    VALIDITY_FIELD_NUMBER: _ClassVar[int]
    BOOLEANS_FIELD_NUMBER: _ClassVar[int]
    INTEGERS_FIELD_NUMBER: _ClassVar[int]
    DOUBLES_FIELD_NUMBER: _ClassVar[int]
    TEXTS_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMPS_FIELD_NUMBER: _ClassVar[int]
    validity: bytes
    booleans: _containers.RepeatedScalarFieldContainer[bool]
    integers: _containers.RepeatedScalarFieldContainer[int]
    doubles: _containers.RepeatedScalarFieldContainer[float]
    texts: _containers.RepeatedScalarFieldContainer[str]
    timestamps: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, validity: _Optional[bytes] = ..., booleans: _Optional[_Iterable[bool]] = ..., integers: _Optional[_Iterable[int]] = ..., doubles: _Optional[_Iterable[float]] = ..., texts: _Optional[_Iterable[str]] = ..., timestamps: _Optional[_Iterable[int]] = ...) -> None: ...

class Problem(_message.Message):
    __slots__ = ("rule", "severity", "field", "message", "line", "column", "token", "hint")
    RULE_FIELD_NUMBER: _ClassVar[int]
    SEVERITY_FIELD_NUMBER: _ClassVar[int]
    FIELD_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    HINT_FIELD_NUMBER: _ClassVar[int]
    rule: str
    severity: Severity
    field: str
    message: str
    line: int
    column: int
    token: str
    hint: str
    def __init__(self, rule: _Optional[str] = ..., severity: _Optional[_Union[Severity, str]] = ..., field: _Optional[str] = ..., message: _Optional[str] = ..., line: _Optional[int] = ..., column: _Optional[int] = ..., token: _Optional[str] = ..., hint: _Optional[str] = ...) -> None: ...

class ValidationReport(_message.Message):
    __slots__ = ("problems", "omitted_problems", "queries")
    PROBLEMS_FIELD_NUMBER: _ClassVar[int]
    OMITTED_PROBLEMS_FIELD_NUMBER: _ClassVar[int]
    QUERIES_FIELD_NUMBER: _ClassVar[int]
    problems: _containers.RepeatedCompositeFieldContainer[Problem]
    omitted_problems: int
    queries: _containers.RepeatedCompositeFieldContainer[QueryReport]
    def __init__(self, problems: _Optional[_Iterable[_Union[Problem, _Mapping]]] = ..., omitted_problems: _Optional[int] = ..., queries: _Optional[_Iterable[_Union[QueryReport, _Mapping]]] = ...) -> None: ...

class QueryReport(_message.Message):
    __slots__ = ("field", "bound_sql", "schema", "variable_uses", "rewrites", "set_form", "set_form_reason")
    FIELD_FIELD_NUMBER: _ClassVar[int]
    BOUND_SQL_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_FIELD_NUMBER: _ClassVar[int]
    VARIABLE_USES_FIELD_NUMBER: _ClassVar[int]
    REWRITES_FIELD_NUMBER: _ClassVar[int]
    SET_FORM_FIELD_NUMBER: _ClassVar[int]
    SET_FORM_REASON_FIELD_NUMBER: _ClassVar[int]
    field: str
    bound_sql: str
    schema: Schema
    variable_uses: _containers.RepeatedCompositeFieldContainer[VariableUse]
    rewrites: _containers.RepeatedScalarFieldContainer[str]
    set_form: SetForm
    set_form_reason: str
    def __init__(self, field: _Optional[str] = ..., bound_sql: _Optional[str] = ..., schema: _Optional[_Union[Schema, _Mapping]] = ..., variable_uses: _Optional[_Iterable[_Union[VariableUse, _Mapping]]] = ..., rewrites: _Optional[_Iterable[str]] = ..., set_form: _Optional[_Union[SetForm, str]] = ..., set_form_reason: _Optional[str] = ...) -> None: ...

class VariableUse(_message.Message):
    __slots__ = ("name", "inferred_type", "line", "column", "source")
    NAME_FIELD_NUMBER: _ClassVar[int]
    INFERRED_TYPE_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    name: str
    inferred_type: str
    line: int
    column: int
    source: str
    def __init__(self, name: _Optional[str] = ..., inferred_type: _Optional[str] = ..., line: _Optional[int] = ..., column: _Optional[int] = ..., source: _Optional[str] = ...) -> None: ...
