import datetime

from directflow.sql.v1 import sql_pb2 as _sql_pb2
from google.api import field_behavior_pb2 as _field_behavior_pb2
from google.api import resource_pb2 as _resource_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import empty_pb2 as _empty_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TlsMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TLS_MODE_UNSPECIFIED: _ClassVar[TlsMode]
    TLS_MODE_VERIFY_FULL: _ClassVar[TlsMode]
    TLS_MODE_VERIFY_CA: _ClassVar[TlsMode]
    TLS_MODE_REQUIRE: _ClassVar[TlsMode]
    TLS_MODE_DISABLE: _ClassVar[TlsMode]

class CredentialKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CREDENTIAL_KIND_UNSPECIFIED: _ClassVar[CredentialKind]
    CREDENTIAL_KIND_VAULT_KV: _ClassVar[CredentialKind]
    CREDENTIAL_KIND_VAULT_DYNAMIC: _ClassVar[CredentialKind]
    CREDENTIAL_KIND_VAULT_STATIC: _ClassVar[CredentialKind]
    CREDENTIAL_KIND_FILE: _ClassVar[CredentialKind]

class RolePolicy(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ROLE_POLICY_UNSPECIFIED: _ClassVar[RolePolicy]
    ROLE_POLICY_REPORT: _ClassVar[RolePolicy]
    ROLE_POLICY_STRICT: _ClassVar[RolePolicy]

class CredentialBinding(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CREDENTIAL_BINDING_UNSPECIFIED: _ClassVar[CredentialBinding]
    CREDENTIAL_BINDING_BOUND: _ClassVar[CredentialBinding]
    CREDENTIAL_BINDING_UNBOUND: _ClassVar[CredentialBinding]

class StepOutcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STEP_OUTCOME_UNSPECIFIED: _ClassVar[StepOutcome]
    STEP_OUTCOME_OK: _ClassVar[StepOutcome]
    STEP_OUTCOME_WARNING: _ClassVar[StepOutcome]
    STEP_OUTCOME_FAILED: _ClassVar[StepOutcome]
    STEP_OUTCOME_SKIPPED: _ClassVar[StepOutcome]
TLS_MODE_UNSPECIFIED: TlsMode
TLS_MODE_VERIFY_FULL: TlsMode
TLS_MODE_VERIFY_CA: TlsMode
TLS_MODE_REQUIRE: TlsMode
TLS_MODE_DISABLE: TlsMode
CREDENTIAL_KIND_UNSPECIFIED: CredentialKind
CREDENTIAL_KIND_VAULT_KV: CredentialKind
CREDENTIAL_KIND_VAULT_DYNAMIC: CredentialKind
CREDENTIAL_KIND_VAULT_STATIC: CredentialKind
CREDENTIAL_KIND_FILE: CredentialKind
ROLE_POLICY_UNSPECIFIED: RolePolicy
ROLE_POLICY_REPORT: RolePolicy
ROLE_POLICY_STRICT: RolePolicy
CREDENTIAL_BINDING_UNSPECIFIED: CredentialBinding
CREDENTIAL_BINDING_BOUND: CredentialBinding
CREDENTIAL_BINDING_UNBOUND: CredentialBinding
STEP_OUTCOME_UNSPECIFIED: StepOutcome
STEP_OUTCOME_OK: StepOutcome
STEP_OUTCOME_WARNING: StepOutcome
STEP_OUTCOME_FAILED: StepOutcome
STEP_OUTCOME_SKIPPED: StepOutcome

class Connection(_message.Message):
    __slots__ = ("name", "host", "port", "database", "user", "tls", "credential_kind", "limits", "allowed_functions", "role_policy", "credential_binding", "etag", "revision", "update_time", "validation_report")
    NAME_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    PORT_FIELD_NUMBER: _ClassVar[int]
    DATABASE_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    TLS_FIELD_NUMBER: _ClassVar[int]
    CREDENTIAL_KIND_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    ALLOWED_FUNCTIONS_FIELD_NUMBER: _ClassVar[int]
    ROLE_POLICY_FIELD_NUMBER: _ClassVar[int]
    CREDENTIAL_BINDING_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_FIELD_NUMBER: _ClassVar[int]
    VALIDATION_REPORT_FIELD_NUMBER: _ClassVar[int]
    name: str
    host: str
    port: int
    database: str
    user: str
    tls: ConnectionTls
    credential_kind: CredentialKind
    limits: ConnectionLimits
    allowed_functions: _containers.RepeatedScalarFieldContainer[str]
    role_policy: RolePolicy
    credential_binding: CredentialBinding
    etag: str
    revision: int
    update_time: _timestamp_pb2.Timestamp
    validation_report: _sql_pb2.ValidationReport
    def __init__(self, name: _Optional[str] = ..., host: _Optional[str] = ..., port: _Optional[int] = ..., database: _Optional[str] = ..., user: _Optional[str] = ..., tls: _Optional[_Union[ConnectionTls, _Mapping]] = ..., credential_kind: _Optional[_Union[CredentialKind, str]] = ..., limits: _Optional[_Union[ConnectionLimits, _Mapping]] = ..., allowed_functions: _Optional[_Iterable[str]] = ..., role_policy: _Optional[_Union[RolePolicy, str]] = ..., credential_binding: _Optional[_Union[CredentialBinding, str]] = ..., etag: _Optional[str] = ..., revision: _Optional[int] = ..., update_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., validation_report: _Optional[_Union[_sql_pb2.ValidationReport, _Mapping]] = ...) -> None: ...

class ConnectionTls(_message.Message):
    __slots__ = ("mode", "ca_pem")
    MODE_FIELD_NUMBER: _ClassVar[int]
    CA_PEM_FIELD_NUMBER: _ClassVar[int]
    mode: TlsMode
    ca_pem: str
    def __init__(self, mode: _Optional[_Union[TlsMode, str]] = ..., ca_pem: _Optional[str] = ...) -> None: ...

class ConnectionLimits(_message.Message):
    __slots__ = ("pool_size", "statement_timeout", "lock_timeout", "max_rows", "max_bytes", "max_row_bytes", "max_stream_age")
    POOL_SIZE_FIELD_NUMBER: _ClassVar[int]
    STATEMENT_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    LOCK_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    MAX_ROWS_FIELD_NUMBER: _ClassVar[int]
    MAX_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_ROW_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_STREAM_AGE_FIELD_NUMBER: _ClassVar[int]
    pool_size: int
    statement_timeout: _duration_pb2.Duration
    lock_timeout: _duration_pb2.Duration
    max_rows: int
    max_bytes: int
    max_row_bytes: int
    max_stream_age: _duration_pb2.Duration
    def __init__(self, pool_size: _Optional[int] = ..., statement_timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., lock_timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., max_rows: _Optional[int] = ..., max_bytes: _Optional[int] = ..., max_row_bytes: _Optional[int] = ..., max_stream_age: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class TestConnectionRequest(_message.Message):
    __slots__ = ("name", "connection")
    NAME_FIELD_NUMBER: _ClassVar[int]
    CONNECTION_FIELD_NUMBER: _ClassVar[int]
    name: str
    connection: Connection
    def __init__(self, name: _Optional[str] = ..., connection: _Optional[_Union[Connection, _Mapping]] = ...) -> None: ...

class TestConnectionResponse(_message.Message):
    __slots__ = ("steps", "server_version", "replica", "round_trip")
    STEPS_FIELD_NUMBER: _ClassVar[int]
    SERVER_VERSION_FIELD_NUMBER: _ClassVar[int]
    REPLICA_FIELD_NUMBER: _ClassVar[int]
    ROUND_TRIP_FIELD_NUMBER: _ClassVar[int]
    steps: _containers.RepeatedCompositeFieldContainer[ConnectionStep]
    server_version: str
    replica: bool
    round_trip: _duration_pb2.Duration
    def __init__(self, steps: _Optional[_Iterable[_Union[ConnectionStep, _Mapping]]] = ..., server_version: _Optional[str] = ..., replica: bool = ..., round_trip: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class ConnectionStep(_message.Message):
    __slots__ = ("step", "outcome", "message", "advice", "mending_sql")
    STEP_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    ADVICE_FIELD_NUMBER: _ClassVar[int]
    MENDING_SQL_FIELD_NUMBER: _ClassVar[int]
    step: str
    outcome: StepOutcome
    message: str
    advice: str
    mending_sql: str
    def __init__(self, step: _Optional[str] = ..., outcome: _Optional[_Union[StepOutcome, str]] = ..., message: _Optional[str] = ..., advice: _Optional[str] = ..., mending_sql: _Optional[str] = ...) -> None: ...

class ConfirmCredentialRequest(_message.Message):
    __slots__ = ("name", "etag")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    name: str
    etag: str
    def __init__(self, name: _Optional[str] = ..., etag: _Optional[str] = ...) -> None: ...

class GetConnectionRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ListConnectionsRequest(_message.Message):
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

class ListConnectionsResponse(_message.Message):
    __slots__ = ("connections", "next_page_token")
    CONNECTIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    connections: _containers.RepeatedCompositeFieldContainer[Connection]
    next_page_token: str
    def __init__(self, connections: _Optional[_Iterable[_Union[Connection, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class CreateConnectionRequest(_message.Message):
    __slots__ = ("parent", "connection_id", "connection", "validate_only", "request_id")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    CONNECTION_ID_FIELD_NUMBER: _ClassVar[int]
    CONNECTION_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    parent: str
    connection_id: str
    connection: Connection
    validate_only: bool
    request_id: str
    def __init__(self, parent: _Optional[str] = ..., connection_id: _Optional[str] = ..., connection: _Optional[_Union[Connection, _Mapping]] = ..., validate_only: bool = ..., request_id: _Optional[str] = ...) -> None: ...

class UpdateConnectionRequest(_message.Message):
    __slots__ = ("connection", "validate_only", "request_id")
    CONNECTION_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    connection: Connection
    validate_only: bool
    request_id: str
    def __init__(self, connection: _Optional[_Union[Connection, _Mapping]] = ..., validate_only: bool = ..., request_id: _Optional[str] = ...) -> None: ...

class DeleteConnectionRequest(_message.Message):
    __slots__ = ("name", "etag", "validate_only")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    name: str
    etag: str
    validate_only: bool
    def __init__(self, name: _Optional[str] = ..., etag: _Optional[str] = ..., validate_only: bool = ...) -> None: ...

class ListConnectionRevisionsRequest(_message.Message):
    __slots__ = ("name", "page_size", "page_token")
    NAME_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    name: str
    page_size: int
    page_token: str
    def __init__(self, name: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListConnectionRevisionsResponse(_message.Message):
    __slots__ = ("revisions", "next_page_token")
    REVISIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    revisions: _containers.RepeatedCompositeFieldContainer[ConnectionRevision]
    next_page_token: str
    def __init__(self, revisions: _Optional[_Iterable[_Union[ConnectionRevision, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ConnectionRevision(_message.Message):
    __slots__ = ("connection", "revision", "author", "save_time", "deleted")
    CONNECTION_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    AUTHOR_FIELD_NUMBER: _ClassVar[int]
    SAVE_TIME_FIELD_NUMBER: _ClassVar[int]
    DELETED_FIELD_NUMBER: _ClassVar[int]
    connection: Connection
    revision: int
    author: str
    save_time: _timestamp_pb2.Timestamp
    deleted: bool
    def __init__(self, connection: _Optional[_Union[Connection, _Mapping]] = ..., revision: _Optional[int] = ..., author: _Optional[str] = ..., save_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., deleted: bool = ...) -> None: ...

class RollbackConnectionRequest(_message.Message):
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
