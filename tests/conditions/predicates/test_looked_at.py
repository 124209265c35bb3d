"""The span of time that a question about events looked at, as an explanation tells it."""

from datetime import UTC, datetime, timedelta

import pytest
from directflow.engagement.v1 import engagement_pb2 as pb
from directflow_conditions.predicates.looked_at import looked_at
from directflow_conditions.predicates.predicate import EventPredicate, EventType, Scope, Window
from google.protobuf.timestamp_pb2 import Timestamp

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
BEHIND = NOW + timedelta(microseconds=1)
DAY = timedelta(days=1)


def asked(scope: Scope = Scope.ALL_TIME, **window: object) -> EventPredicate:
    return EventPredicate(EventType.OPENED, window=Window(**window), scope=scope)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("predicate", "begin", "end"),
    [
        (asked(), None, BEHIND),
        (asked(last=30 * DAY), NOW - 30 * DAY, BEHIND),
        (asked(begin=NOW - 9 * DAY, end=NOW - DAY), NOW - 9 * DAY, NOW - DAY),
        (asked(last=3 * DAY, begin=NOW - 9 * DAY, end=NOW + DAY), NOW - 3 * DAY, BEHIND),
        (asked(last=timedelta(days=3_650_000)), None, BEHIND),
    ],
)
def test_all_bounds_of_a_window_hold_and_nothing_counts_behind_the_evaluation(
    predicate: EventPredicate, begin: datetime | None, end: datetime
) -> None:
    looked = looked_at(predicate, NOW, None)
    assert (looked.begin, looked.end) == (begin, end)


def test_since_the_flow_entry_begins_there_where_the_caller_knows_when_it_was() -> None:
    entry = Timestamp()
    entry.FromDatetime(NOW - 5 * DAY)
    known, unknown = pb.Anchor(flow_enter_time=entry), pb.Anchor(flow_id="welcome")
    question = asked(Scope.SINCE_FLOW_ENTRY, last=30 * DAY)
    assert looked_at(question, NOW, known).begin == NOW - 5 * DAY
    assert looked_at(question, NOW, unknown).begin == NOW - 30 * DAY
    assert looked_at(asked(last=2 * DAY, scope=Scope.SINCE_FLOW_ENTRY), NOW, known).begin == NOW - 2 * DAY
    assert looked_at(asked(last=30 * DAY), NOW, known).begin == NOW - 30 * DAY
