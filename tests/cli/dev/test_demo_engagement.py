"""The demo's events: sound, the same in each run but for the day, and true to what the journey says of two people."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from directflow_cli.commands.engagement.events import event_from, event_record
from directflow_cli.dev.demo_engagement import FALSE_OF, FLOW, PEOPLE, TRUE_OF, events, write

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def test_there_are_a_few_thousand_and_each_has_an_id_of_its_own() -> None:
    found = list(events(NOW))
    assert 4_000 < len(found) < 8_000
    assert len({event["event_id"] for event in found}) == len(found)
    assert {event["profile_id"] for event in found} == {str(person) for person in range(1, PEOPLE + 1)}


def test_two_runs_differ_in_their_times_only() -> None:
    def but_for_the_time(now: datetime) -> list[dict[str, Any]]:
        return [{name: cell for name, cell in event.items() if name != "occur_time"} for event in events(now)]

    assert but_for_the_time(NOW) == but_for_the_time(NOW + timedelta(days=100))


def test_the_file_is_what_record_takes_and_its_owners_only(tmp_path: Path) -> None:
    write(tmp_path / "engagement.jsonl", NOW)
    read = [event_record(event_from(line)) for line in (tmp_path / "engagement.jsonl").read_bytes().splitlines()]
    assert [event["event_id"] for event in read] == [event["event_id"] for event in events(NOW)]
    assert (tmp_path / "engagement.jsonl").stat().st_mode & 0o777 == 0o600
    assert os.path.getsize(tmp_path / "engagement.jsonl") < 2_000_000


def test_one_of_the_two_clicked_since_entering_the_flow_and_both_opened_at_least_twice_lately() -> None:
    for person, clicks in ((TRUE_OF, 0), (FALSE_OF, 1)):
        own = [event for event in events(NOW) if event["profile_id"] == person]
        times = {event["event_id"]: datetime.fromisoformat(event["occur_time"]) for event in own}
        (entered,) = [times[event["event_id"]] for event in own if event["type"] == "FLOW_ENTERED"]
        opened = [event for event in own if event["type"] == "OPENED" and not event.get("machine_open")]
        clicked = [event for event in own if event["type"] == "CLICKED" and times[event["event_id"]] >= entered]
        assert len(opened) >= 2
        assert all(times[event["event_id"]] > NOW - timedelta(days=30) for event in opened)
        assert len(clicked) == clicks
        assert {event["flow_id"] for event in own if event["type"] == "FLOW_ENTERED"} == {FLOW}
