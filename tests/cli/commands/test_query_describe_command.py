"""`directflow query describe`: what a statement would do, and a caret under what is wrong with it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from directflow.gateway.v1 import query_service_pb2 as wire
from directflow.sql.v1 import sql_pb2
from directflow_cli.commands.failures import lines_of, lines_of_problem
from directflow_runtime.errors import DirectFlowError, Problem, StatusCode

Directflow = Callable[..., Any]
GOOD = sql_pb2.ValidationReport(
    queries=[
        sql_pb2.QueryReport(
            field="template",
            bound_sql="SELECT u.id AS profile_id FROM users u WHERE u.plan = $1",
            schema=sql_pb2.Schema(columns=[sql_pb2.ColumnType(name="profile_id", postgres_type="bigint", type_oid=20)]),
            variable_uses=[sql_pb2.VariableUse(name="plan", inferred_type="text", line=1, column=50)],
            rewrites=["moved a condition outward"],
            set_form=sql_pb2.SET_FORM_SINGLE,
        )
    ]
)
BAD = sql_pb2.ValidationReport(
    problems=[
        sql_pb2.Problem(
            rule="COLUMN_NOT_FOUND",
            severity=sql_pb2.SEVERITY_ERROR,
            message="there is no column u.emial",
            line=2,
            column=3,
            token="u.emial",
            hint="did you mean u.email?",
        )
    ]
)


def test_columns_variables_and_rewrites_are_shown(directflow: Directflow, scripted: Any) -> None:
    scripted.replies["DescribeQuery"] = wire.DescribeQueryResponse(report=GOOD)
    ran = directflow("query", "describe", "-c", "crm", "--sql", "SELECT 1", "--kind", "plan=text", "--kind", "x=uuid[]")
    assert ran.code == 0
    for text in ("profile_id", "bigint", "plan", "1:50", "WHERE u.plan = $1"):
        assert text in ran.out
    assert "rewritten: moved a condition outward" in ran.err
    (request,) = scripted.requests
    assert request.statement == wire.Statement(
        connection="workspaces/acme/connections/crm",
        template="SELECT 1",
        role=wire.STATEMENT_ROLE_AD_HOC,
        variables=[
            sql_pb2.Variable(name="plan", kind=sql_pb2.VARIABLE_KIND_TEXT),
            sql_pb2.Variable(name="x", kind=sql_pb2.VARIABLE_KIND_UUID, list=True),
        ],
    )


def test_json_holds_everything(directflow: Directflow, scripted: Any) -> None:
    scripted.replies["DescribeQuery"] = wire.DescribeQueryResponse(report=GOOD)
    (query,) = directflow("query", "describe", "-c", "crm", "--sql", "SELECT 1", "-o", "json").json["queries"]
    assert query["columns"] == [{"name": "profile_id", "postgres_type": "bigint", "type_oid": 20}]
    assert query["variables"] == [{"name": "plan", "inferred_type": "text", "line": 1, "column": 50}]
    assert (query["set_form"], query["rewrites"]) == ("single", ["moved a condition outward"])


def test_a_problem_is_shown_in_the_authors_text_and_is_an_exit_code(
    directflow: Directflow, scripted: Any, tmp_path: Path
) -> None:
    file = tmp_path / "generator.sql"
    file.write_bytes(b"SELECT\r\n  u.emial\r\nFROM users u\n")
    scripted.replies["DescribeQuery"] = wire.DescribeQueryResponse(report=BAD)
    ran = directflow("query", "describe", "-c", "crm", "--role", "generator", str(file))
    assert ran.code == 4
    assert ran.err.splitlines()[1:] == [
        "  problem  COLUMN_NOT_FOUND: there is no column u.emial",
        "  at       line 2, column 3",
        "             u.emial",
        "             ^^^^^^^",
        "  hint     did you mean u.email?",
    ]
    (request,) = scripted.requests
    assert request.statement.template == "SELECT\r\n  u.emial\r\nFROM users u\n"  # byte for byte
    assert request.statement.role == wire.STATEMENT_ROLE_GENERATOR


def test_sql_comes_from_stdin_too(directflow: Directflow, scripted: Any) -> None:
    scripted.replies["DescribeQuery"] = wire.DescribeQueryResponse(report=GOOD)
    assert directflow("query", "describe", "-c", "crm", "-", stdin=b"SELECT 2").code == 0
    assert scripted.requests[0].statement.template == "SELECT 2"


@pytest.mark.parametrize(
    ("sql", "problem", "shown"),
    [
        ("SELECT x", Problem("R", "m", line=1, column=8, token="x"), ["SELECT x", "       ^"]),
        ("SELECT\tx", Problem("R", "m", line=1, column=8, token="x"), ["SELECT x", "       ^"]),
        ("SELECT '社区', x", Problem("R", "m", line=1, column=14, token="x"), ["SELECT '社区', x", " " * 15 + "^"]),
        ("a\rb", Problem("R", "m", line=2, column=1, token="b"), ["b", "^"]),
        ("SELECT 'a\nb'", Problem("R", "m", line=1, column=8, token="'a\nb'"), ["SELECT 'a", "       ^^"]),
        ("SELECT", Problem("R", "m", line=1, column=7), ["SELECT", "      ^"]),
        ("SELECT", Problem("R", "m", line=5, column=1), []),
        ("\x1b[2J x", Problem("R", "m", line=1, column=6, token="x"), ["\\x1b[2J x", "        ^"]),
    ],
)
def test_the_caret_stands_under_the_token(sql: str, problem: Problem, shown: list[str]) -> None:
    excerpt = list(lines_of_problem(problem, sql))[2:]
    assert [line[11:] for line in excerpt] == shown


def test_without_the_text_the_token_is_named() -> None:
    (_, place) = lines_of_problem(Problem("R", "m", line=1, column=8, token="u.emial"), None)
    assert place == "  at       line 1, column 8: u.emial"


def test_a_refused_statement_points_into_what_the_user_wrote(directflow: Directflow, scripted: Any) -> None:
    problem = Problem("MULTIPLE_STATEMENTS", "one statement only", line=1, column=11, token="DROP")
    scripted.replies["DescribeQuery"] = DirectFlowError(
        StatusCode.INVALID_ARGUMENT, "STATEMENT_REFUSED", "refused", problems=[problem], retry_after=1.5
    )
    ran = directflow("query", "describe", "-c", "crm", "--sql", "SELECT 1; DROP TABLE x")
    assert ran.code == 4
    assert "           SELECT 1; DROP TABLE x\n                     ^^^^\n" in ran.err
    assert "  retry    after 1.5 s" in ran.err


def test_control_characters_of_a_message_do_not_reach_the_terminal() -> None:
    error = DirectFlowError(StatusCode.INTERNAL, "INTERNAL", "a\x1b[31mb")
    assert lines_of(error)[0] == "error: a\\x1b[31mb"
