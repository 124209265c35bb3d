"""Every SQLSTATE has a meaning, in our own words; what is not known is INTERNAL and says nothing."""

import psycopg
import pytest
from directflow_gateway.execution import Phase, translate
from directflow_gateway.execution.meanings import meaning_of
from directflow_runtime.errors import StatusCode
from psycopg import errors, pq


@pytest.mark.parametrize(
    ("sqlstate", "code", "reason"),
    [
        # the table of API.md
        ("08006", StatusCode.UNAVAILABLE, "DATABASE_UNREACHABLE"),
        ("57P01", StatusCode.UNAVAILABLE, "DATABASE_UNREACHABLE"),
        ("57P02", StatusCode.UNAVAILABLE, "DATABASE_UNREACHABLE"),
        ("57P03", StatusCode.UNAVAILABLE, "DATABASE_UNREACHABLE"),
        ("28P01", StatusCode.FAILED_PRECONDITION, "CREDENTIALS_REJECTED"),
        ("28000", StatusCode.FAILED_PRECONDITION, "CREDENTIALS_REJECTED"),
        ("57014", StatusCode.DEADLINE_EXCEEDED, "STATEMENT_TIMEOUT"),
        ("40001", StatusCode.ABORTED, "SNAPSHOT_CONFLICT"),
        ("40P01", StatusCode.ABORTED, "SNAPSHOT_CONFLICT"),
        ("42501", StatusCode.FAILED_PRECONDITION, "PERMISSION_DENIED_BY_DATABASE"),
        ("25006", StatusCode.FAILED_PRECONDITION, "SERVER_REFUSED"),
        ("22012", StatusCode.FAILED_PRECONDITION, "DATA_ERROR"),
        ("21000", StatusCode.FAILED_PRECONDITION, "DATA_ERROR"),
        ("P0001", StatusCode.FAILED_PRECONDITION, "DATA_ERROR"),
        ("42703", StatusCode.FAILED_PRECONDITION, "DEFINITION_BROKEN"),
        ("42P01", StatusCode.FAILED_PRECONDITION, "DEFINITION_BROKEN"),
        # beyond it
        ("55P03", StatusCode.DEADLINE_EXCEEDED, "STATEMENT_TIMEOUT"),
        ("25P03", StatusCode.DEADLINE_EXCEEDED, "IDLE_TIMEOUT"),
        ("53200", StatusCode.RESOURCE_EXHAUSTED, "BYTE_LIMIT_EXCEEDED"),
        ("53300", StatusCode.UNAVAILABLE, "DATABASE_UNREACHABLE"),
        ("54000", StatusCode.RESOURCE_EXHAUSTED, "BYTE_LIMIT_EXCEEDED"),
        ("XX000", StatusCode.INTERNAL, "INTERNAL"),
        ("25P02", StatusCode.INTERNAL, "INTERNAL"),  # a statement in a failed transaction: ours
        ("ZZ999", StatusCode.INTERNAL, "INTERNAL"),
    ],
)
def test_a_sqlstate_has_its_status_and_reason(sqlstate: str, code: StatusCode, reason: str) -> None:
    meaning = meaning_of(sqlstate)
    assert (meaning.code, meaning.reason) == (code, reason)
    assert (meaning.retry_after is not None) == (code is StatusCode.UNAVAILABLE)


def test_an_error_of_psycopgs_own_never_shows_its_text() -> None:
    lost = translate(psycopg.OperationalError("connection to 10.1.2.3 as bob failed"), None, Phase.RUN)
    assert (lost.code, lost.reason) == (StatusCode.UNAVAILABLE, "DATABASE_UNREACHABLE")
    ours = translate(psycopg.DataError("value 'secret' is bad"), None, Phase.RUN)
    assert (ours.code, ours.reason) == (StatusCode.INTERNAL, "INTERNAL")
    for error in (lost, ours):
        assert not {"10.1.2.3", "bob", "secret"} & set(str(error).replace("'", " ").split())


@pytest.mark.parametrize(("file", "reason"), [("mcxt.c", "BYTE_LIMIT_EXCEEDED"), ("relcache.c", "INTERNAL")])
def test_a_request_for_too_much_memory_is_no_bug_of_the_server(file: str, reason: str) -> None:
    """PostgreSQL reports "invalid memory alloc request size" under the SQLSTATE of its own bugs."""
    error = errors.lookup("XX000")("invalid memory alloc", info={pq.DiagnosticField.SOURCE_FILE: file.encode()})
    assert translate(error, None, Phase.RUN).reason == reason


def test_every_sqlstate_that_psycopg_knows_makes_an_error_with_that_state() -> None:
    known = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, psycopg.Error)]
    states = [each.sqlstate for each in known if each.sqlstate]
    assert len(states) > 200
    for state in states:
        translated = translate(errors.lookup(state)("the driver's text"), None, Phase.RUN)
        assert (translated.sqlstate, translated.metadata["sqlstate"]) == (state, state)
        assert "driver" not in str(translated)
        assert str(translated).endswith(".")
        assert not str(translated).endswith("..")
