"""Over random histories, anchors and windows every predicate answers as the plain Python reference below does."""

import hashlib
import random
import time
from collections.abc import Sequence
from typing import Any

import pytest
from directflow.engagement.v1 import engagement_pb2 as pb

HOUR_S = 3600
RETENTION_S = 400 * 24 * HOUR_S
PEOPLE = [f"p{n}" for n in range(14)] + ["nobody"]
SPAN_H = 24 * 90
"""Of the histories: they reach over several partitions."""


# What a predicate means, in plain Python over the messages of the API. It shares no code with the gateway.


def us(stamp: Any) -> int:
    return int(stamp.seconds) * 10**6 + int(stamp.nanos) // 1000


def is_kept(event: Any, arrived: int) -> bool:
    """Of an event before the retention only what it says about a subscription is known."""
    return us(event.occur_time) >= arrived - RETENTION_S * 10**6


def answer(
    predicate: Any, events: Sequence[Any], profile: str, anchor: Any, now: int, arrived: int
) -> tuple[bool, int]:
    """Outcome and count for one person, whose events (of every workspace and person) are among `events`, and all of
    which arrived at one moment."""
    own = [event for event in events if event.profile_id == profile]
    kind = predicate.WhichOneof("predicate")
    if kind == "event":
        number = sum(counts(predicate.event, event, own, anchor, now) for event in own if is_kept(event, arrived))
        return compared(predicate.event, number), number
    if kind == "subscription":
        return subscribed(predicate.subscription, own, arrived), 0
    digest = hashlib.sha256(predicate.bucket.salt.encode() + b"\0" + profile.encode()).digest()
    bucket = int.from_bytes(digest[:8], "big") % 10_000
    return predicate.bucket.first <= bucket <= predicate.bucket.last, 0


def compared(asked: Any, number: int) -> bool:
    if asked.comparison == pb.COUNT_COMPARISON_AT_MOST:
        return number <= asked.count
    if asked.comparison == pb.COUNT_COMPARISON_EXACTLY:
        return bool(number == asked.count)
    return number >= max(asked.count, 1)


def counts(asked: Any, event: Any, own: Sequence[Any], anchor: Any, now: int) -> bool:
    at = us(event.occur_time)
    wrong = (
        event.type != asked.type
        or at > now
        or any(
            getattr(asked, name) and getattr(asked, name) != getattr(event, name)
            for name in ("channel", "message_id", "campaign_id", "link_id", "bounce_kind")
        )
        or (event.machine_open and not asked.include_machine_opens)
        or (asked.window.HasField("begin_time") and at < us(asked.window.begin_time))
        or (asked.window.HasField("end_time") and at >= us(asked.window.end_time))
        or (asked.window.HasField("last") and at < now - us(asked.window.last))
    )
    if wrong:
        return False
    if asked.scope == pb.SCOPE_THIS_MESSAGE:
        return bool(event.message_id == anchor.message_id)
    if asked.scope == pb.SCOPE_SINCE_FLOW_ENTRY:
        entered = entry(own, anchor, now)
        return entered is not None and at >= entered
    return True


def entry(own: Sequence[Any], anchor: Any, now: int) -> int | None:
    if anchor.HasField("flow_enter_time"):
        return us(anchor.flow_enter_time)
    entries = [
        us(event.occur_time)
        for event in own
        if event.type == pb.EVENT_TYPE_FLOW_ENTERED
        and event.flow_id == anchor.flow_id
        and (not anchor.flow_run_id or event.flow_run_id == anchor.flow_run_id)
        and us(event.occur_time) <= now
    ]
    return max(entries, default=None)


def moved(event: Any, arrived: int) -> int:
    """When somebody left or came back, as far as the state goes: they come back when we hear of it at the latest."""
    at = us(event.occur_time)
    return min(at, arrived) if event.type == pb.EVENT_TYPE_RESUBSCRIBED else at


def subscribed(asked: Any, own: Sequence[Any], arrived: int) -> bool:
    here = [event for event in own if event.channel == asked.channel]
    hard = any(event.bounce_kind == pb.BOUNCE_KIND_HARD for event in here)
    complained = any(event.type == pb.EVENT_TYPE_COMPLAINED for event in here)
    moves = [e for e in here if e.type in (pb.EVENT_TYPE_UNSUBSCRIBED, pb.EVENT_TYPE_RESUBSCRIBED)]
    newest = max((moved(event, arrived) for event in moves), default=0)
    gone = any(moved(e, arrived) == newest and e.type == pb.EVENT_TYPE_UNSUBSCRIBED for e in moves)
    return bool(
        {
            pb.SUBSCRIPTION_STATE_UNSUBSCRIBED: gone,
            pb.SUBSCRIPTION_STATE_HARD_BOUNCED: hard,
            pb.SUBSCRIPTION_STATE_COMPLAINED: complained,
            pb.SUBSCRIPTION_STATE_AVAILABLE: not (gone or hard or complained),
        }[asked.state]
    )


