"""Hosts whose clocks differ, spans that are missing, and statements that several calls shared."""

from dataclasses import replace

import pytest
from directflow_cli.traces.arrangement import Arrangement, arranged
from directflow_cli.traces.links import SHARED
from directflow_cli.traces.spans import Span

from .traces import BEGIN, MS, call, span, statement, stream

OTHER = "0af7651916cd43dd8448eb211c80319c"


def shown(spans: list[Span], *others: Span) -> Arrangement:
    found = arranged(spans, lambda trace_id: [each for each in others if each.trace_id == trace_id])
    assert found is not None
    return found


def begins(arrangement: Arrangement) -> dict[str, float]:
    return {each.span_id: (each.start_ns - BEGIN) / MS for _, each in arrangement.lines}


@pytest.mark.parametrize("skew", [-5_000, 5_000])
def test_a_host_whose_clock_is_off_is_moved_into_its_caller_with_all_that_it_did(skew: int) -> None:
    spans = [
        call("a", "", 0, 100, "segments", kind="CLIENT"),
        call("b", "a", skew, skew + 80, "gateway", kind="SERVER"),
        statement("c", "b", skew + 20, skew + 60),
    ]
    arrangement = shown(spans)
    assert begins(arrangement) == {"a": 0, "b": 10, "c": 30}
    assert arrangement.duration_ns == 100 * MS
    behind = "behind" if skew < 0 else "ahead"
    assert arrangement.notes == (
        f"The clock of gateway is {behind} by about 5.0 s: its spans are moved to where they must have been.",
    )


def test_of_a_host_that_is_off_every_call_is_moved_alike() -> None:
    spans = [
        call("a", "", 0, 100, "segments", kind="CLIENT"),
        call("b", "a", -1000, -920, "gateway", kind="SERVER"),
        call("c", "", 200, 300, "segments", kind="CLIENT"),
        call("d", "c", -800, -750, "gateway", kind="SERVER"),
    ]
    assert begins(shown(spans)) == {"a": 0, "b": 10, "c": 200, "d": 210}


def test_what_can_have_been_is_never_moved() -> None:
    left = [
        call("a", "", 0, 10, "segments", kind="CLIENT", code="CANCELLED", status="ERROR"),
        call("b", "a", 8, 60, "gateway", kind="SERVER", code="CANCELLED"),
        statement("c", "b", 12, 55),
    ]
    assert begins(shown(left)) == {"a": 0, "b": 8, "c": 12}
    assert shown(left).notes == ()
    # A client that gave up before its call arrived.
    late = [left[0], call("b", "a", 30, 40, "gateway", kind="SERVER", code="CANCELLED")]
    assert begins(shown(late))["b"] == 30


def test_of_a_trace_that_is_not_complete_the_spans_without_a_parent_are_told() -> None:
    arrangement = shown([each for each in stream() if each.span_id in "ef"])
    assert arrangement.orphans == {"e"}
    assert arrangement.notes[0].startswith("Incomplete: 1 span has a parent that did not arrive")


def shared_by(*callers: tuple[str, str]) -> list[Span]:
    return [
        span("s", "", 10, 40, trace_id=OTHER, name=SHARED, service="directflow-conditions", links=callers),
        statement("t", "s", 12, 38, db__response__returned_rows=2),
    ]


def test_a_link_leads_to_the_statement_that_was_shared_with_others() -> None:
    caller = call("a", "", 0, 50, "conditions", kind="SERVER", links=((OTHER, "s"),))
    batch = [span_of(each, OTHER) for each in shared_by(("x", "y"), ("z", "z"))]
    arrangement = shown([caller], *batch)
    assert [(depth, each.span_id) for depth, each in arrangement.lines] == [(0, "a"), (1, "s"), (2, "t")]
    assert [arrangement.is_linked(each) for _, each in arrangement.lines] == [False, True, True]
    assert "went into the statement" in arrangement.verdict.time


def test_from_the_shared_statement_nobody_is_followed() -> None:
    batch = [span_of(each, OTHER) for each in shared_by(("4bf92f3577b34da6a3ce929d0e0e4736", "a"))]
    arrangement = shown(batch, call("a", "", 0, 50, "conditions"))
    assert [each.span_id for _, each in arrangement.lines] == ["s", "t"]


def test_a_link_to_what_is_not_there_or_is_something_else_leads_nowhere() -> None:
    caller = call("a", "", 0, 50, "conditions", links=((OTHER, "s"), (OTHER, "u"), ("gone", "v")))
    others = [span("u", "", 0, 1, trace_id=OTHER, name="a stranger")]
    assert [each.span_id for _, each in shown([caller], *others).lines] == ["a"]


def span_of(each: Span, trace_id: str) -> Span:
    return replace(each, trace_id=trace_id)
