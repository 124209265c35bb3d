"""Each way a command can end has one exit code, and the documentation knows all of them."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from directflow_cli.commands import exit_codes
from directflow_cli.commands.exit_codes import ExitCode, exit_code_of
from directflow_runtime.errors import DirectFlowError, StatusCode

Directflow = Callable[..., Any]


@pytest.mark.parametrize(
    ("code", "reason", "exit_code"),
    [
        (StatusCode.NOT_FOUND, "SEGMENT_NOT_FOUND", 3),
        (StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", 4),
        (StatusCode.INVALID_ARGUMENT, "STATEMENT_REFUSED", 4),
        (StatusCode.FAILED_PRECONDITION, "DEFINITION_BROKEN", 4),
        (StatusCode.FAILED_PRECONDITION, "CONTRACT_BROKEN", 4),
        (StatusCode.OUT_OF_RANGE, "COMPACTED", 4),
        (StatusCode.UNAVAILABLE, "DATABASE_UNREACHABLE", 5),
        (StatusCode.UNAVAILABLE, "", 5),
        (StatusCode.DEADLINE_EXCEEDED, "STATEMENT_TIMEOUT", 6),
        (StatusCode.PERMISSION_DENIED, "IDENTITY_NOT_ALLOWED", 7),
        (StatusCode.UNAUTHENTICATED, "IDENTITY_UNKNOWN", 7),
        (StatusCode.RESOURCE_EXHAUSTED, "ROW_LIMIT_EXCEEDED", 8),
        (StatusCode.ABORTED, "PAGE_ORDER_CHANGED", 9),
        (StatusCode.FAILED_PRECONDITION, "DATA_ERROR", 10),
        (StatusCode.FAILED_PRECONDITION, "GATEWAY_REFUSED", 10),
        (StatusCode.DATA_LOSS, "STREAM_INCOMPLETE", 12),
        (StatusCode.INTERNAL, "STREAM_INCOMPLETE", 12),
        (StatusCode.UNIMPLEMENTED, "UNIMPLEMENTED", 13),
        (StatusCode.INTERNAL, "INTERNAL", 70),
        (StatusCode.UNKNOWN, "", 70),
        (StatusCode.CANCELLED, "CANCELLED", 130),
    ],
)
def test_every_failure_has_its_exit_code(code: StatusCode, reason: str, exit_code: int) -> None:
    assert exit_code_of(code, reason) == exit_code


def test_every_exit_code_is_documented_and_every_documented_one_exists() -> None:
    rows = [line.split("|")[1].strip() for line in (exit_codes.__doc__ or "").splitlines() if line.startswith("| ")]
    assert {int(row) for row in rows if row.isdigit()} == {int(code) for code in ExitCode}


def test_a_failure_of_the_service_is_the_commands_exit_code(directflow: Directflow, scripted: Any) -> None:
    scripted.replies["GetSegment"] = DirectFlowError(StatusCode.NOT_FOUND, "SEGMENT_NOT_FOUND", "there is none")
    assert directflow("segment", "get", "members", "7").code == 3


def test_a_service_that_is_not_there_is_unavailable(directflow: Directflow) -> None:
    ran = directflow("segment", "get", "members", "7", "--segments", "127.0.0.1:1", "--timeout", "5")
    assert ran.code == 5
    assert ran.err.splitlines()[1].startswith("error: ")


def test_a_command_that_takes_too_long_is_out_of_time(directflow: Directflow, scripted: Any) -> None:
    never = threading.Event()
    scripted.replies["GetSegment"] = lambda _: never.wait(1.0)
    assert directflow("segment", "get", "members", "7", "--timeout", "0.2").code == 6
    never.set()


@pytest.mark.parametrize(
    "arguments",
    [
        ["segment", "get", "members"],
        ["segment", "list", "members", "--limit", "0"],
        ["segment", "list", "members", "--var", "plan"],
        ["segment", "list", "members", "--var", "plan:={}"],
        ["segment", "list", "members", "--var", "a=1", "--var", "a=2"],
        ["segment", "list", "members", "-o", "xml"],
        ["audience", "stream", "members", "-o", "table", "--output-file", "x"],
        ["audience", "stream", "members", "-o", "csv", "--output-file", "/nowhere/at/all/x"],
        ["personalization", "get", "members"],
        ["query", "describe", "-c", "crm"],
        ["query", "describe", "-c", "crm", "--sql", "SELECT 1", "--kind", "a=b"],
        ["query", "check", "/nowhere"],
    ],
)
def test_a_command_line_that_cannot_be_used_is_refused_before_anything_is_asked(
    directflow: Directflow, scripted: Any, arguments: list[str]
) -> None:
    assert directflow(*arguments).code == 2
    assert scripted.requests == []


def test_a_secret_on_the_command_line_is_not_repeated(directflow: Directflow) -> None:
    ran = directflow("segment", "list", "members", "--var", "card:={4111-1111")
    assert ran.code == 2
    assert "4111" not in ran.out + ran.err


def test_without_an_endpoint_the_user_is_told_three_ways_to_name_one(
    directflow: Directflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DIRECTFLOW_SEGMENTS")
    ran = directflow("segment", "list", "members")
    assert ran.code == 2
    for way in ("--segments", "DIRECTFLOW_SEGMENTS", "directflow dev"):
        assert way in ran.err
