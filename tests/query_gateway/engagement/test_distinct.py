"""People who are named twice are looked up once. Plain values, and one whom nobody could count ten thousand times."""

from typing import Any

import pytest
from directflow_gateway.engagement.anchors import NOWHERE, Anchor
from directflow_gateway.engagement.asked import People
from directflow_gateway.engagement.distinct import distinct
from directflow_gateway.engagement.predicates import BucketPredicate, EventPredicate, Scope, SubscriptionPredicate

ONE, OTHER = Anchor(message_id="one"), Anchor(message_id="other")
ALL_TIME = EventPredicate(3)
THIS = EventPredicate(3, scope=Scope.THIS_MESSAGE)


def test_people_who_are_distinct_are_left_as_they_are() -> None:
    people = People(["ada", "bob"], [ONE, ONE], 7)
    found = distinct(people, [THIS])
    assert found.people is people
    assert found.spread([True, False]) == [True, False]


def test_the_same_person_with_the_same_anchor_is_asked_about_once_and_answered_each_time() -> None:
    named = ["bob", "ada", "bob", "bob", "ada"]
    found = distinct(People(named, [ONE, ONE, OTHER, Anchor(message_id="one"), ONE], 7), [ALL_TIME, THIS])
    assert list(zip(found.people.profile_ids, found.people.anchors, strict=True)) == [
        ("bob", ONE),
        ("ada", ONE),
        ("bob", OTHER),
    ]
    assert found.people.evaluated_us == 7
    assert found.spread([10, 20, 30]) == [10, 20, 30, 10, 20]


@pytest.mark.parametrize("predicate", [ALL_TIME, SubscriptionPredicate("email"), BucketPredicate("s", 0, 1)])
def test_anchors_that_no_predicate_looks_at_part_nobody(predicate: Any) -> None:
    found = distinct(People(["ada", "ada"], [ONE, OTHER], 7), [predicate])
    assert (list(found.people.profile_ids), list(found.people.anchors)) == (["ada"], [NOWHERE])
    assert found.spread(["answer"]) == ["answer"] * 2


async def test_somebody_with_many_events_may_be_named_ten_thousand_times(store: Any, event: Any) -> None:
    """Counted each time it is 640 million looks at an event: the call would not come back within its time."""
    await store.append(*(event(ago_s=60 + n) for n in range(8_000)))
    opened = [{"event": {"type": "EVENT_TYPE_OPENED", "window": {"last": {"seconds": 7_000 + n}}}} for n in range(8)]
    here = {"subscription": {"channel": "email", "state": "SUBSCRIPTION_STATE_AVAILABLE"}}

    got = await store.evaluate([*opened, here], [*["ada"] * 9_999, "bob"])

    assert list(got.outcomes) == [*[True] * 9_999, False] * 8 + [True] * 10_000
    assert all(set(got.counts[n * 10_000 : n * 10_000 + 9_999]) == {got.counts[n * 10_000]} for n in range(8))
