"""The gateway's answers as verdicts, and verdicts against expectations."""

import json

import pytest
from directflow_cli.commands.check.corpus import Expectation
from directflow_cli.commands.check.expectations import is_met
from directflow_cli.commands.check.verdicts import Outcome, Verdict, outcome_of_error
from directflow_runtime.errors import DirectFlowError, Problem, StatusCode

Code = StatusCode


def outcome(code: StatusCode, reason: str, sqlstate: str = "") -> Outcome:
    return outcome_of_error("x", DirectFlowError(code, reason, "no", sqlstate=sqlstate))


@pytest.mark.parametrize(
    ("code", "reason", "sqlstate", "verdict"),
    [
        (Code.INVALID_ARGUMENT, "STATEMENT_REFUSED", "", "rejected"),
        (Code.INVALID_ARGUMENT, "INVALID_REQUEST", "", "rejected"),
        (Code.FAILED_PRECONDITION, "DEFINITION_BROKEN", "42703", "rejected"),
        (Code.FAILED_PRECONDITION, "SERVER_REFUSED", "25006", "rejected"),
        (Code.FAILED_PRECONDITION, "PERMISSION_DENIED_BY_DATABASE", "42501", "rejected"),
        (Code.INVALID_ARGUMENT, "VARIABLE_REJECTED", "22P02", "value_rejected"),
        (Code.INVALID_ARGUMENT, "VARIABLE_REJECTED", "42601", "value_rejected"),
        (Code.INVALID_ARGUMENT, "VARIABLE_REJECTED", "", "rejected"),
        (Code.DEADLINE_EXCEEDED, "STATEMENT_TIMEOUT", "57014", "limit"),
        (Code.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED", "", "limit"),
        (Code.DEADLINE_EXCEEDED, "", "", "limit"),
        (Code.DEADLINE_EXCEEDED, "STREAM_TOO_OLD", "", "limit"),
        (Code.RESOURCE_EXHAUSTED, "ROW_LIMIT_EXCEEDED", "", "limit"),
        (Code.RESOURCE_EXHAUSTED, "BYTE_LIMIT_EXCEEDED", "", "limit"),
        (Code.RESOURCE_EXHAUSTED, "ROW_TOO_LARGE", "", "limit"),
        (Code.INTERNAL, "INTERNAL", "54000", "limit"),
        (Code.INTERNAL, "INTERNAL", "53200", "limit"),
        (Code.FAILED_PRECONDITION, "DATA_ERROR", "22003", "limit"),
        (Code.FAILED_PRECONDITION, "DATA_ERROR", "22012", "error"),
        (Code.RESOURCE_EXHAUSTED, "POOL_SATURATED", "", "error"),
        (Code.UNAVAILABLE, "DATABASE_UNREACHABLE", "", "error"),
        (Code.UNAVAILABLE, "", "", "error"),
        (Code.INTERNAL, "INTERNAL", "", "error"),
    ],
)
def test_every_reason_has_its_verdict(code: StatusCode, reason: str, sqlstate: str, verdict: str) -> None:
    assert outcome(code, reason, sqlstate).verdict.value == verdict


@pytest.mark.parametrize("sqlstate", ["25006", "42501"])
def test_a_refusal_of_the_server_has_one_reason_whatever_the_gateway_calls_it(sqlstate: str) -> None:
    got = outcome(Code.FAILED_PRECONDITION, "PERMISSION_DENIED_BY_DATABASE", sqlstate)
    assert (got.verdict, got.reason, got.sqlstate) == (Verdict.REJECTED, "SERVER_REFUSED", sqlstate)


def test_a_message_says_the_place_once() -> None:
    problem = Problem("SYNTAX", "no", line=3, column=7)
    error = DirectFlowError(Code.INVALID_ARGUMENT, "STATEMENT_REFUSED", "no", problems=[problem])
    assert outcome_of_error("x", error).message == "line 3, column 7: no"
    error = DirectFlowError(Code.INVALID_ARGUMENT, "STATEMENT_REFUSED", "no (line 3, column 7)", problems=[problem])
    assert outcome_of_error("x", error).message == "no (line 3, column 7)"


def test_a_line_of_output_has_the_documented_keys_and_is_ascii() -> None:
    line = Outcome("a\ud800é", Verdict.OK, rows=1, columns=2, digest="d").as_json()
    assert line.isascii()
    keys = ["id", "verdict", "rows", "columns", "digest", "sqlstate", "reason", "message"]
    assert list(json.loads(line)) == keys


def ran(rows: int = 1, columns: int = 1, digest: str = "d") -> Outcome:
    return Outcome("x", Verdict.OK, rows, columns, digest)


REJECTED = Outcome("x", Verdict.REJECTED, reason="STATEMENT_REFUSED")
REFUSED_BY_SERVER = Outcome("x", Verdict.REJECTED, sqlstate="25006", reason="SERVER_REFUSED")
VALUE = Outcome("x", Verdict.VALUE_REJECTED, sqlstate="22P02", reason="VARIABLE_REJECTED")
LIMIT = Outcome("x", Verdict.LIMIT, reason="STATEMENT_TIMEOUT")
BROKEN = Outcome("x", Verdict.ERROR, reason="INTERNAL")


@pytest.mark.parametrize(
    ("expected", "outcome", "met"),
    [
        (Expectation(), ran(), True),
        (Expectation(), REJECTED, False),
        (Expectation(rows=1, columns=1, digest="d"), ran(), True),
        (Expectation(rows=2), ran(), False),
        (Expectation(columns=2), ran(), False),
        (Expectation(digest="e"), ran(), False),
        (Expectation("reject"), REJECTED, True),
        (Expectation("reject"), ran(), False),
        (Expectation("reject"), BROKEN, False),
        (Expectation("reject", ("allow_by_policy",)), ran(), True),
        (Expectation("reject", ("server_error_25006",)), REFUSED_BY_SERVER, True),
        (Expectation("reject", ("bind_safe",), rows=1), ran(), True),
        (Expectation("reject", ("something new",)), ran(), False),
        (Expectation("bind_safe", rows=0), ran(rows=0), True),
        (Expectation("bind_safe", rows=0), ran(rows=300), False),
        (Expectation("bind_safe", sqlstate="22P02"), VALUE, True),
        (Expectation("bind_safe", sqlstate="22003"), VALUE, False),
        (Expectation("bind_safe", sqlstate="22P02"), ran(), False),
        (Expectation("bind_safe"), VALUE, True),
        (Expectation("bind_safe"), BROKEN, False),
        (Expectation("bind_safe", anything=True), BROKEN, True),
        (Expectation("bind_safe", ("reject",)), REJECTED, True),
        (Expectation("timeout_or_limit"), LIMIT, True),
        (Expectation("timeout_or_limit"), ran(), True),
        (Expectation("timeout_or_limit"), BROKEN, False),
        (Expectation("something new"), ran(), False),
    ],
)
def test_an_expectation_is_met_by_what_it_says_and_by_nothing_else(
    expected: Expectation, outcome: Outcome, met: bool
) -> None:
    assert is_met(expected, outcome) is met
