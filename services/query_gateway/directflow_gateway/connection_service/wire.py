"""Between the messages of ConnectionService and the gateway's own terms. Nothing here decides anything."""

from collections.abc import Sequence
from typing import Final

from directflow.gateway.v1 import connection_service_pb2 as pb
from directflow.sql.v1 import sql_pb2
from directflow_runtime.definitions.cache import Saved
from directflow_runtime.definitions.document import Document
from directflow_runtime.definitions.resources import Revision
from directflow_runtime.errors import Problem
from directflow_runtime.status import problem_from, report_of
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import DecodeError

from directflow_gateway.connection_service.draft import LIMIT_FIELDS, Draft
from directflow_gateway.connection_service.step import Outcome, TestReport
from directflow_gateway.connections import (
    Binding,
    Connection,
    ConnectionDefinition,
    CredentialKind,
    Limits,
    RolePolicy,
    SslMode,
)

CONTENT_TYPE: Final = "application/x-protobuf; message=directflow.gateway.v1.Connection"

SSL_MODES: Final = {
    pb.TLS_MODE_UNSPECIFIED: SslMode.VERIFY_FULL,
    pb.TLS_MODE_VERIFY_FULL: SslMode.VERIFY_FULL,
    pb.TLS_MODE_VERIFY_CA: SslMode.VERIFY_CA,
    pb.TLS_MODE_REQUIRE: SslMode.REQUIRE,
    pb.TLS_MODE_DISABLE: SslMode.DISABLE,
}
CREDENTIAL_KINDS: Final = {
    pb.CREDENTIAL_KIND_UNSPECIFIED: CredentialKind.VAULT_KV,
    pb.CREDENTIAL_KIND_VAULT_KV: CredentialKind.VAULT_KV,
    pb.CREDENTIAL_KIND_VAULT_DYNAMIC: CredentialKind.VAULT_DYNAMIC,
    pb.CREDENTIAL_KIND_VAULT_STATIC: CredentialKind.VAULT_STATIC,
    pb.CREDENTIAL_KIND_FILE: CredentialKind.FILE,
}
ROLE_POLICIES: Final = {
    pb.ROLE_POLICY_UNSPECIFIED: RolePolicy.REPORT,
    pb.ROLE_POLICY_REPORT: RolePolicy.REPORT,
    pb.ROLE_POLICY_STRICT: RolePolicy.STRICT,
}
BINDINGS: Final = {
    Binding.BOUND: pb.CREDENTIAL_BINDING_BOUND,
    Binding.UNBOUND: pb.CREDENTIAL_BINDING_UNBOUND,
}
OUTCOMES: Final = {
    Outcome.OK: pb.STEP_OUTCOME_OK,
    Outcome.WARNING: pb.STEP_OUTCOME_WARNING,
    Outcome.FAILED: pb.STEP_OUTCOME_FAILED,
    Outcome.SKIPPED: pb.STEP_OUTCOME_SKIPPED,
}
_DURATIONS: Final = {name for name in LIMIT_FIELDS if name.endswith("_s")}


def draft_of(message: pb.Connection, workspace: str, connection_id: str) -> Draft:
    """What a request wants; its name and what only we decide are left aside."""
    return Draft(
        workspace=workspace,
        id=connection_id,
        host=message.host,
        port=message.port,
        database=message.database,
        user=message.user,
        sslmode=SSL_MODES[message.tls.mode],
        ca_pem=message.tls.ca_pem,
        credential_kind=CREDENTIAL_KINDS[message.credential_kind],
        limits={name: _limit(message.limits, name) for name in LIMIT_FIELDS},
        allowed_functions=tuple(message.allowed_functions),
        role_policy=ROLE_POLICIES[message.role_policy],
    )


def message_of(saved: Saved[ConnectionDefinition]) -> pb.Connection:
    """A connection as callers see it."""
    document = saved.document
    message = _content(saved.definition, saved.definition.problems)
    message.name = document.name
    message.etag = document.etag
    message.revision = document.revision
    if document.save_time is not None:
        message.update_time.FromDatetime(document.save_time)
    return message