class World:
    """Random events, predicates and anchors, out of few values, so that they meet. Times lie an hour apart, so that
    bounds are hit exactly; the clock is half an hour from each, so that it makes no difference when events arrive."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.arrived = int(time.time())
        self.newest = self.arrived - HOUR_S // 2 + 5 * HOUR_S
        """Some events are in the future."""
        self.now = self.newest - 20 * HOUR_S

    def moment(self, reach_h: int = SPAN_H, back_s: int = 0) -> dict[str, int]:
        hours = self.random.choice([self.random.randrange(reach_h), self.random.randrange(40)])
        return {"seconds": self.newest - hours * HOUR_S - back_s, "nanos": self.random.choice([0, 0, 0, 1000])}

    def word(self, prefix: str, share: float = 0.7) -> str:
        return f"{prefix}{self.random.randrange(3)}" if self.random.random() < share else ""

    def event(self, number: int) -> Any:
        kind = self.random.randint(1, 13)
        bounce = self.random.choice([1, 2]) if kind == pb.EVENT_TYPE_BOUNCED else 0
        subscribes = kind in (8, 9, 10) or bounce == pb.BOUNCE_KIND_HARD
        old_s = RETENTION_S if subscribes and self.random.random() < 0.4 else 0
        flow = kind in (pb.EVENT_TYPE_FLOW_ENTERED, pb.EVENT_TYPE_FLOW_EXITED)
        return pb.Event(
            event_id=f"e{number}",
            type=kind,  # type: ignore[arg-type]
            profile_id=self.random.choice(PEOPLE[:-1]),
            channel=self.word("c", 1.0 if kind in (6, 8, 9, 10) else 0.7),
            message_id=self.word("m"),
            campaign_id=self.word("k"),
            flow_id=self.word("f", 1.0 if flow else 0.5),
            flow_run_id=self.word("r"),
            link_id=self.word("l"),
            machine_open=kind == pb.EVENT_TYPE_OPENED and self.random.random() < 0.4,
            bounce_kind=bounce,  # type: ignore[arg-type]
            occur_time=self.moment(back_s=old_s),  # type: ignore[arg-type]
        )

    def predicate(self) -> Any:
        kind = self.random.choice(["event"] * 6 + ["subscription", "bucket"])
        if kind == "subscription":
            state = self.random.randint(1, 4)
            return pb.Predicate(subscription={"channel": self.word("c", 1.0), "state": state})  # type: ignore[arg-type]
        if kind == "bucket":
            ends = sorted((self.random.randrange(10_000), self.random.randrange(1, 10_000)))
            return pb.Predicate(bucket={"salt": self.word("s", 1.0), "first": ends[0], "last": ends[1]})  # type: ignore[arg-type]
        return pb.Predicate(event=self.event_predicate())

    def event_predicate(self) -> Any:
        kind = self.random.choice([1, 2, 3, 3, 4, 5, 6, 8, 9, 11, 12])
        asked = pb.EventPredicate(
            type=kind,  # type: ignore[arg-type]
            channel=self.word("c", 0.2),
            message_id=self.word("m", 0.2),
            campaign_id=self.word("k", 0.2),
            link_id=self.word("l", 0.1),
            comparison=self.random.randint(0, 3),  # type: ignore[arg-type]
            count=self.random.randrange(4),
            scope=self.random.randint(0, 3),  # type: ignore[arg-type]
            include_machine_opens=self.random.random() < 0.5,
            bounce_kind=self.random.randrange(3) if kind == pb.EVENT_TYPE_BOUNCED else 0,  # type: ignore[arg-type]
        )
        if self.random.random() < 0.4:
            asked.window.last.seconds = self.random.randrange(1, SPAN_H) * HOUR_S
        if self.random.random() < 0.25:
            asked.window.begin_time.CopyFrom(pb.Event(occur_time=self.moment()).occur_time)  # type: ignore[arg-type]
        if self.random.random() < 0.25:
            asked.window.end_time.CopyFrom(pb.Event(occur_time=self.moment()).occur_time)  # type: ignore[arg-type]
        return asked

    def anchor(self) -> Any:
        known = self.moment() if self.random.random() < 0.4 else None
        return pb.Anchor(
            flow_id=self.word("f", 0.5 if known else 1.0),
            flow_run_id=self.word("r", 0.5),
            flow_enter_time=known,  # type: ignore[arg-type]
            message_id=self.word("m", 1.0),
        )


@pytest.mark.parametrize("seed", range(6))
async def test_every_predicate_answers_as_the_reference(store: Any, seed: int) -> None:
    world = World(seed)
    events = [world.event(number) for number in range(700)]
    for begin in range(0, len(events), 200):  # in random order of time
        answered = await store.append(*events[begin : begin + 200])
        assert answered.accepted_count == len(events[begin : begin + 200]), answered.errors
    await store.append(*(world.event(number) for number in range(50)), workspace="other")
    predicates = [world.predicate() for _ in range(64)]
    profiles = [*PEOPLE, *PEOPLE, *PEOPLE]  # each one with two anchors, and with one of them again
    anchors = [world.anchor() for _ in [*PEOPLE, *PEOPLE]]
    anchors += anchors[: len(PEOPLE)]

    got = await store.evaluate(predicates, profiles, anchors, at={"seconds": world.now})

    expected = [
        answer(predicate, events, profile, anchor, world.now * 10**6, world.arrived * 10**6)
        for predicate in predicates
        for profile, anchor in zip(profiles, anchors, strict=True)
    ]
    wrong = [
        (str(predicates[n // len(profiles)]), profiles[n % len(profiles)], expected[n], given)
        for n, given in enumerate(zip(got.outcomes, got.counts, strict=True))
        if given != expected[n]
    ]
    assert len(expected) == len(got.outcomes) == len(got.counts)
    assert not wrong, wrong[:2]
    assert {outcome for outcome, _ in expected} == {True, False}
    assert max(count for _, count in expected) > 2
