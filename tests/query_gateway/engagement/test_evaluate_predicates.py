"""EvaluatePredicates: edges of windows and scopes, who may be written to, buckets, and what is refused."""

import hashlib
import time
from typing import Any

import pytest
from directflow_gateway.engagement.buckets import bucket_of
from directflow_runtime.errors import StatusCode

DAY_S = 86_400
NOW = {"s": 0}


@pytest.fixture(autouse=True)
def now() -> None:
    """Of each test, and not of the moment in which all of them were collected: events happen just before it."""
    NOW["s"] = int(time.time()) - 10


def at(ago_s: float) -> dict[str, int]:
    return {"seconds": NOW["s"] - int(ago_s)}


def opened(**more: Any) -> dict[str, Any]:
    return {"event": {"type": "EVENT_TYPE_OPENED", **more}}


def state(of: str, channel: str = "email") -> dict[str, Any]:
    return {"subscription": {"channel": channel, "state": f"SUBSCRIPTION_STATE_{of}"}}


def of(move: Any, profile: str) -> Any:
    """The same move of somebody else."""
    other = type(move)()
    other.CopyFrom(move)
    other.event_id, other.profile_id = f"{move.event_id} of {profile}", profile
    return other


STATES = ("AVAILABLE", "UNSUBSCRIBED", "HARD_BOUNCED", "COMPLAINED")


async def ask(store: Any, *predicates: Any, profile: str = "ada", anchor: Any = None) -> list[Any]:
    """Outcomes for one person."""
    anchors = [anchor] if anchor else []
    return list((await store.evaluate(predicates, [profile], anchors, at=at(0))).outcomes)


async def test_outcomes_and_counts_hold_all_people_of_the_first_predicate_first(store: Any, event: Any) -> None:
    await store.append(event(), event(), event(profile_id="bob"))

    got = await store.evaluate([opened(), opened(count=2)], ["nobody", "bob", "ada", "bob"])

    assert list(got.outcomes) == [False, True, True, True, False, False, True, False]
    assert list(got.counts) == [0, 1, 2, 1] * 2


async def test_a_window_includes_its_begin_and_excludes_its_end(store: Any, event: Any) -> None:
    await store.append(event(occur_time=at(100)))

    assert await ask(
        store,
        opened(window={"last": {"seconds": 100}}),
        opened(window={"last": {"seconds": 99, "nanos": 999_999_000}}),
        opened(window={"begin_time": at(100)}),
        opened(window={"end_time": at(100)}),
        opened(window={"begin_time": at(100), "end_time": at(99)}),
        opened(window={"begin_time": at(99), "end_time": at(100)}),
        opened(window={"begin_time": {"seconds": -62135596800}, "end_time": {"seconds": 253402300799}}),
        opened(window={"last": {"seconds": 315_576_000_000}}),
    ) == [True, False, True, False, True, False, True, True]


async def test_what_is_later_than_the_evaluation_does_not_count(store: Any, event: Any) -> None:
    await store.append(event(occur_time=at(-1)), event(occur_time=at(0)))

    got = await store.evaluate([opened()], ["ada"], at=at(0))

    assert list(got.counts) == [1]


async def test_never_is_true_for_a_person_without_any_event(store: Any, event: Any) -> None:
    never = opened(comparison="COUNT_COMPARISON_AT_MOST")
    at_least_nothing = opened(comparison="COUNT_COMPARISON_AT_LEAST", count=0)
    exactly_none = opened(comparison="COUNT_COMPARISON_EXACTLY")

    assert await ask(store, never, at_least_nothing, exactly_none, profile="nobody") == [True, False, True]


async def test_has_not_done_is_not_has_done_something_else(store: Any, event: Any) -> None:
    await store.append(event(campaign_id="a"), event(campaign_id="b"))
    never_b = opened(comparison="COUNT_COMPARISON_AT_MOST", campaign_id="b")
    assert await ask(store, never_b, opened(campaign_id="a")) == [False, True]