def body_of(definition: ConnectionDefinition, problems: Sequence[Problem]) -> bytes:
    """The body of its document: everything but what the document itself says."""
    return bytes(_content(definition, problems).SerializeToString(deterministic=True))


def definition_of(document: Document) -> ConnectionDefinition:
    """The connection in a document. Raises ValueError where this version cannot read it."""
    try:
        message = pb.Connection.FromString(document.body)
    except DecodeError:
        raise ValueError("the body is no Connection") from None
    if message.tls.mode not in SSL_MODES or message.role_policy not in ROLE_POLICIES:
        raise ValueError("a TLS mode or a role policy that this version does not know")
    if message.credential_kind not in CREDENTIAL_KINDS:
        raise ValueError("a kind of credential that this version does not know")
    bound = message.credential_binding == pb.CREDENTIAL_BINDING_BOUND
    return ConnectionDefinition(
        draft_of(message, document.workspace, document.id).connection(),
        Binding.BOUND if bound else Binding.UNBOUND,
        tuple(map(problem_from, message.validation_report.problems)),
        tuple(message.allowed_functions),
    )


def revision_message(revision: Revision[ConnectionDefinition]) -> pb.ConnectionRevision:
    """One saved state; without the connection where it was deleted or cannot be read."""
    document = revision.document
    message = pb.ConnectionRevision(revision=document.revision, author=document.author, deleted=document.deleted)
    if revision.definition is not None:
        message.connection.CopyFrom(message_of(Saved(revision.definition, document)))
    if document.save_time is not None:
        message.save_time.FromDatetime(document.save_time)
    return message


def test_response(report: TestReport) -> pb.TestConnectionResponse:
    """What trying a connection said."""
    response = pb.TestConnectionResponse(server_version=report.server_version, replica=report.replica)
    for step in report.steps:
        response.steps.add(
            step=step.name.value,
            outcome=OUTCOMES[step.outcome],
            message=step.message,
            advice=step.advice,
            mending_sql=step.mending_sql,
        )
    if report.round_trip_s is not None:
        response.round_trip.CopyFrom(_duration(report.round_trip_s))
    return response


def _content(definition: ConnectionDefinition, problems: Sequence[Problem]) -> pb.Connection:
    connection = definition.connection
    message = pb.Connection(
        host=connection.host,
        port=connection.port,
        database=connection.database,
        user=connection.user,
        tls=pb.ConnectionTls(mode=_TLS_MODES[connection.sslmode], ca_pem=connection.ca_pem),
        credential_kind=_KINDS[connection.credential_kind],
        limits=_limits_message(connection),
        allowed_functions=definition.functions or sorted(connection.allowed_functions),
        role_policy=_POLICIES.get(connection.role_policy, pb.ROLE_POLICY_UNSPECIFIED),
        credential_binding=BINDINGS[definition.binding],
    )
    report: sql_pb2.ValidationReport = report_of(problems)
    message.validation_report.CopyFrom(report)
    return message


def _limits_message(connection: Connection) -> pb.ConnectionLimits:
    """Only what differs from the defaults: a default that a later version changes is then changed for this one too."""
    default, message = Limits(), pb.ConnectionLimits()
    for name, field in LIMIT_FIELDS.items():
        value = getattr(connection.limits, name)
        if value == getattr(default, name):
            continue
        if name in _DURATIONS:
            getattr(message, field).CopyFrom(_duration(value))
        else:
            setattr(message, field, value)
    return message


def _limit(message: pb.ConnectionLimits, name: str) -> float:
    value = getattr(message, LIMIT_FIELDS[name])
    given: float = value.ToNanoseconds() / 1e9 if name in _DURATIONS else value
    return given


def _duration(seconds: float) -> Duration:
    duration = Duration()
    duration.FromNanoseconds(round(seconds * 1e9))
    return duration


_TLS_MODES = {mode: number for number, mode in SSL_MODES.items() if number}
_KINDS = {kind: number for number, kind in CREDENTIAL_KINDS.items() if number}
_POLICIES = {policy: number for number, policy in ROLE_POLICIES.items() if number}
