"""Two hops: whose fault the gateway's error is, as our own caller is told."""

import grpc
import pytest
from directflow_runtime.errors import DirectFlowError, FieldViolation, Problem, StatusCode
from directflow_runtime.remote import RemoteError, forwarded, remote_error
from directflow_runtime.status import DETAILS_KEY, grpc_code, to_status
from google.protobuf.wrappers_pb2 import StringValue


def from_gateway(error: DirectFlowError) -> grpc.aio.AioRpcError:
    status = to_status(error, domain="gateway.directflow", request_id="f" * 32, may_define=True)
    trailing = grpc.aio.Metadata((DETAILS_KEY, status.SerializeToString()))
    return grpc.aio.AioRpcError(grpc_code(status.code), grpc.aio.Metadata(), trailing, status.message)


def from_grpc(code: grpc.StatusCode) -> grpc.aio.AioRpcError:
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(), "ipv4:10.1.2.3:5000: refused")


@pytest.mark.parametrize(
    ("code", "reason", "outer_code", "outer_reason"),
    [
        ("INVALID_ARGUMENT", "VARIABLE_REJECTED", "INVALID_ARGUMENT", "VARIABLE_REJECTED"),
        ("INVALID_ARGUMENT", "STATEMENT_REFUSED", "FAILED_PRECONDITION", "DEFINITION_BROKEN"),
        ("FAILED_PRECONDITION", "DEFINITION_BROKEN", "FAILED_PRECONDITION", "DEFINITION_BROKEN"),
        ("FAILED_PRECONDITION", "DATA_ERROR", "FAILED_PRECONDITION", "DATA_ERROR"),
        ("INVALID_ARGUMENT", "INVALID_REQUEST", "INTERNAL", "INTERNAL"),
        ("INVALID_ARGUMENT", "DEADLINE_REQUIRED", "INTERNAL", "INTERNAL"),
        ("INTERNAL", "INTERNAL", "INTERNAL", "INTERNAL"),
        ("FAILED_PRECONDITION", "CREDENTIALS_REJECTED", "FAILED_PRECONDITION", "GATEWAY_REFUSED"),
        ("NOT_FOUND", "CONNECTION_NOT_FOUND", "FAILED_PRECONDITION", "GATEWAY_REFUSED"),
        ("PERMISSION_DENIED", "IDENTITY_NOT_ALLOWED", "FAILED_PRECONDITION", "GATEWAY_REFUSED"),
        ("RESOURCE_EXHAUSTED", "POOL_SATURATED", "RESOURCE_EXHAUSTED", "GATEWAY_REFUSED"),
        ("RESOURCE_EXHAUSTED", "ROW_TOO_LARGE", "RESOURCE_EXHAUSTED", "GATEWAY_REFUSED"),
        ("ABORTED", "SNAPSHOT_CONFLICT", "ABORTED", "GATEWAY_REFUSED"),
        ("DEADLINE_EXCEEDED", "STATEMENT_TIMEOUT", "DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED"),
        ("UNAVAILABLE", "DATABASE_UNREACHABLE", "UNAVAILABLE", "GATEWAY_UNAVAILABLE"),
        ("UNIMPLEMENTED", "UNIMPLEMENTED", "UNIMPLEMENTED", "UNIMPLEMENTED"),
    ],
)
def test_a_gateway_reason_becomes_ours(code: str, reason: str, outer_code: str, outer_reason: str) -> None:
    told = forwarded(from_gateway(DirectFlowError(StatusCode[code], reason, "what happened")))
    assert (told.code.name, told.reason) == (outer_code, outer_reason)
    assert (told.metadata["gateway_reason"], told.metadata["gateway_domain"]) == (reason, "gateway.directflow")


@pytest.mark.parametrize(
    ("code", "outer_code", "outer_reason"),
    [
        (grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE", "GATEWAY_UNAVAILABLE"),
        (grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED"),
        (grpc.StatusCode.CANCELLED, "CANCELLED", "CANCELLED"),
        (grpc.StatusCode.UNIMPLEMENTED, "UNIMPLEMENTED", "UNIMPLEMENTED"),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "INTERNAL", "INTERNAL"),
        (grpc.StatusCode.INVALID_ARGUMENT, "INTERNAL", "INTERNAL"),
        (grpc.StatusCode.UNKNOWN, "INTERNAL", "INTERNAL"),
        (grpc.StatusCode.UNAUTHENTICATED, "INTERNAL", "INTERNAL"),
    ],
)
def test_grpcs_own_failures_become_ours_without_addresses(
    code: grpc.StatusCode, outer_code: str, outer_reason: str
) -> None:
    told = forwarded(from_grpc(code), domain="other.directflow")
    assert (told.code.name, told.reason) == (outer_code, outer_reason)
    assert dict(told.metadata) == {"gateway_domain": "other.directflow"}
    assert "10.1.2.3" not in str(told)


def test_what_the_gateway_told_of_retries_problems_and_variables_is_kept() -> None:
    problem = Problem("UNKNOWN_COLUMN", "no such column", line=2, column=5, token="emial", hint="email")
    inner = DirectFlowError(
        StatusCode.FAILED_PRECONDITION,
        "DEFINITION_BROKEN",
        "broken",
        metadata={"variable": "community_id"},
        problems=[problem],
        retry_after=7,
        sqlstate="42703",
    )
    told = forwarded(from_gateway(inner))
    assert (told.problems, told.retry_after, told.sqlstate) == ((problem,), 7, "42703")
    assert told.metadata["variable"] == "community_id"
    assert str(told) == "broken"


def test_violations_are_told_only_where_they_are_the_callers() -> None:
    violations = [FieldViolation("statement.template", "must be set")]
    ours = DirectFlowError(StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", "x", violations=violations)
    theirs = DirectFlowError(StatusCode.INVALID_ARGUMENT, "VARIABLE_REJECTED", "x", violations=violations)
    assert forwarded(from_gateway(ours)).violations == ()
    assert len(forwarded(from_gateway(theirs)).violations) == 1


def test_an_unreachable_gateway_says_when_to_try_again() -> None:
    assert forwarded(from_grpc(grpc.StatusCode.UNAVAILABLE)).retry_after == 1.0


def test_an_error_that_was_read_already_may_be_forwarded_as_well() -> None:
    read = remote_error(from_gateway(DirectFlowError(StatusCode.ABORTED, "SNAPSHOT_CONFLICT", "x")))
    assert isinstance(read, RemoteError)
    assert forwarded(read).code is StatusCode.ABORTED


async def test_a_servicer_that_lets_the_gateways_error_through_is_still_right(world: object) -> None:
    async def gateway(request: object, context: object) -> None:
        raise DirectFlowError(StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", "segments sent nonsense")

    inner = await world(gateway)  # type: ignore[operator]

    async def segments(request: object, context: object) -> object:
        return await inner.stub("unary_unary")(StringValue())

    outer = await world(segments)  # type: ignore[operator]
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await outer.stub("unary_unary")(StringValue(), timeout=5)
    error = remote_error(caught.value)
    assert (error.code, error.reason) == (StatusCode.INTERNAL, "INTERNAL")
    assert error.metadata["gateway_reason"] == "INVALID_REQUEST"
