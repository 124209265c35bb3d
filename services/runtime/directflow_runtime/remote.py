"""Errors of services that we call: read back from the wire, and passed on to our own caller.

Two hops: a caller of segments must not be told that its request is wrong when it was ours to the gateway. What the
gateway said stays readable in the metadata (`gateway_reason`, `gateway_domain`).
"""

from collections.abc import Iterator
from typing import Final, TypeVar

import grpc
from directflow.sql.v1 import sql_pb2
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2, status_pb2

from directflow_runtime.errors import DirectFlowError, FieldViolation, StatusCode
from directflow_runtime.status import DETAILS_KEY, problem_from

GATEWAY_DOMAIN: Final = "gateway.directflow"
RETRY_AFTER_S: Final = 1.0
"""Told to callers where a service cannot be reached at all, which says nothing of when it will be."""

_Detail = TypeVar("_Detail", bound=Message)

_SAME_MEANING: Final = {
    "VARIABLE_REJECTED": StatusCode.INVALID_ARGUMENT,
    "DEFINITION_BROKEN": StatusCode.FAILED_PRECONDITION,
    "DATA_ERROR": StatusCode.FAILED_PRECONDITION,
    "ETAG_MISMATCH": StatusCode.ABORTED,
    "RESOURCE_IN_USE": StatusCode.FAILED_PRECONDITION,
    "ALREADY_EXISTS": StatusCode.ALREADY_EXISTS,
    "REFERENCE_NOT_FOUND": StatusCode.FAILED_PRECONDITION,
    "PAGE_TOKEN_INVALID": StatusCode.INVALID_ARGUMENT,
}
"""Reasons that every API has, and what their code is when the gateway's caller tells them to its own."""

_SAME_CODE: Final = {
    StatusCode.DEADLINE_EXCEEDED: "DEADLINE_EXCEEDED",
    StatusCode.CANCELLED: "CANCELLED",
    StatusCode.UNAVAILABLE: "GATEWAY_UNAVAILABLE",
    StatusCode.RESOURCE_EXHAUSTED: "GATEWAY_REFUSED",
    StatusCode.ABORTED: "GATEWAY_REFUSED",
    StatusCode.FAILED_PRECONDITION: "GATEWAY_REFUSED",
    StatusCode.UNIMPLEMENTED: "UNIMPLEMENTED",
}
"""Codes that mean the same one hop further out, and our reason for each."""

_OUR_OWN_FAULT: Final = {"INVALID_REQUEST", "DEADLINE_REQUIRED", "INTERNAL"}


class RemoteError(DirectFlowError):
    """What another service answered: reason, domain, violations, problems, retry_after as it sent them.

    `reason` and `domain` are empty where gRPC itself failed the call (refused connection, local deadline).
    """

    domain: str = ""
    request_id: str = ""
    """The trace id on the other side."""
    omitted_problems: int = 0
    """Problems that did not fit the status."""


def remote_error(error: grpc.aio.AioRpcError) -> RemoteError:
    """Reads the rich status out of a failed call. Details that cannot be read count as absent."""
    details = list(_details(error))
    info = _first(details, error_details_pb2.ErrorInfo)
    retry = _first(details, error_details_pb2.RetryInfo)
    report = _first(details, sql_pb2.ValidationReport)
    read = RemoteError(
        StatusCode(error.code().value[0]),
        info.reason if info else "",
        error.details() or error.code().name,
        metadata=dict(info.metadata) if info else {},
        violations=_violations(_first(details, error_details_pb2.BadRequest)),
        problems=[problem_from(problem) for problem in report.problems] if report else (),
        retry_after=retry.retry_delay.ToNanoseconds() / 1e9 if retry else None,
        sqlstate=info.metadata.get("sqlstate", "") if info else "",
    )
    request = _first(details, error_details_pb2.RequestInfo)
    read.domain = info.domain if info else ""
    read.request_id = request.request_id if request else ""
    read.omitted_problems = report.omitted_problems if report else 0
    return read


def forwarded(error: grpc.aio.AioRpcError | RemoteError, *, domain: str = GATEWAY_DOMAIN) -> DirectFlowError:
    """The gateway's error as our caller should see it; raise it `from` the original.

    VARIABLE_REJECTED stays the caller's own fault; a refused or broken statement is FAILED_PRECONDITION, since the
    definition is at fault; what the gateway says of our request to it is INTERNAL. `domain` is whom we called, for
    errors that do not say so themselves. `retry_after` and problems are kept.
    """
    inner = error if isinstance(error, RemoteError) else remote_error(error)
    code, reason = _outward(inner)
    told = {"gateway_domain": inner.domain or domain}
    if inner.reason:
        told["gateway_reason"] = inner.reason
    told.update((key, value) for key, value in inner.metadata.items() if key not in told)
    return DirectFlowError(
        code,
        reason,
        _message(inner, code),
        metadata=told,
        violations=inner.violations if code is StatusCode.INVALID_ARGUMENT else (),
        problems=inner.problems,
        retry_after=RETRY_AFTER_S
        if inner.retry_after is None and code is StatusCode.UNAVAILABLE
        else inner.retry_after,
        sqlstate=inner.sqlstate,
    )


def _outward(inner: RemoteError) -> tuple[StatusCode, str]:
    if inner.reason in _OUR_OWN_FAULT:
        return StatusCode.INTERNAL, "INTERNAL"
    if inner.reason == "STATEMENT_REFUSED":
        return StatusCode.FAILED_PRECONDITION, "DEFINITION_BROKEN"
    if inner.reason in _SAME_MEANING:
        return _SAME_MEANING[inner.reason], inner.reason
    if not inner.reason and inner.code is StatusCode.RESOURCE_EXHAUSTED:
        # gRPC's own: a message or its details were too large for our channel, which no caller can do anything about.
        return StatusCode.INTERNAL, "INTERNAL"
    if inner.code in _SAME_CODE:
        return inner.code, _SAME_CODE[inner.code]
    if inner.reason and inner.code is not StatusCode.INTERNAL:
        return StatusCode.FAILED_PRECONDITION, "GATEWAY_REFUSED"
    return StatusCode.INTERNAL, "INTERNAL"


def _message(inner: RemoteError, code: StatusCode) -> str:
    if code is StatusCode.INTERNAL:
        return "the query gateway failed to answer"
    if not inner.reason:  # gRPC's own text names addresses
        return f"the query gateway could not be used: {inner.code.name}"
    return inner.message


def _details(error: grpc.aio.AioRpcError) -> Iterator[AnyMessage]:
    # Not rpc_status.from_call: it raises where code or message disagree, and a broken status must still be an error.
    for key, value in error.trailing_metadata() or ():
        if key == DETAILS_KEY:
            try:
                yield from status_pb2.Status.FromString(value).details
            except DecodeError:
                return


def _first(details: list[AnyMessage], kind: type[_Detail]) -> _Detail | None:
    for packed in details:
        found = kind()
        if packed.TypeName() == kind.DESCRIPTOR.full_name:
            try:
                packed.Unpack(found)
            except DecodeError:
                return None
            return found
    return None


def _violations(bad_request: error_details_pb2.BadRequest | None) -> list[FieldViolation]:
    if bad_request is None:
        return []
    return [FieldViolation(item.field, item.description, item.reason) for item in bad_request.field_violations]
