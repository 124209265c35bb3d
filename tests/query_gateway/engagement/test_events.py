"""Events, windows, moments and arrays as plain values: no database."""

from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from directflow_gateway.engagement.arrays import integers, plain_array, text_array
from directflow_gateway.engagement.events import (
    BounceKind,
    Event,
    EventType,
    changes_subscription,
    identity_of,
    refusal_of,
)
from directflow_gateway.engagement.instants import LAST_US, as_text, clamp, following, month_of, start_of
from directflow_gateway.engagement.predicates import Window
from hypothesis import given
from hypothesis import strategies as st

SOUND = Event("e", EventType.OPENED, "ada", "email", "", "", "", "", "", False, 0, 1_000)


def reason(**changed: Any) -> str:
    refused = refusal_of(SOUND._replace(**changed), 500, 2_000)
    return refused.reason if refused else ""


def test_both_ends_of_the_time_that_is_kept_belong_to_it() -> None:
    assert [reason(occurred_us=us) for us in (499, 500, 2_000, 2_001)] == [
        "EVENT_TIME_OUT_OF_RANGE",
        "",
        "",
        "EVENT_TIME_OUT_OF_RANGE",
    ]


def test_what_changes_a_subscription_may_be_older_than_what_is_kept_back_to_1970() -> None:
    kinds = [(int(kind), int(BounceKind.HARD) if kind is EventType.BOUNCED else 0) for kind in EventType]
    accepted = [kind for kind, bounce in kinds if not reason(type=kind, bounce_kind=bounce, flow_id="f", occurred_us=0)]
    assert accepted == [EventType.BOUNCED, EventType.COMPLAINED, EventType.UNSUBSCRIBED, EventType.RESUBSCRIBED]

    soft = {"type": int(EventType.BOUNCED), "bounce_kind": int(BounceKind.SOFT)}
    assert reason(**soft, occurred_us=499) == "EVENT_TIME_OUT_OF_RANGE"
    assert reason(type=int(EventType.UNSUBSCRIBED), occurred_us=-1) == "EVENT_TIME_OUT_OF_RANGE"
    assert reason(type=int(EventType.UNSUBSCRIBED), occurred_us=-(2**80)) == "EVENT_TIME_OUT_OF_RANGE"


@pytest.mark.parametrize(
    "field", ["event_id", "profile_id", "channel", "message_id", "campaign_id", "flow_id", "link_id"]
)
def test_a_text_has_at_most_128_characters_not_bytes(field: str) -> None:
    assert reason(**{field: "好" * 128}) == ""
    assert reason(**{field: "x" * 129}) == "EVENT_INVALID"
    assert reason(**{field: "a\0"}) == "EVENT_INVALID"


def test_every_type_is_sound_with_what_it_needs() -> None:
    for type in EventType:
        bounce = BounceKind.SOFT if type is EventType.BOUNCED else 0
        assert reason(type=int(type), flow_id="f", bounce_kind=int(bounce)) == ""
    assert {reason(type=number, flow_id="f") for number in (0, 14, -1)} == {"EVENT_INVALID"}


def test_an_event_and_a_refusal_show_nothing_of_anybody() -> None:
    event = SOUND._replace(event_id="canary", profile_id="canary")
    assert "canary" not in repr(event)
    assert "canary" not in repr(refusal_of(event._replace(channel="canary" * 40), 0, 1))


def test_only_what_blocks_or_opens_a_channel_changes_a_subscription() -> None:
    kinds = [SOUND._replace(type=int(type), bounce_kind=1) for type in EventType]
    assert [EventType(one.type).name for one in kinds if changes_subscription(one)] == [
        "BOUNCED",
        "COMPLAINED",
        "UNSUBSCRIBED",
        "RESUBSCRIBED",
    ]
    assert not changes_subscription(SOUND._replace(type=int(EventType.BOUNCED), bounce_kind=2))


def test_an_identity_joins_workspace_and_event_without_doubt() -> None:
    pairs = [("a", "bc"), ("ab", "c"), ("b", "ac"), ("a", "b")]
    assert len({identity_of(*pair) for pair in pairs}) == 4
    assert identity_of("demo", "e1") == "f41287d153ebba5130b5e80ac37665cc", "stored: it must not change"


def test_a_window_ends_with_the_evaluation() -> None:
    assert Window().bounds(100) == (0, 101)
    assert Window(last_us=30).bounds(100) == (70, 101)
    assert Window(last_us=30, begin_us=80, end_us=90).bounds(100) == (80, 90)
    assert Window(last_us=10, begin_us=80, end_us=200).bounds(100) == (90, 101)
    assert Window(begin_us=-(10**30), end_us=10**30).bounds(10**20) == (0, LAST_US)


def test_months_begin_in_utc() -> None:
    december = int(datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp()) * 10**6
    assert month_of(december) == (2026, 12)
    assert following((2026, 12)) == (2027, 1)
    assert start_of((2027, 1)) == december + 10**6
    assert as_text(start_of((2027, 1)) + 1) == "2027-01-01T00:00:00.000001+00:00"
    assert (clamp(-5), clamp(2**70)) == (0, LAST_US)


@given(st.lists(st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1))))
def test_numbers_are_written_as_an_array(values: list[int | None]) -> None:
    written = plain_array(values)
    assert written == "{" + ",".join("NULL" if value is None else str(value) for value in values) + "}"
    if None not in values:
        assert integers(written.encode()) == values


TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


def test_any_texts_come_back_from_postgres_as_they_were(postgres_dsn: str) -> None:
    with psycopg.connect(postgres_dsn, autocommit=True) as session:

        @given(st.lists(TEXTS | st.sampled_from(["", "NULL", "{}", '"', "\\", ",", '\\"', " ", "\n"])))
        def come_back(values: list[str]) -> None:
            query = "SELECT array_to_json(%s::text[])"
            assert session.execute(query, [text_array(values)]).fetchone() == (values,)

        come_back()
