"""One event: what it may hold, and why one is refused. The numbers of the enums are those of the API."""

import enum
import hashlib
from collections.abc import Callable
from typing import NamedTuple

from directflow_gateway.engagement.instants import DAY_US, FIRST_US

LONGEST_ID = 128
NO_TIME = -(2**63)
"""In place of a time that is missing, or none."""
FUTURE_US = DAY_US
"""How far ahead of our clock an event may be: senders' clocks differ, and some write local time for UTC."""


class EventType(enum.IntEnum):
    """What happened."""

    SENT = 1
    DELIVERED = 2
    OPENED = 3
    CLICKED = 4
    REPLIED = 5
    BOUNCED = 6
    DROPPED = 7
    COMPLAINED = 8
    UNSUBSCRIBED = 9
    RESUBSCRIBED = 10
    CONVERTED = 11
    FLOW_ENTERED = 12
    FLOW_EXITED = 13


class BounceKind(enum.IntEnum):
    """How a message came back."""

    HARD = 1
    SOFT = 2


class Event(NamedTuple):
    """Texts that an event does not have are empty. A named tuple: ten thousand come with one call."""

    event_id: str
    type: int
    profile_id: str
    channel: str
    message_id: str
    campaign_id: str
    flow_id: str
    flow_run_id: str
    link_id: str
    machine_open: bool
    bounce_kind: int
    """0: not a bounce."""
    occurred_us: int

    def __repr__(self) -> str:
        return f"Event(type={self.type})"  # everything else is somebody's


class Refusal(NamedTuple):
    """Why an event is not recorded."""

    reason: str
    message: str


OPENED, BOUNCED, FLOW_ENTERED, FLOW_EXITED = (
    int(EventType.OPENED), int(EventType.BOUNCED), int(EventType.FLOW_ENTERED), int(EventType.FLOW_EXITED)
)  # fmt: skip
TYPES = frozenset(map(int, EventType))
BOUNCE_KINDS = frozenset(map(int, BounceKind))
SUBSCRIPTION_TYPES = frozenset(
    map(int, (EventType.COMPLAINED, EventType.UNSUBSCRIBED, EventType.RESUBSCRIBED, EventType.BOUNCED))
)


def refusal_of(event: Event, earliest_us: int, latest_us: int) -> Refusal | None:
    """None for an event that may be recorded. `earliest_us` and `latest_us` may still be its time.

    What changes a subscription may be older, back to 1970: its state outlives the events, and lists of people who left
    long ago have to be imported.
    """
    message = _objection(event)
    if message:
        return Refusal("EVENT_INVALID", message)
    if event.occurred_us < earliest_us and not (event.occurred_us >= FIRST_US and changes_subscription(event)):
        return Refusal("EVENT_TIME_OUT_OF_RANGE", "occur_time: before the retention begins")
    if event.occurred_us > latest_us:
        return Refusal("EVENT_TIME_OUT_OF_RANGE", "occur_time: more than 24 hours in the future")
    return None


def changes_subscription(event: Event) -> bool:
    """True for what decides whether a person may be written to on a channel."""
    if event.type not in SUBSCRIPTION_TYPES:
        return False
    return event.type != BOUNCED or event.bounce_kind == BounceKind.HARD


def identity_of(workspace: str, event_id: str) -> str:
    """32 hex digits: the first half of SHA-256 over workspace, NUL and event id. Neither holds a NUL."""
    return hashlib.sha256(f"{workspace}\0{event_id}".encode()).hexdigest()[:32]


def _objection(event: Event) -> str:
    """One sentence without values; empty where there is none."""
    texts = (event[0], *event[2:9])
    together = "".join(texts)
    if len(together) > LONGEST_ID and max(map(len, texts)) > LONGEST_ID:
        return f"{_first(event, lambda text: len(text) > LONGEST_ID)}: at most {LONGEST_ID} characters"
    if "\0" in together:
        return f"{_first(event, lambda text: chr(0) in text)}: must not contain a NUL character"
    if not event.event_id or not event.profile_id:
        return f"{'profile_id' if event.event_id else 'event_id'}: must be set"
    if event.type not in TYPES:
        return "type: not one that this version knows"
    if event.occurred_us == NO_TIME:
        return "occur_time: must be set, and be a time"
    return _contradiction(event)


def _contradiction(event: Event) -> str:
    if (event.type == BOUNCED) != (event.bounce_kind in BOUNCE_KINDS) or (event.bounce_kind and event.type != BOUNCED):
        return "bounce_kind: hard or soft with BOUNCED, and unset with every other type"
    if event.machine_open and event.type != OPENED:
        return "machine_open: with OPENED only"
    if event.type in (FLOW_ENTERED, FLOW_EXITED) and not event.flow_id:
        return "flow_id: must be set for an event of a flow"
    if not event.channel and changes_subscription(event):
        return "channel: must be set for what decides whether a person may be written to"
    return ""


def _first(event: Event, broken: Callable[[str], bool]) -> str:
    return next(name for name, value in event._asdict().items() if isinstance(value, str) and broken(value))
