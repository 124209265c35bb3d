"""What a span keeps until it is sent."""

from collections.abc import Callable

import pytest
from directflow_runtime.loop_lag import LoopLag
from directflow_runtime.spans.recorded_span import MOST, RecordedSpan, Recorder
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags, use_span

IDS = SpanContext(1, 2, False, TraceFlags(TraceFlags.SAMPLED))


def span(
    ended: Callable[[RecordedSpan], None] = lambda ended: None,
    links: int = 0,
    attributes: dict[str, str] | None = None,
) -> RecordedSpan:
    recorder = Recorder(Resource({"service.name": "test"}), InstrumentationScope("directflow_test"), ended, LoopLag())
    given = {"told": "at the start"} if attributes is None else attributes
    return RecordedSpan(recorder, "work", IDS, None, SpanKind.SERVER, given, [Link(IDS)] * links, None)


def test_it_is_handed_on_once_when_it_ends() -> None:
    handed_on: list[RecordedSpan] = []
    one = span(handed_on.append)
    assert one.is_recording()
    one.end()
    one.end()
    assert handed_on == [one]
    assert not one.is_recording()
    assert one.start_time is not None
    assert one.end_time is not None
    assert one.start_time <= one.end_time


def test_after_its_end_nothing_is_told_of_it() -> None:
    one = span()
    one.end()
    one.set_attribute("late", True)
    one.set_attributes({"later": True})
    one.add_event("late")
    one.add_link(IDS)
    one.update_name("late")
    one.set_status(StatusCode.ERROR)
    one.record_exception(ValueError())
    assert dict(one.attributes or {}) == {"told": "at the start"}
    assert (one.name, one.events, one.links, one.status.status_code) == ("work", (), (), StatusCode.UNSET)


def test_attributes_events_and_links_are_bounded_and_what_is_dropped_is_counted() -> None:
    one, more = span(links=MOST + 3), MOST + 7
    for number in range(more):
        one.set_attribute(f"name {number}", number)
        one.add_event("progress")
        one.add_link(IDS)
    one.set_attribute("told", "again")  # it is there already
    assert (len(one.attributes or {}), len(one.events), len(one.links)) == (MOST, MOST, MOST)
    assert (one.attributes or {})["told"] == "again"
    assert (one.dropped_attributes, one.dropped_events, one.dropped_links) == (8, 7, MOST + 10)
    assert span().dropped_links == 0


def test_the_attributes_that_it_was_given_stay_the_givers() -> None:
    given = {"rpc.method": "Method"}
    one = span(attributes=given)
    one.set_attribute("more", 1)
    assert given == {"rpc.method": "Method"}


@pytest.mark.parametrize(
    ("told", "final"),
    [
        ([Status(StatusCode.ERROR, "first"), Status(StatusCode.ERROR, "second")], (StatusCode.ERROR, "second")),
        ([StatusCode.OK, StatusCode.ERROR], (StatusCode.OK, None)),
        ([Status(StatusCode.ERROR, "kept"), StatusCode.UNSET], (StatusCode.ERROR, "kept")),
    ],
)
def test_ok_is_final_and_nothing_is_unset_again(
    told: list[Status | StatusCode], final: tuple[StatusCode, str | None]
) -> None:
    one = span()
    for status in told:
        one.set_status(status)
    assert (one.status.status_code, one.status.description) == final


def test_of_an_exception_only_its_type_is_told() -> None:
    one = span()
    with pytest.raises(ValueError, match="jane"), use_span(one, set_status_on_exception=False):
        raise ValueError("invalid input syntax: jane@example.com")
    one.end()
    assert [(event.name, dict(event.attributes or {})) for event in one.events] == [
        ("exception", {"exception.type": "ValueError"})
    ]
    assert "jane" not in one.to_json()
