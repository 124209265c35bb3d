"""`directflow segment`: pages, records, and what a user sees of errors."""

from collections.abc import Callable
from typing import Any

from directflow.segments.v1 import audience_service_pb2 as wire
from directflow.sql.v1 import sql_pb2
from directflow_runtime.errors import DirectFlowError, FieldViolation, Problem, StatusCode

DATA_SOURCE = "workspaces/acme/dataSources/members"
SCHEMA = sql_pb2.Schema(
    columns=[
        sql_pb2.ColumnType(name="id", postgres_type="bigint", wire_type=sql_pb2.WIRE_TYPE_INTEGER),
        sql_pb2.ColumnType(name="community_name", postgres_type="text", wire_type=sql_pb2.WIRE_TYPE_TEXT),
        sql_pb2.ColumnType(name="share", postgres_type="double precision", wire_type=sql_pb2.WIRE_TYPE_DOUBLE),
    ]
)
Directflow = Callable[..., Any]


def segment(key: int, name: str | None, share: float = 0.5) -> wire.Segment:
    text = sql_pb2.Value(null=True) if name is None else sql_pb2.Value(text=name)
    values = [sql_pb2.Value(integer=key), text, sql_pb2.Value(number=share)]
    return wire.Segment(key=str(key), row=wire.Row(values=values))


def page(*segments: wire.Segment, token: str = "", truncated: bool = False) -> wire.ListSegmentsResponse:
    return wire.ListSegmentsResponse(segments=segments, next_page_token=token, schema=SCHEMA, truncated=truncated)


def test_segments_are_listed_as_json_with_exact_integers_and_nulls(directflow: Directflow, scripted: Any) -> None:
    scripted.replies["ListSegments"] = page(segment(9007199254740993, "Alpha"), segment(2, None, float("nan")))
    ran = directflow("segment", "list", "members", "-o", "json")
    assert ran.code == 0
    assert ran.json == [
        {"key": "9007199254740993", "row": {"id": 9007199254740993, "community_name": "Alpha", "share": 0.5}},
        {"key": "2", "row": {"id": 2, "community_name": None, "share": "NaN"}},
    ]
    assert scripted.requests[0].data_source == DATA_SOURCE


def test_a_table_shows_the_columns_of_the_discovery_query(directflow: Directflow, scripted: Any) -> None:
    scripted.replies["ListSegments"] = page(segment(1, "Alpha"), segment(2, None))
    ran = directflow("segment", "list", "members")
    assert "community_name" in ran.out
    assert "Alpha" in ran.out
    assert "∅" in ran.out


def test_an_escape_sequence_in_the_data_does_not_reach_the_terminal(directflow: Directflow, scripted: Any) -> None:
    scripted.replies["ListSegments"] = page(segment(1, "\x1b]0;owned\x07[red]Alpha\u202e"))
    ran = directflow("segment", "list", "members")
    assert "\x1b" not in ran.out
    assert "\\x1b]0;owned\\x07[red]Alpha\\u202e" in ran.out


def test_pages_are_fetched_until_the_limit_and_the_rest_is_told(directflow: Directflow, scripted: Any) -> None:
    def reply(request: wire.ListSegmentsRequest) -> wire.ListSegmentsResponse:
        first = int(request.page_token or 0)
        found = [segment(number, "x") for number in range(first, first + min(2, request.page_size))]
        return page(*found, token=str(first + len(found)))

    scripted.replies["ListSegments"] = reply
    ran = directflow("segment", "list", "members", "--limit", "3", "-o", "jsonl")
    assert [line["key"] for line in ran.lines] == ["0", "1", "2"]
    assert [request.page_size for request in scripted.requests] == [3, 1]
    assert "there are more segments" in ran.err


def test_a_list_that_is_never_whole_says_so(directflow: Directflow, scripted: Any) -> None:
    scripted.replies["ListSegments"] = page(segment(1, "x"), truncated=True)
    assert "more rows than are ever listed" in directflow("segment", "list", "members").err


def test_filter_variables_and_full_names_reach_the_service(directflow: Directflow, scripted: Any) -> None:
    scripted.replies["ListSegments"] = page()
    variables = ["--var", "plan=a=b", "--var", "least:=9007199254740993", "--var", 'tags:=["a", null]']
    ran = directflow("segment", "list", "workspaces/other/dataSources/d", "--filter", "pro", *variables, "-o", "jsonl")
    (request,) = scripted.requests
    assert (ran.code, ran.out) == (0, "")
    assert (request.data_source, request.filter) == ("workspaces/other/dataSources/d", "pro")
    tags = sql_pb2.ValueList(values=[sql_pb2.Value(text="a"), sql_pb2.Value(null=True)])
    assert dict(request.variables) == {
        "plan": sql_pb2.Value(text="a=b"),
        "least": sql_pb2.Value(integer=9007199254740993),
        "tags": sql_pb2.Value(list=tags),
    }


def test_one_segment_is_shown(directflow: Directflow, scripted: Any) -> None:
    reply = segment(7, "Alpha")
    reply.row.schema.CopyFrom(SCHEMA)
    scripted.replies["GetSegment"] = reply
    ran = directflow("segment", "get", "members", "7", "-o", "json")
    assert ran.json == {"key": "7", "row": {"id": 7, "community_name": "Alpha", "share": 0.5}}
    assert scripted.requests[0].key == "7"


def test_an_error_shows_reason_place_hint_and_trace(directflow: Directflow, scripted: Any) -> None:
    problem = Problem(
        "COLUMN_NOT_FOUND", "there is no column u.emial", line=2, column=8, token="u.emial", hint="write u.email"
    )
    scripted.replies["GetSegment"] = DirectFlowError(
        StatusCode.FAILED_PRECONDITION,
        "DEFINITION_BROKEN",
        "the generator is broken",
        metadata={"gateway_reason": "STATEMENT_REFUSED"},
        problems=[problem],
        sqlstate="42703",
    )
    ran = directflow("segment", "get", "members", "7")
    assert (ran.code, ran.out) == (4, "")
    shown = [line for line in ran.err.splitlines() if not line.startswith("trace ")]
    reason = "DEFINITION_BROKEN of segments.directflow (FAILED_PRECONDITION, SQLSTATE 42703)"
    assert shown == [
        "error: the generator is broken",
        f"  reason   {reason}; the gateway says STATEMENT_REFUSED",
        "  problem  COLUMN_NOT_FOUND: there is no column u.emial",
        "  at       line 2, column 8: u.emial",
        "  hint     write u.email",
        f"  trace    {'ab' * 16}",
    ]


def test_every_violation_is_shown(directflow: Directflow, scripted: Any) -> None:
    violations = [FieldViolation("variables.a", "is needed"), FieldViolation("variables.b", "is unknown")]
    scripted.replies["GetSegment"] = DirectFlowError(
        StatusCode.INVALID_ARGUMENT, "VARIABLE_MISSING", "no value", violations=violations
    )
    ran = directflow("segment", "get", "members", "7")
    assert ran.code == 4
    assert "  field    variables.a: is needed\n  field    variables.b: is unknown\n" in ran.err


def test_the_call_carries_the_trace_that_the_command_prints(directflow: Directflow, scripted: Any) -> None:
    scripted.replies["ListSegments"] = page()
    ran = directflow("segment", "list", "members")
    trace_id = ran.err.splitlines()[0].removeprefix("trace ")
    assert scripted.metadata[0]["traceparent"].split("-")[1] == trace_id
    assert len(trace_id) == 32
