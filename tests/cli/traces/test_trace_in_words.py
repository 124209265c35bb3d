"""A trace in words: how it ended and why, which wait took most of the time, what to do, on which database."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from directflow_cli.traces.advice import BY_BUDGET, BY_PART, BY_REASON
from directflow_cli.traces.breakdown import Part, breakdown
from directflow_cli.traces.spans import Span, depth_first
from directflow_cli.traces.verdict import Verdict, verdict

from .traces import MS, call, span, statement, stream

PROTOS = Path(__file__).parents[3] / "protos" / "directflow"


def told(spans: list[Span]) -> Verdict:
    return verdict(depth_first(spans))


def child(name: str, begin: float, end: float, parent: str = "e", span_id: str = "w", **attributes: object) -> Span:
    known = {name.replace("__", "."): value for name, value in attributes.items()}
    return span(span_id, parent, begin, end, name=name, service="directflow-gateway", attributes=known)


def milliseconds(name: str, value: float) -> dict[str, float]:
    return {f"directflow__time__{name}_ms": value}


def waiting() -> list[Span]:
    """A call of 250 ms that runs its statement from 210 ms on."""
    return [*stream(0, 250)[:-1], statement("f", "e", 210, 240)]


ON_SERVER = {"db.system.name": "postgresql", "directflow.time.server_ms": 190, "directflow.connection": "c"}
WAITS = {
    Part.ADMISSION: [*waiting(), child("admission", 0, 200)],
    Part.POOL: [*waiting(), child("pool acquire", 0, 200)],
    Part.CONNECT: [*waiting(), child("pool acquire", 0, 200), child("connect", 1, 199, "w", "x")],
    Part.CREDENTIAL: [*waiting(), child("vault read", 0, 200)],
    Part.TRANSACTION: [*waiting(), child("begin", 0, 200, **ON_SERVER)],
    Part.COMPILE: [*waiting(), child("compile", 0, 200)],
    Part.DESCRIBE: [*waiting(), child("describe communities", 0, 200, **ON_SERVER)],
    Part.PLAN: stream(0, 100, **milliseconds("plan", 70)),
    Part.FIRST_ROW: stream(0, 100, **milliseconds("first_row", 70), **milliseconds("server", 75)),
    Part.TRANSFER: stream(0, 100, **milliseconds("first_row", 1), **milliseconds("server", 75)),
    Part.READER: stream(0, 100, **milliseconds("server", 5), **milliseconds("reader", 70)),
    Part.STATEMENT: stream(0, 100),
    Part.OWN: stream(0, 100, **milliseconds("server", 5)),
    Part.HOP: [
        call("a", "", 0, 100, "cli", kind="CLIENT"),
        call("b", "a", 60, 65, "segments", kind="SERVER"),
    ],
    Part.CALLER: [span("a", "", 0, 100, service="shop"), call("b", "a", 90, 95, "segments", kind="SERVER")],
    Part.LANE: [call("a", "", 0, 100, "conditions", kind="SERVER", attributes={"directflow.lane.wait_ms": 90})],
    Part.OWN_DATABASE: [
        call("a", "", 0, 100, "gateway", kind="SERVER"),
        child("append events", 1, 99, "a", **{"db.system.name": "postgresql"}),
    ],
    Part.LOOP_LAG: stream(0, 100, **milliseconds("server", 79), **milliseconds("loop_lag", 70)),
    Part.UNSEEN: [call("a", "lost", 0, 5, "gateway"), call("b", "gone", 90, 95, "gateway")],
}


@pytest.mark.parametrize("part", Part, ids=lambda part: part.name)
def test_the_wait_that_took_most_is_named_with_what_to_do(part: Part) -> None:
    said = told(WAITS[part])
    words = "own work of gateway" if part is Part.OWN else part.value
    assert f"went into {words}" in said.time
    assert said.time.startswith("Most of the time, ")
    assert said.advice == (BY_PART[part],)
    assert not said.failed


@pytest.mark.parametrize("budget", ["DATABASE_BUDGET", "PROCESS_BUDGET"])
def test_which_budget_was_waited_for_decides_what_to_do(budget: str) -> None:
    """More gateways are no help, or harm, where the customer's server is what has no more sessions."""
    said = told([*waiting(), child("admission", 0, 200, directflow__cause=budget)])
    assert said.advice == (BY_BUDGET[budget],)
    assert ("add gateways" in said.advice[0]) == (budget == "PROCESS_BUDGET")


def test_a_call_that_a_budget_had_no_session_for_is_told_which_budget() -> None:
    spans = [
        call("d", "", 0, 50, "gateway", code="RESOURCE_EXHAUSTED", reason="POOL_SATURATED"),
        replace(
            child("pool acquire", 0, 50, "d", directflow__cause="DATABASE_BUDGET", error__type="POOL_SATURATED"),
            status="ERROR",
        ),
    ]
    assert told(spans).advice[0] == BY_BUDGET["DATABASE_BUDGET"]


