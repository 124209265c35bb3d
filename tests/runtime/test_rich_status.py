"""An error on the wire, and back: one ErrorInfo, everything within 6 KiB, and what is cut is counted."""

import grpc
import pytest
from directflow.sql.v1 import sql_pb2
from directflow_runtime.errors import DirectFlowError, FieldViolation, Problem, Severity, StatusCode
from directflow_runtime.remote import RemoteError, remote_error
from directflow_runtime.status import DETAILS_KEY, MAX_DETAILS_BYTES, grpc_code, to_status
from google.protobuf.wrappers_pb2 import StringValue
from google.rpc import error_details_pb2, status_pb2

ANY_CODES = [code for code in StatusCode if code is not StatusCode.OK]


def problem(number: int = 0, **changes: object) -> Problem:
    shown = {"line": 3, "column": 7, "token": "pg_sleep", "hint": "remove it", "field": "generator.sql"}
    return Problem("FUNCTION_NOT_ALLOWED", f"function {number} is not allowed", **{**shown, **changes})  # type: ignore[arg-type]


def refused(**changes: object) -> DirectFlowError:
    return DirectFlowError(StatusCode.INVALID_ARGUMENT, "STATEMENT_REFUSED", "refused", **changes)  # type: ignore[arg-type]


def status_of(error: DirectFlowError, may_define: bool = True) -> status_pb2.Status:
    return to_status(
        error, domain="test.directflow", request_id="0af7651916cd43dd8448eb211c80319c", may_define=may_define
    )


def received(status: status_pb2.Status) -> RemoteError:
    """As a client sees it."""
    trailing = grpc.aio.Metadata((DETAILS_KEY, status.SerializeToString()))
    return remote_error(grpc.aio.AioRpcError(grpc_code(status.code), grpc.aio.Metadata(), trailing, status.message))


def details(status: status_pb2.Status, kind: type) -> list[object]:
    found = []
    for packed in status.details:
        if packed.TypeName() == kind.DESCRIPTOR.full_name:  # type: ignore[attr-defined]
            found.append(kind.FromString(packed.value))  # type: ignore[attr-defined]
    return found


def test_everything_that_an_error_says_arrives() -> None:
    violation = FieldViolation("statement.template", "must be set", "REQUIRED")
    error = refused(
        metadata={"variable": "community_id"},
        violations=[violation],
        problems=[problem()],
        retry_after=1.5,
        sqlstate="22P02",
    )
    seen = received(status_of(error))
    assert (seen.code, seen.reason, seen.domain, str(seen)) == (error.code, error.reason, "test.directflow", "refused")
    assert seen.metadata == {"variable": "community_id", "sqlstate": "22P02"}
    assert (seen.violations, seen.problems) == ((violation,), (problem(),))
    assert (seen.retry_after, seen.sqlstate) == (1.5, "22P02")
    assert seen.request_id == "0af7651916cd43dd8448eb211c80319c"


@pytest.mark.parametrize("code", ANY_CODES)
def test_every_code_carries_exactly_one_error_info(code: StatusCode) -> None:
    status = status_of(DirectFlowError(code, "REASON", "message"))
    assert len(details(status, error_details_pb2.ErrorInfo)) == 1
    assert grpc_code(status.code).value[0] == code
    assert received(status).code is code


def test_problems_are_for_those_who_may_define() -> None:
    error = refused(problems=[problem()], violations=[FieldViolation("a", "b")])
    others = received(status_of(error, may_define=False))
    assert others.problems == ()
    assert len(others.violations) == 1
    assert b"pg_sleep" not in status_of(error, may_define=False).SerializeToString()


def test_problems_stand_errors_first() -> None:
    warning = problem(1, severity=Severity.WARNING)
    assert received(status_of(refused(problems=[warning, problem(2)]))).problems == (problem(2), warning)


@pytest.mark.parametrize("text", ["x", "ж", "好"])
def test_too_many_problems_and_violations_are_cut_and_counted(text: str) -> None:
    problems = [problem(number, hint=text * 200, token=text * 64) for number in range(500)]
    violations = [FieldViolation(f"values.{text * 20}{number}", text * 50, "NUL_BYTE") for number in range(30)]
    error = refused(problems=problems, violations=violations, metadata={f"key{n}": text * 1000 for n in range(50)})
    status = status_of(error)
    assert status.ByteSize() <= MAX_DETAILS_BYTES
    (report,) = details(status, sql_pb2.ValidationReport)
    assert isinstance(report, sql_pb2.ValidationReport)
    assert len(report.problems) + report.omitted_problems == 500
    seen = received(status)
    assert len(seen.violations) + int(seen.metadata.get("omitted_violations", 0)) == 30


def test_more_violations_than_fit_leave_room_for_the_reason() -> None:
    violations = [FieldViolation("f" * 250, "d" * 500, "REQUIRED")] * 100
    seen = received(status_of(refused(violations=violations)))
    assert 1 <= len(seen.violations) < 100
    assert seen.metadata["omitted_violations"] == str(100 - len(seen.violations))


@pytest.mark.parametrize("text", ["x" * 100_000, "好" * 100_000, "\ud800" * 10, "a\0b\n"])
def test_any_message_can_be_sent(text: str) -> None:
    status = status_of(DirectFlowError(StatusCode.INTERNAL, "INTERNAL", text, metadata={"key": text}))
    assert 0 < len(status.message.encode()) <= 512
    assert received(status).reason == "INTERNAL"


async def test_a_python_client_receives_the_largest_status_every_time(world: object) -> None:
    async def handler(request: object, context: object) -> None:
        raise refused(
            problems=[problem(number, hint="好" * 100) for number in range(500)],
            metadata={f"key{n}": "好" * 1000 for n in range(50)},
        )

    served = await world(handler)  # type: ignore[operator]
    for _ in range(60):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await served.stub("unary_unary")(StringValue(), timeout=5)
        assert remote_error(caught.value).reason == "STATEMENT_REFUSED"


@pytest.mark.parametrize("raw", [b"\xff\xff", b"", status_pb2.Status(code=3).SerializeToString()])
def test_details_that_cannot_be_read_leave_the_code_and_the_text(raw: bytes) -> None:
    trailing = grpc.aio.Metadata((DETAILS_KEY, raw))
    error = grpc.aio.AioRpcError(grpc.StatusCode.ABORTED, grpc.aio.Metadata(), trailing, "text")
    seen = remote_error(error)
    assert (seen.code, seen.reason, seen.domain, str(seen)) == (StatusCode.ABORTED, "", "", "text")


def test_an_error_without_details_is_read_as_grpcs_own() -> None:
    error = grpc.aio.AioRpcError(grpc.StatusCode.UNAVAILABLE, grpc.aio.Metadata(), grpc.aio.Metadata(), "refused")
    assert (remote_error(error).reason, remote_error(error).retry_after) == ("", None)
