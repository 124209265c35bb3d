"""`directflow engagement record|list`: events by the line, each refusal with its line, nothing refused in silence."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from directflow.conditions.v1 import engagement_service_pb2 as pb
from directflow.engagement.v1 import engagement_pb2
from directflow_runtime.errors import DirectFlowError, StatusCode

Directflow = Callable[..., Any]
FULL = {
    "event_id": "e1",
    "type": "BOUNCED",
    "profile_id": "42",
    "channel": "email",
    "message_id": "m",
    "campaign_id": "c",
    "flow_id": "f",
    "flow_run_id": "r",
    "link_id": "l",
    "machine_open": True,
    "bounce_kind": "HARD",
    "occur_time": "2026-11-20T12:00:00.000250+02:00",
}


def line(event_id: str = "e1", **changes: Any) -> str:
    given = {"type": "OPENED", "profile_id": "42", "occur_time": "2026-11-20T10:00:00Z", **changes}
    return json.dumps({"event_id": event_id, **given})


class Service:
    """Refuses the events whose id begins with `bad`, and has seen those that begin with `old`."""

    def __init__(self) -> None:
        self.requests: list[pb.StreamEngagementRequest] = []

    def __call__(self, requests: Iterator[Any]) -> Iterator[pb.StreamEngagementResponse]:
        for request in requests:
            self.requests.append(request)
            names = [event.event_id for event in request.events]
            errors = [
                pb.EngagementError(index=index, reason="EVENT_TIME_OUT_OF_RANGE", message="too old")
                for index, name in enumerate(names)
                if name.startswith("bad")
            ]
            yield pb.StreamEngagementResponse(
                accepted_count=len(names) - len(errors),
                duplicate_count=sum(name.startswith("old") for name in names),
                errors=errors,
            )

    @property
    def events(self) -> list[engagement_pb2.Event]:
        return [event for request in self.requests for event in request.events]


@pytest.fixture
def service(scripted: Any) -> Service:
    scripted.replies["StreamEngagement"] = made = Service()
    return made


def test_every_field_of_an_event_arrives(directflow: Directflow, service: Service) -> None:
    ran = directflow("engagement", "record", "-", "-o", "json", stdin=json.dumps(FULL))
    assert ran.code == 0, ran.err
    event = engagement_pb2.Event(
        event_id="e1",
        type=engagement_pb2.EVENT_TYPE_BOUNCED,
        profile_id="42",
        channel="email",
        message_id="m",
        campaign_id="c",
        flow_id="f",
        flow_run_id="r",
        link_id="l",
        machine_open=True,
        bounce_kind=engagement_pb2.BOUNCE_KIND_HARD,
    )
    event.occur_time.FromJsonString("2026-11-20T10:00:00.000250Z")
    assert service.events == [event]
    assert service.requests[0].parent == "workspaces/acme"
    assert {name: ran.json[name] for name in ("accepted", "duplicates", "refused", "refusals")} == {
        "accepted": 1, "duplicates": 0, "refused": 0, "refusals": [],
    }  # fmt: skip


def test_ids_may_be_numbers_and_null_is_nothing(directflow: Directflow, service: Service) -> None:
    assert directflow("engagement", "record", "-", stdin=line(profile_id=42, channel=None)).code == 0
    assert (service.events[0].profile_id, service.events[0].channel) == ("42", "")


def test_each_refusal_has_the_line_of_its_file_and_the_rest_is_recorded(
    directflow: Directflow, service: Service, tmp_path: Path
) -> None:
    file = tmp_path / "events.jsonl"
    file.write_text(
        "\n".join([line("e1"), "", "{", line("bad-1"), line("old-1"), line("e2", type="SHRUGGED"), line("e3")])
    )
    ran = directflow("engagement", "record", str(file), "-o", "json")
    assert ran.code == 4, ran.err
    assert [(refusal["line"], refusal["reason"]) for refusal in ran.json["refusals"]] == [
        (3, "EVENT_INVALID"),
        (6, "EVENT_INVALID"),
        (4, "EVENT_TIME_OUT_OF_RANGE"),
    ]
    assert (ran.json["accepted"], ran.json["duplicates"], ran.json["refused"]) == (3, 1, 3)
    assert "line 4: EVENT_TIME_OUT_OF_RANGE: too old" in ran.err
    assert [event.event_id for event in service.events] == ["e1", "bad-1", "old-1", "e3"]


def test_refusals_beyond_a_few_are_counted_and_not_told(directflow: Directflow, service: Service) -> None:
    ran = directflow("engagement", "record", "-", stdin="{\n" * 5_000)
    assert ran.code == 4
    assert ran.err.count("EVENT_INVALID") == 20
    assert "and 4980 more" in ran.err
    assert service.requests == []


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[]", "the line is no JSON object"),
        (line(colour="red"), "an event has no field 'colour'"),
        (line(type="OPEN"), "type must be one of SENT, DELIVERED, OPENED"),
        (line(bounce_kind="UNSPECIFIED"), "bounce_kind must be one of HARD, SOFT"),
        (line(channel=["email"]), "channel must be a text"),
        (line(machine_open="yes"), "machine_open must be true or false"),
        (line(occur_time="2026-11-20T10:00:00"), "occur_time needs a zone"),
        (line(occur_time="noon"), "occur_time is no time"),
        (line(occur_time=1763632800), "occur_time must be a text"),
    ],
)
def test_what_is_no_event_is_told_by_field_and_without_its_value(
    directflow: Directflow, service: Service, text: str, complaint: str
) -> None:
    ran = directflow("engagement", "record", "-", stdin=text)
    assert ran.code == 4
    assert f"line 1: EVENT_INVALID: {complaint}" in ran.err
    assert "42" not in ran.err.replace(ran.err.splitlines()[0], "")


def test_many_events_travel_in_messages_of_a_few_thousand(
    directflow: Directflow, service: Service, tmp_path: Path
) -> None:
    (tmp_path / "events.jsonl").write_text("\n".join(line(f"e{number}") for number in range(10_000)))
    ran = directflow("engagement", "record", str(tmp_path / "events.jsonl"), "-o", "json")
    assert (ran.code, ran.json["accepted"]) == (0, 10_000)
    assert max(len(request.events) for request in service.requests) <= 2_000
    assert [event.event_id for event in service.events] == [f"e{number}" for number in range(10_000)]


def test_a_stream_that_breaks_says_how_much_is_durable(directflow: Directflow, scripted: Any) -> None:
    def answer(requests: Iterator[Any]) -> Iterator[Any]:
        yield pb.StreamEngagementResponse(accepted_count=len(next(requests).events))
        yield DirectFlowError(StatusCode.UNAVAILABLE, "GATEWAY_UNAVAILABLE", "away", retry_after=1.0)

    scripted.replies["StreamEngagement"] = answer
    ran = directflow("engagement", "record", "-", stdin="\n".join(line(f"e{number}") for number in range(9_000)))
    assert ran.code == 5, ran.err
    assert "2000 events are durable; the file may be recorded again" in ran.err
    assert "GATEWAY_UNAVAILABLE" in ran.err


@pytest.mark.parametrize(
    "messages", [[], [pb.StreamEngagementResponse()], [pb.StreamEngagementResponse(accepted_count=1)] * 2]
)
def test_events_that_are_not_acknowledged_are_not_recorded(
    directflow: Directflow, scripted: Any, messages: list[Any]
) -> None:
    def answer(requests: Iterator[Any]) -> Iterator[Any]:
        next(requests)
        yield from messages

    scripted.replies["StreamEngagement"] = answer
    assert directflow("engagement", "record", "-", stdin=line()).code == 12


def test_without_a_workspace_nothing_is_recorded(
    directflow: Directflow, scripted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DIRECTFLOW_WORKSPACE")
    assert directflow("engagement", "record", "-", stdin=line()).code == 2


# --- list -------------------------------------------------------------------------------------------------------------


def event(event_id: str, **changes: Any) -> engagement_pb2.Event:
    made = engagement_pb2.Event(event_id=event_id, type=engagement_pb2.EVENT_TYPE_OPENED, profile_id="42", **changes)
    made.occur_time.FromJsonString("2026-11-20T10:00:00.250Z")
    return made


def test_events_of_all_pages_are_listed_up_to_the_limit(directflow: Directflow, scripted: Any) -> None:
    def page(request: pb.ListEngagementRequest) -> pb.ListEngagementResponse:
        first = int(request.page_token or 0)
        events = [event(f"e{number}") for number in range(first, first + min(request.page_size, 2))]
        return pb.ListEngagementResponse(events=events, next_page_token=str(first + 2))

    scripted.replies["ListEngagement"] = page
    ran = directflow("engagement", "list", "42", "--limit", "5", "-o", "jsonl")
    assert [record["event_id"] for record in ran.lines] == ["e0", "e1", "e2", "e3", "e4"]
    assert [request.page_size for request in scripted.requests] == [5, 3, 1]
    assert "there are more events" in ran.err


def test_what_is_listed_can_be_recorded(directflow: Directflow, scripted: Any, service: Service) -> None:
    listed = event("e1", channel="email", link_id="l", machine_open=True, bounce_kind=engagement_pb2.BOUNCE_KIND_SOFT)
    scripted.replies["ListEngagement"] = pb.ListEngagementResponse(events=[listed])
    ran = directflow("engagement", "list", "42", "-o", "jsonl")
    assert directflow("engagement", "record", "-", stdin=ran.out).code == 0
    assert service.events == [listed]


def test_a_table_has_no_column_that_would_be_empty(directflow: Directflow, scripted: Any) -> None:
    scripted.replies["ListEngagement"] = pb.ListEngagementResponse(events=[event("e1")])
    shown = directflow("engagement", "list", "42").out
    assert "2026-11-20T10:00:00.250Z" in shown
    assert "link_id" not in shown
    scripted.replies["ListEngagement"] = pb.ListEngagementResponse(events=[event("e1", link_id="promo")])
    assert "promo" in directflow("engagement", "list", "42").out