@pytest.mark.parametrize("part", Part, ids=lambda part: part.name)
def test_the_parts_add_up_to_the_whole_also_where_things_went_on_at_once(part: Part) -> None:
    spans = WAITS[part]
    whole = max(each.end_ns for each in spans) - min(each.start_ns for each in spans)
    assert sum(stretch.ns for stretch in breakdown(depth_first(spans))) == pytest.approx(whole)


def session(**spent: float) -> dict[str, float]:
    return {f"directflow.pool.{name}_ms": value for name, value in spent.items()}


@pytest.mark.parametrize(
    ("part", "spent"),
    [
        (Part.CREDENTIAL, session(credential=190)),
        (Part.ADMISSION, session(admission=190, credential=5)),
        (Part.CONNECT, session(connect=150, credential=20)),
        (Part.POOL, session(connect=40)),
    ],
)
def test_who_waits_for_what_another_one_began_is_told_what_it_was(part: Part, spent: dict[str, float]) -> None:
    """The login's own span is in the other one's trace."""
    spans = [*waiting(), child("pool acquire", 0, 200, **spent)]
    assert f"went into {part.value}, above all in gateway: pool acquire" in told(spans).time


def test_what_has_a_span_below_the_wait_for_a_session_counts_once() -> None:
    spans = [
        child("pool acquire", 0, 200, "", "w", **session(credential=30, admission=40, connect=60)),
        child("vault read", 0, 10, "w", "v"),
        child("admission", 10, 50, "w", "a"),
        child("connect", 50, 130, "w", "c", **session(credential=20), **{"directflow.connect_ms": 60}),
    ]
    parts: dict[Part, float] = {}
    for stretch in breakdown(depth_first(spans)):
        parts[stretch.part] = parts.get(stretch.part, 0) + stretch.ns / MS
    assert parts == {Part.POOL: 70, Part.ADMISSION: 40, Part.CONNECT: 60, Part.CREDENTIAL: 30}


def test_of_what_went_on_at_once_only_what_the_end_waited_for_counts() -> None:
    spans = [
        call("a", "", 0, 100, "conditions"),
        statement("quick", "a", 0, 40),
        statement("slow", "a", 0, 100),
    ]
    (only,) = breakdown(depth_first(spans))
    assert only.span is not None
    assert (only.span.span_id, only.ns) == ("slow", 100 * MS)


def test_a_process_that_is_late_makes_waits_seem_longer_and_not_a_statements_own_work() -> None:
    attributes = milliseconds("plan", 20) | milliseconds("first_row", 20) | milliseconds("server", 40)
    whole = [call("a", "", 0, 100, "gateway", kind="SERVER", attributes={"directflow.time.loop_lag_ms": 50.0})]
    spans = [*whole, statement("b", "a", 20, 100, **attributes, **milliseconds("loop_lag", 40))]
    parts = {
        (stretch.part, stretch.span and stretch.span.span_id): stretch.ns / MS
        for stretch in breakdown(depth_first(spans))
    }
    assert parts == {
        (Part.LOOP_LAG, "a"): 10,
        (Part.OWN, "a"): 10,
        (Part.LOOP_LAG, "b"): 30,
        (Part.PLAN, "b"): 10,
        (Part.FIRST_ROW, "b"): 10,
        (Part.TRANSFER, "b"): 10,
        (Part.OWN, "b"): 20,
    }


def test_compiling_that_makes_the_process_late_is_told_as_compiling() -> None:
    spans = [*waiting(), child("compile", 0, 200, directflow__time__loop_lag_ms=190)]
    assert "went into compiling the SQL" in told(spans).time


def test_of_all_hops_that_a_slow_reader_holds_up_the_outermost_is_named() -> None:
    spans = stream(0, 100, **milliseconds("server", 5), **milliseconds("reader", 70))
    attributes = {**spans[2].attributes, "directflow.time.reader_ms": 65}
    spans[2] = replace(spans[2], attributes=attributes, name="directflow.x.v1.AudienceService/StreamAudience")
    assert told(spans).time.endswith(
        "the caller reading slowly, above all in segments: AudienceService/StreamAudience."
    )


def test_what_went_on_after_the_end_nobody_waited_for() -> None:
    spans = [call("a", "", 0, 10, "gateway", code="CANCELLED"), statement("b", "a", 5, 500)]
    assert sum(stretch.ns for stretch in breakdown(depth_first(spans))) == 10 * MS