async def test_opens_by_machines_count_when_asked_for(store: Any, event: Any) -> None:
    await store.append(event(machine_open=True), event())

    got = await store.evaluate([opened(), opened(include_machine_opens=True)], ["ada"])

    assert list(got.counts) == [1, 2]


async def test_since_entry_is_since_the_newest_entry_of_that_flow_unless_the_caller_knows(
    store: Any, event: Any
) -> None:
    def entered(ago_s: float, run: str) -> Any:
        return event(type="FLOW_ENTERED", flow_id="welcome", flow_run_id=run, occur_time=at(ago_s))

    await store.append(
        entered(1000, "first"), entered(500, "second"), *(event(occur_time=at(ago)) for ago in (1000, 700, 500, 100))
    )
    since = opened(scope="SCOPE_SINCE_FLOW_ENTRY")

    async def number(**anchor: Any) -> int:
        return int((await store.evaluate([since], ["ada"], [anchor], at=at(0))).counts[0])

    assert await number(flow_id="welcome") == 2
    assert await number(flow_id="welcome", flow_run_id="first") == 4
    assert await number(flow_id="welcome", flow_run_id="third") == 0
    assert await number(flow_id="another") == 0
    assert await number(flow_id="welcome", flow_enter_time=at(700)) == 3
    assert await number(flow_enter_time=at(99)) == 0


async def test_an_entry_after_the_evaluation_is_none(store: Any, event: Any) -> None:
    await store.append(
        event(type="FLOW_ENTERED", flow_id="f", occur_time=at(50)), event(occur_time=at(60)), event(occur_time=at(40))
    )
    since = opened(scope="SCOPE_SINCE_FLOW_ENTRY")

    got = [(await store.evaluate([since], ["ada"], [{"flow_id": "f"}], at=at(ago))).counts[0] for ago in (0, 55)]

    assert got == [1, 0]


async def test_one_anchor_stands_for_everybody(store: Any, event: Any) -> None:
    await store.append(event(message_id="m1"), event(profile_id="bob", message_id="m2"))
    this = opened(scope="SCOPE_THIS_MESSAGE")

    one = await store.evaluate([this], ["ada", "bob"], [{"message_id": "m1"}])
    each = await store.evaluate([this], ["ada", "bob"], [{"message_id": "m2"}, {"message_id": "m2"}])

    assert (list(one.outcomes), list(each.outcomes)) == ([True, False], [False, True])


async def test_only_the_newest_move_decides_in_whatever_order_moves_arrive(store: Any, event: Any) -> None:
    await store.append(event(type="RESUBSCRIBED", occur_time=at(10)))
    await store.append(event(type="UNSUBSCRIBED", occur_time=at(20)))
    await store.append(event(type="UNSUBSCRIBED", occur_time=at(30), profile_id="bob"))
    await store.append(event(type="RESUBSCRIBED", occur_time=at(40), profile_id="bob"))

    assert await ask(store, *map(state, STATES)) == [True, False, False, False]
    assert await ask(store, *map(state, STATES), profile="bob") == [False, True, False, False]


