"""`directflow query check`: one verdict a line, in the file's order, whatever a line holds."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from directflow.gateway.v1 import query_service_pb2 as wire
from directflow.sql.v1 import sql_pb2
from directflow_cli.commands.check.functions_used import functions_used
from directflow_runtime.errors import DirectFlowError, Problem, StatusCode

Directflow = Callable[..., Any]
TABLE = pa.table({"a": pa.array(["1", None]), "b": pa.array(["x\ty", ""])})
DIGEST = "15702dca6b04fbea770d28baaa5100630c5c3c3ab7c0d68999416b518e7dea7f"
"""printf '1\\tx\\\\ty\\n\\\\N\\t\\n' | LC_ALL=C sort | sha256sum"""


def answer(table: pa.Table = TABLE, announced: int | None = None) -> list[wire.StreamQueryResponse]:
    columns = [sql_pb2.ColumnType(name=name) for name in table.schema.names]
    header = wire.StreamHeader(
        arrow_schema=table.schema.serialize().to_pybytes(), schema=sql_pb2.Schema(columns=columns)
    )
    batches = [
        wire.RowBatch(row_count=rows.num_rows, arrow_record_batch=rows.serialize().to_pybytes())
        for rows in table.to_batches()
    ]
    summary = wire.StreamSummary(row_count=table.num_rows if announced is None else announced)
    return [
        wire.StreamQueryResponse(header=header),
        *(wire.StreamQueryResponse(batch=batch) for batch in batches),
        wire.StreamQueryResponse(summary=summary),
    ]


@pytest.fixture
def check(directflow: Directflow, tmp_path: Path) -> Callable[..., Any]:
    """`check(row, row, ..., options=[...])`: the rows as a file, through the command."""

    def run(*rows: dict[str, Any] | str, options: list[str] | None = None) -> Any:
        file = tmp_path / "corpus.jsonl"
        file.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows))
        return directflow("query", "check", str(file), "--connection", "crm", *(options or ["-o", "jsonl"]))

    return run


def row(id: str, sql: Any = "SELECT 1", **rest: Any) -> dict[str, Any]:
    return {"id": id, "sql": sql, "variables": {}, **rest}


def test_a_query_that_runs_is_ok_with_rows_columns_and_digest(check: Any, scripted: Any) -> None:
    scripted.replies["StreamQuery"] = answer()
    ran = check(row("a", "SELECT '<%= v %>'", variables={"v": "x", "n": None, "l": [1, "2"]}))
    assert ran.code == 0
    (line,) = ran.lines
    assert list(line) == ["id", "verdict", "rows", "columns", "digest", "sqlstate", "reason", "message"]
    assert (line["verdict"], line["rows"], line["columns"], line["reason"]) == ("ok", 2, 2, None)
    assert line["digest"] == DIGEST
    (request,) = scripted.requests
    assert request.statement.role == wire.STATEMENT_ROLE_AD_HOC
    assert (request.value_form, request.encoding) == (wire.VALUE_FORM_TEXT, wire.ENCODING_ARROW)
    assert list(request.statement.allowed_functions) == []
    assert list(request.statement.variables) == [sql_pb2.Variable(name="l", list=True)]
    assert request.values["v"] == sql_pb2.Value(text="x")
    assert request.values["n"] == sql_pb2.Value(null=True)


def test_outcomes_come_in_the_order_of_the_file_however_long_each_takes(check: Any, scripted: Any) -> None:
    def reply(request: wire.StreamQueryRequest) -> Any:
        time.sleep(0.2 if request.statement.template == "slow" else 0.0)
        return answer()

    scripted.replies["StreamQuery"] = reply
    ran = check(row("a", "slow"), *(row(f"b{number}") for number in range(20)), row("c", "slow"), row("d"))
    assert [line["id"] for line in ran.lines] == ["a", *(f"b{number}" for number in range(20)), "c", "d"]


def test_a_refusal_is_a_verdict_with_its_place_and_no_failure_of_the_command(check: Any, scripted: Any) -> None:
    problem = Problem("MULTIPLE_STATEMENTS", "one statement only", line=1, column=11)
    scripted.replies["StreamQuery"] = DirectFlowError(
        StatusCode.INVALID_ARGUMENT, "STATEMENT_REFUSED", "one statement only", problems=[problem]
    )
    ran = check(row("a", "SELECT 1; DROP TABLE x", expect="reject"))
    (line,) = ran.lines
    assert (ran.code, line["verdict"], line["reason"]) == (0, "rejected", "STATEMENT_REFUSED")
    assert line["message"] == "line 1, column 11: one statement only"
    assert "1 as expected, 0 not" in ran.err


def test_a_rejected_value_says_the_servers_code(check: Any, scripted: Any) -> None:
    scripted.replies["StreamQuery"] = DirectFlowError(
        StatusCode.INVALID_ARGUMENT, "VARIABLE_REJECTED", "no", sqlstate="22P02"
    )
    (line,) = check(row("a")).lines
    assert (line["verdict"], line["sqlstate"]) == ("value_rejected", "22P02")


def test_a_query_that_takes_longer_than_its_time_is_a_limit(check: Any, scripted: Any) -> None:
    def slow(_: wire.StreamQueryRequest) -> Any:
        time.sleep(1.0)
        return answer()

    scripted.replies["StreamQuery"] = slow
    (line,) = check(row("a"), options=["-o", "jsonl", "--timeout", "0.2"]).lines
    assert (line["verdict"], line["rows"]) == ("limit", None)


def test_a_result_that_is_not_whole_is_never_ok(check: Any, scripted: Any) -> None:
    scripted.replies["StreamQuery"] = answer(announced=3)
    (short,) = check(row("a")).lines
    scripted.replies["StreamQuery"] = answer()[:-1]
    (cut,) = check(row("a")).lines
    assert [(line["verdict"], line["reason"]) for line in (short, cut)] == [("error", "STREAM_INCOMPLETE")] * 2


@pytest.mark.parametrize(
    "bad",
    [
        '{"id": "x", "sql": "SELECT \\ud800", "variables": {}}',
        '{"id": "x", "sql": "SELECT 1", "variables": {"v": "\\udfff"}}',
        '{"id": "x", "sql": {"gen": [["SELECT 1", 1], ["+1", 9000000]]}, "variables": {}}',
        '{"id": "x", "sql": "SELECT 1", "variables": {"v": {"gen": [["x", 67108864]]}}}',
        '{"id": "x", "sql": {"gen": [["x", 2500000]]}, "variables": {"v": {"gen": [["x", 2500000]]}}}',
        '{"id": "x", "sql": "SELECT 1", "variables": {"v": [[1]]}}',
    ],
)
def test_what_no_request_can_hold_is_rejected_without_being_sent(check: Any, scripted: Any, bad: str) -> None:
    scripted.replies["StreamQuery"] = answer()
    ran = check(bad, row("next"))
    assert [(line["id"], line["verdict"]) for line in ran.lines] == [("x", "rejected"), ("next", "ok")]
    assert len(scripted.requests) == 1


def test_a_nul_reaches_the_gateway_which_refuses_it(check: Any, scripted: Any) -> None:
    scripted.replies["StreamQuery"] = DirectFlowError(StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", "a NUL")
    (line,) = check('{"id": "x", "sql": "SELECT 1\\u0000", "variables": {}}').lines
    assert line["verdict"] == "rejected"
    assert scripted.requests[0].statement.template == "SELECT 1\0"


def test_a_bad_line_is_an_error_of_that_line(check: Any, scripted: Any) -> None:
    scripted.replies["StreamQuery"] = answer()
    first, second = check("{", row("b")).lines
    assert (first["id"], first["verdict"], second["verdict"]) == ("line 1", "error", "ok")


def test_a_neighbour_that_took_the_database_down_costs_one_more_try(check: Any, scripted: Any) -> None:
    replies = iter([[DirectFlowError(StatusCode.UNAVAILABLE, "DATABASE_UNREACHABLE", "away")], answer()])
    scripted.replies["StreamQuery"] = lambda _: next(replies)
    (line,) = check(row("a")).lines
    assert (line["verdict"], len(scripted.requests)) == ("ok", 2)


def test_a_gateway_that_is_away_ends_the_run(directflow: Directflow, tmp_path: Path) -> None:
    file = tmp_path / "corpus.jsonl"
    file.write_text("\n".join(json.dumps(row(str(number))) for number in range(50)))
    ran = directflow("query", "check", str(file), "-c", "crm", "--gateway", "127.0.0.1:1", "-o", "jsonl")
    assert (ran.code, ran.out) == (5, "")


def test_only_a_row_with_the_policy_may_use_its_own_functions(check: Any, scripted: Any) -> None:
    scripted.replies["StreamQuery"] = answer()
    sql = 'SELECT df.full_label(m), m."Odd""Name", \'no(1)\', a <<< b FROM members m -- gone()'
    check(row("a", sql, policy="function_allowlist"))
    assert sorted(scripted.requests[0].statement.allowed_functions) == ['Odd"Name', "df.full_label", "operator:<<<"]


@pytest.mark.parametrize(
    ("sql", "names"),
    [
        ("SELECT MyLeast(VARIADIC ARRAY[1])", ["myleast"]),
        ("SELECT first_el_agg_f8 (x::float8) OVER ()", ["first_el_agg_f8", "over"]),
        ("SELECT $$a()$$, $t$ b() $t$, E'\\' c()', /* d() */ e()", ["e"]),
        ('SELECT "My Schema" . "F"(1)', ["My Schema.F"]),
        ("SELECT été(1)", ["été"]),
    ],
)
def test_functions_are_read_as_postgresql_reads_names(sql: str, names: list[str]) -> None:
    assert functions_used(sql) == names


def test_strict_makes_a_missed_expectation_the_exit_code(check: Any, scripted: Any) -> None:
    scripted.replies["StreamQuery"] = answer()
    rows = [row("a", expected_rows=2), row("b", expected_rows=3)]
    lax = check(*rows)
    strict = check(*rows, options=["-o", "jsonl", "--strict"])
    assert (lax.code, strict.code) == (0, 1)
    assert "not as expected: b: ok" in strict.err
    assert check(rows[0], options=["--strict"]).code == 0


def test_limits_of_the_run_reach_every_query(check: Any, scripted: Any) -> None:
    scripted.replies["StreamQuery"] = answer()
    check(row("a"), options=["--statement-timeout", "1.5", "--max-rows", "7", "--max-bytes", "8"])
    limits = scripted.requests[0].statement.limits
    assert (limits.max_rows, limits.max_bytes, limits.statement_timeout.ToMilliseconds()) == (7, 8, 1500)


def test_table_and_json_are_printed_in_the_end(check: Any, scripted: Any) -> None:
    scripted.replies["StreamQuery"] = answer()
    assert check(row("a"), row("b"), options=["-o", "json"]).json[1]["id"] == "b"
    assert "verdict" in check(row("a"), options=["-o", "table"]).out


def test_a_connection_or_a_url_and_not_both(directflow: Directflow, tmp_path: Path) -> None:
    file = tmp_path / "corpus.jsonl"
    file.write_text("")
    assert directflow("query", "check", str(file)).code == 2
    assert directflow("query", "check", str(file), "-c", "crm", "--database-url", "postgresql://h/d").code == 2


@pytest.mark.parametrize(
    "url", ["mysql://u:hunter2@h/d", "postgresql://u:hunter2@h:port/d", "postgresql://u:hunter2@/d"]
)
def test_a_url_that_cannot_be_used_is_refused_without_its_password(
    directflow: Directflow, tmp_path: Path, url: str
) -> None:
    file = tmp_path / "corpus.jsonl"
    file.write_text("")
    ran = directflow("query", "check", str(file), "--database-url", url)
    assert ran.code == 2
    assert "hunter2" not in ran.out + ran.err