def test_a_failure_is_told_with_where_it_began_its_reason_and_what_to_do() -> None:
    failing = {"code": "FAILED_PRECONDITION", "reason": "CREDENTIALS_REJECTED"}
    spans = [
        span("a", "", 0, 50, name="audience stream", service="directflow-cli"),
        call("b", "a", 0, 50, "cli", status="ERROR", **failing),
        call("c", "b", 0, 50, "segments", **failing),
        call("d", "c", 0, 50, "gateway", **failing),
        span(
            "e",
            "d",
            0,
            40,
            name="connect",
            service="directflow-gateway",
            status="ERROR",
            attributes={"error.type": "CREDENTIALS_REJECTED", "db.response.status_code": "28P01"},
        ),
    ]
    said = told(spans)
    assert said.failed
    assert said.ending == (
        "Ended with FAILED_PRECONDITION, CREDENTIALS_REJECTED (SQLSTATE 28P01), which began in gateway: connect."
    )
    assert said.advice[0] == BY_REASON["CREDENTIALS_REJECTED"]


def test_a_begin_that_failed_and_was_begun_anew_is_not_where_a_later_failure_began() -> None:
    failing = {"code": "FAILED_PRECONDITION", "reason": "DATA_ERROR"}
    begin = {"status": "ERROR", "attributes": {"error.type": "DATABASE_UNREACHABLE"}}
    spans = [
        call("a", "", 0, 50, "gateway", **failing),
        span("b", "a", 0, 5, name="begin", service="directflow-gateway", **begin),
        span(
            "c",
            "a",
            6,
            9,
            name="stream x",
            service="directflow-gateway",
            status="ERROR",
            attributes={"error.type": "DATA_ERROR"},
        ),
    ]
    assert told(spans).ending.endswith("DATA_ERROR, which began in gateway: stream x.")
    assert told(spans[:2]).ending.endswith("which began in gateway: begin.")


def test_what_is_asked_about_a_statement_or_around_it_is_no_statement_that_ran() -> None:
    below = [
        child("begin", 0, 10, span_id="x", **ON_SERVER),
        child("describe communities", 0, 10, span_id="y", **ON_SERVER),
    ]
    assert len(told([*stream(0, 100), *below]).statements) == 1


def test_an_inner_call_that_was_given_up_is_no_failure_of_the_whole() -> None:
    spans = [call("a", "", 0, 50, "segments"), call("b", "a", 0, 50, "segments", code="CANCELLED", status="ERROR")]
    assert told(spans).ending == "Ended well."


def test_of_several_calls_those_that_failed_are_counted() -> None:
    spans = [
        span("a", "", 0, 50, service="shop"),
        call("b", "a", 0, 10, "segments"),
        call("c", "a", 10, 20, "segments", code="NOT_FOUND", reason="SEGMENT_NOT_FOUND"),
        call("d", "a", 20, 30, "segments", code="UNAVAILABLE", reason="DRAINING"),
    ]
    assert told(spans).ending == (
        "2 of 3 calls failed, first with NOT_FOUND, SEGMENT_NOT_FOUND, which began in segments: X/Y."
    )


def test_database_definition_revision_rows_and_bytes_are_told_once_for_each() -> None:
    rows = {"db__response__returned_rows": 1500, "directflow__bytes__returned": 12_345}
    other = statement("h", "e", 60, 70, db__response__returned_rows=1, db__query__text="SELECT\n  1")
    spans = [*stream(0, 100, **rows), statement("g", "e", 50, 60, **rows), other]
    assert told(spans).statements == (
        "communities revision 3 on database shop of connection customer, 2 times: 3,000 rows, 24.7 kB",
        "communities revision 3 on database shop of connection customer: 1 row. SELECT 1",
    )


def test_of_a_condition_that_brings_an_answer_and_no_rows_the_people_are_told() -> None:
    spans = [*stream(0, 100)[:-1], statement("f", "e", 10, 90, directflow__profiles=1_200)]
    assert told(spans).statements == ("communities revision 3 on database shop of connection customer: 1,200 people",)


def test_every_reason_of_the_api_has_advice() -> None:
    known = {
        name
        for proto in PROTOS.rglob("errors.proto")
        for name in re.findall(r"\bERROR_REASON_(\w+) = \d+", proto.read_text())
    }
    assert len(known) > 50
    assert known - {"UNSPECIFIED"} == set(BY_REASON)


def test_every_wait_has_advice() -> None:
    assert set(BY_PART) == set(Part)


def test_a_trace_without_any_duration_is_told_all_the_same() -> None:
    assert told([span("a", "", 0, 0)]).time == "It took no time that can be told."


def test_a_span_that_ends_before_it_begins_takes_no_time() -> None:
    said = told([call("a", "", 0, 10, "gateway"), statement("b", "a", 5, 3)])
    assert "own work of gateway" in said.time


def test_attributes_of_the_wrong_kind_are_no_times() -> None:
    said = told(stream(0, 100, directflow__time__plan_ms="long", directflow__time__reader_ms=True))
    assert Part.STATEMENT.value in said.time