async def test_a_coming_back_dated_ahead_never_outdoes_a_leaving_that_follows(store: Any, event: Any) -> None:
    await store.append(event(type="RESUBSCRIBED", ago_s=-20 * 3600))
    assert await ask(store, *map(state, STATES)) == [True, False, False, False]
    moment = time.time_ns() // 1000

    left = {"seconds": moment // 10**6, "nanos": moment % 10**6 * 1000}
    await store.append(event(type="UNSUBSCRIBED", occur_time=left))

    assert await ask(store, *map(state, STATES)) == [False, True, False, False]


async def test_a_coming_back_dated_ahead_counts_as_one_of_its_arrival_in_whatever_order_moves_arrive(
    store: Any, event: Any
) -> None:
    back, left = event(type="RESUBSCRIBED", ago_s=-20 * 3600), event(type="UNSUBSCRIBED", ago_s=-10 * 3600)
    orders = {"one call": [[back, left]], "left first": [[left], [back]], "back first": [[back], [left]]}
    for profile, moves in orders.items():
        for call in moves:
            await store.append(*(of(move, profile) for move in call))
        assert await ask(store, *map(state, STATES), profile=profile) == [False, True, False, False], profile

    await store.append(event(type="RESUBSCRIBED", ago_s=-20 * 3600, profile_id="bob"))
    await store.append(event(type="UNSUBSCRIBED", ago_s=3600, profile_id="bob"))
    assert await ask(store, *map(state, STATES), profile="bob") == [True, False, False, False], "left an hour before"


async def test_who_only_left_has_not_come_back(store: Any, event: Any) -> None:
    await store.append(event(type="UNSUBSCRIBED", ago_s=3600), event(type="COMPLAINED", ago_s=3600, profile_id="bob"))
    await store.append(event(type="UNSUBSCRIBED", ago_s=7200, profile_id="bob"))
    assert await ask(store, state("UNSUBSCRIBED")) == await ask(store, state("UNSUBSCRIBED"), profile="bob") == [True]


async def test_leaving_and_coming_back_at_one_moment_is_leaving(store: Any, event: Any) -> None:
    await store.append(*(event(type=type, occur_time=at(5)) for type in ("UNSUBSCRIBED", "RESUBSCRIBED")))
    assert await ask(store, state("UNSUBSCRIBED"), state("AVAILABLE")) == [True, False]


async def test_coming_back_takes_back_neither_a_complaint_nor_a_hard_bounce(store: Any, event: Any) -> None:
    await store.append(event(type="COMPLAINED", ago_s=100))
    await store.append(event(type="BOUNCED", bounce_kind="BOUNCE_KIND_HARD", ago_s=100, profile_id="bob"))
    await store.append(event(type="BOUNCED", bounce_kind="BOUNCE_KIND_SOFT", ago_s=100, profile_id="eve"))
    await store.append(*(event(type="RESUBSCRIBED", ago_s=1, profile_id=one) for one in ("ada", "bob", "eve")))

    assert await ask(store, *map(state, STATES)) == [False, False, False, True]
    assert await ask(store, *map(state, STATES), profile="bob") == [False, False, True, False]
    assert await ask(store, *map(state, STATES), profile="eve") == [True, False, False, False]
    assert await ask(store, *map(state, STATES), profile="nobody") == [True, False, False, False]


async def test_a_channel_is_judged_by_itself(store: Any, event: Any) -> None:
    await store.append(event(type="UNSUBSCRIBED", channel="sms"))
    assert await ask(store, state("AVAILABLE"), state("AVAILABLE", "sms"), opened()) == [True, False, False]


async def test_a_duplicate_changes_nobodys_subscription(store: Any, event: Any) -> None:
    await store.append(event(event_id="same"))
    await store.append(event(event_id="same", type="UNSUBSCRIBED"))
    assert await ask(store, state("UNSUBSCRIBED")) == [False]


def test_a_bucket_is_the_documented_digest_and_stays_for_ever() -> None:
    digest = hashlib.sha256(b"spring\0ada").digest()
    assert bucket_of("spring", "ada") == int.from_bytes(digest[:8], "big") % 10_000
    assert [bucket_of("spring", name) for name in ("ada", "好", "")] == [9816, 3301, 6645]


def test_buckets_are_even() -> None:
    tenths = [0] * 10
    for number in range(20_000):
        tenths[bucket_of("salt", f"profile-{number}") // 1000] += 1
    assert all(1800 < tenth < 2200 for tenth in tenths), tenths


async def test_buckets_part_everybody_without_any_event(store: Any) -> None:
    people = [f"p{n}" for n in range(300)]
    low, high = ({"bucket": {"salt": "s", "first": first, "last": first + 4999}} for first in (0, 5000))

    outcomes = list((await store.evaluate([low, high], people)).outcomes)

    assert [one != other for one, other in zip(outcomes[:300], outcomes[300:], strict=True)] == [True] * 300


async def test_ten_thousand_people_and_sixty_four_predicates_fit_one_call(store: Any, event: Any) -> None:
    await store.append(event(profile_id="p9999", type="CLICKED"))
    predicates = [opened()] * 63 + [{"event": {"type": "EVENT_TYPE_CLICKED"}}]

    got = await store.evaluate(predicates, [f"p{n}" for n in range(10_000)])

    assert len(got.outcomes) == 640_000
    assert [n for n, outcome in enumerate(got.outcomes) if outcome] == [639_999]


SINCE, THIS = opened(scope="SCOPE_SINCE_FLOW_ENTRY"), opened(scope="SCOPE_THIS_MESSAGE")
REFUSED: dict[str, tuple[dict[str, Any], list[str]]] = {
    "nothing set": ({"predicates": [{}, opened()]}, ["predicates[0]"]),
    "too many predicates": ({"predicates": [opened()] * 65}, ["predicates"]),
    "too many people": ({"profiles": ["p"] * 10_001}, ["profile_ids"]),
    "an empty and a long id": ({"profiles": ["a", "", "x" * 129]}, ["profile_ids[1]", "profile_ids[2]"]),
    "two anchors for three": ({"profiles": ["a", "b", "c"], "anchors": [{}, {}]}, ["anchors"]),
    "a negative count": ({"predicates": [opened(count=-1)]}, ["predicates[0].event.count"]),
    "a window of nothing": ({"predicates": [opened(window={"last": {}})]}, ["predicates[0].event.window.last"]),
    "a bounce kind of opens": (
        {"predicates": [opened(bounce_kind="BOUNCE_KIND_HARD")]},
        ["predicates[0].event.bounce_kind"],
    ),
    "a bucket range upside down": (
        {"predicates": [{"bucket": {"salt": "s", "first": 5, "last": 4}}]},
        ["predicates[0].bucket"],
    ),
    "no such bucket": ({"predicates": [{"bucket": {"salt": "s", "last": 10_000}}]}, ["predicates[0].bucket"]),
    "no anchor for since": ({"predicates": [SINCE]}, ["anchors"]),
    "an anchor without flow": (
        {"predicates": [SINCE], "profiles": ["a", "b"], "anchors": [{"flow_id": "f"}, {"message_id": "m"}]},
        ["anchors[1]"],
    ),
    "an anchor without message": ({"predicates": [THIS], "anchors": [{"flow_id": "f"}]}, ["anchors[0]"]),
    "no such nanosecond": ({"at": {"seconds": 1, "nanos": -1}}, ["evaluation_time"]),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_a_question_that_cannot_be_asked_is_refused_by_field(store: Any, name: str) -> None:
    given, fields = REFUSED[name]

    error = await store.failure(store.evaluate(**{"predicates": [opened()], "profiles": ["a"], **given}))

    assert (error.code, error.reason) == (StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert [violation.field for violation in error.violations] == fields


@pytest.mark.parametrize("value", ["'", "\\", '"', "}", "$1", "'; DROP SCHEMA directflow CASCADE; --", "NULL", "%s"])
async def test_every_text_of_a_predicate_is_a_value_and_nothing_else(store: Any, event: Any, value: str) -> None:
    ids = {"channel": value, "message_id": value, "campaign_id": value}
    await store.append(event(profile_id=value, flow_id=value, link_id=value, **ids), event())
    exact = opened(link_id=value, scope="SCOPE_THIS_MESSAGE", **ids)

    got = await store.evaluate([exact, state("AVAILABLE", value)], [value, "ada"], [{"message_id": value}])

    assert list(got.outcomes) == [True, False, True, True]
