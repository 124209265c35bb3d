import datetime

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

class RequiredContact(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REQUIRED_CONTACT_UNSPECIFIED: _ClassVar[RequiredContact]
    REQUIRED_CONTACT_ANY: _ClassVar[RequiredContact]
    REQUIRED_CONTACT_EMAIL: _ClassVar[RequiredContact]
    REQUIRED_CONTACT_PHONE: _ClassVar[RequiredContact]
REQUIRED_CONTACT_UNSPECIFIED: RequiredContact
REQUIRED_CONTACT_ANY: RequiredContact
REQUIRED_CONTACT_EMAIL: RequiredContact
REQUIRED_CONTACT_PHONE: RequiredContact

class DataSource(_message.Message):
    __slots__ = ("name", "display_name", "connection", "discovery_sql", "generator_sql", "preload_sql", "variables", "bindings", "key_column", "contact_rules", "etag", "revision", "update_time", "validation_report")
    class BindingsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    CONNECTION_FIELD_NUMBER: _ClassVar[int]
    DISCOVERY_SQL_FIELD_NUMBER: _ClassVar[int]
    GENERATOR_SQL_FIELD_NUMBER: _ClassVar[int]
    PRELOAD_SQL_FIELD_NUMBER: _ClassVar[int]
    VARIABLES_FIELD_NUMBER: _ClassVar[int]
    BINDINGS_FIELD_NUMBER: _ClassVar[int]
    KEY_COLUMN_FIELD_NUMBER: _ClassVar[int]
    CONTACT_RULES_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_FIELD_NUMBER: _ClassVar[int]
    VALIDATION_REPORT_FIELD_NUMBER: _ClassVar[int]
    name: str
    display_name: str
    connection: str
    discovery_sql: str
    generator_sql: str
    preload_sql: str
    variables: _containers.RepeatedCompositeFieldContainer[DataSourceVariable]
    bindings: _containers.ScalarMap[str, str]
    key_column: str
    contact_rules: ContactRules
    etag: str
    revision: int
    update_time: _timestamp_pb2.Timestamp
    validation_report: _sql_pb2.ValidationReport
    def __init__(self, name: _Optional[str] = ..., display_name: _Optional[str] = ..., connection: _Optional[str] = ..., discovery_sql: _Optional[str] = ..., generator_sql: _Optional[str] = ..., preload_sql: _Optional[str] = ..., variables: _Optional[_Iterable[_Union[DataSourceVariable, _Mapping]]] = ..., bindings: _Optional[_Mapping[str, str]] = ..., key_column: _Optional[str] = ..., contact_rules: _Optional[_Union[ContactRules, _Mapping]] = ..., etag: _Optional[str] = ..., revision: _Optional[int] = ..., update_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., validation_report: _Optional[_Union[_sql_pb2.ValidationReport, _Mapping]] = ...) -> None: ...

class DataSourceVariable(_message.Message):
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

class ContactRules(_message.Message):
    __slots__ = ("required_contact", "skip_format_check")
    REQUIRED_CONTACT_FIELD_NUMBER: _ClassVar[int]
    SKIP_FORMAT_CHECK_FIELD_NUMBER: _ClassVar[int]
    required_contact: RequiredContact
    skip_format_check: bool
    def __init__(self, required_contact: _Optional[_Union[RequiredContact, str]] = ..., skip_format_check: bool = ...) -> None: ...

class GetDataSourceRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ListDataSourcesRequest(_message.Message):
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

class ListDataSourcesResponse(_message.Message):
    __slots__ = ("data_sources", "next_page_token")
    DATA_SOURCES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    data_sources: _containers.RepeatedCompositeFieldContainer[DataSource]
    next_page_token: str
    def __init__(self, data_sources: _Optional[_Iterable[_Union[DataSource, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class CreateDataSourceRequest(_message.Message):
    __slots__ = ("parent", "data_source_id", "data_source", "validate_only", "request_id")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    DATA_SOURCE_ID_FIELD_NUMBER: _ClassVar[int]
    DATA_SOURCE_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    parent: str
    data_source_id: str
    data_source: DataSource
    validate_only: bool
    request_id: str
    def __init__(self, parent: _Optional[str] = ..., data_source_id: _Optional[str] = ..., data_source: _Optional[_Union[DataSource, _Mapping]] = ..., validate_only: bool = ..., request_id: _Optional[str] = ...) -> None: ...

class UpdateDataSourceRequest(_message.Message):
    __slots__ = ("data_source", "validate_only", "request_id")
    DATA_SOURCE_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    data_source: DataSource
    validate_only: bool
    request_id: str
    def __init__(self, data_source: _Optional[_Union[DataSource, _Mapping]] = ..., validate_only: bool = ..., request_id: _Optional[str] = ...) -> None: ...

class DeleteDataSourceRequest(_message.Message):
    __slots__ = ("name", "etag", "validate_only")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    name: str
    etag: str
    validate_only: bool
    def __init__(self, name: _Optional[str] = ..., etag: _Optional[str] = ..., validate_only: bool = ...) -> None: ...

class ListDataSourceRevisionsRequest(_message.Message):
    __slots__ = ("name", "page_size", "page_token")
    NAME_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    name: str
    page_size: int
    page_token: str
    def __init__(self, name: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListDataSourceRevisionsResponse(_message.Message):
    __slots__ = ("revisions", "next_page_token")
    REVISIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    revisions: _containers.RepeatedCompositeFieldContainer[DataSourceRevision]
    next_page_token: str
    def __init__(self, revisions: _Optional[_Iterable[_Union[DataSourceRevision, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class DataSourceRevision(_message.Message):
    __slots__ = ("data_source", "revision", "author", "save_time", "deleted")
    DATA_SOURCE_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    AUTHOR_FIELD_NUMBER: _ClassVar[int]
    SAVE_TIME_FIELD_NUMBER: _ClassVar[int]
    DELETED_FIELD_NUMBER: _ClassVar[int]
    data_source: DataSource
    revision: int
    author: str
    save_time: _timestamp_pb2.Timestamp
    deleted: bool
    def __init__(self, data_source: _Optional[_Union[DataSource, _Mapping]] = ..., revision: _Optional[int] = ..., author: _Optional[str] = ..., save_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., deleted: bool = ...) -> None: ...

class RollbackDataSourceRequest(_message.Message):
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
