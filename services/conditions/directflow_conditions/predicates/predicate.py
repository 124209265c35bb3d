"""Typed questions about one person's events. The gateway composes the statements; none is written here."""

import enum
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

LAST_BUCKET: Final = 9_999
MAX_COUNT: Final = 2**31 - 1


class EventType(enum.Enum):
    """What happened."""

    SENT = "SENT"
    DELIVERED = "DELIVERED"
    OPENED = "OPENED"
    CLICKED = "CLICKED"
    REPLIED = "REPLIED"
    BOUNCED = "BOUNCED"
    DROPPED = "DROPPED"
    COMPLAINED = "COMPLAINED"
    UNSUBSCRIBED = "UNSUBSCRIBED"
    RESUBSCRIBED = "RESUBSCRIBED"
    CONVERTED = "CONVERTED"
    FLOW_ENTERED = "FLOW_ENTERED"
    FLOW_EXITED = "FLOW_EXITED"


class BounceKind(enum.Enum):
    """How a message came back."""

    HARD = "HARD"
    SOFT = "SOFT"


class CountComparison(enum.Enum):
    """How a count is compared. AT_MOST 0 is "has never"."""

    AT_LEAST = "AT_LEAST"
    AT_MOST = "AT_MOST"
    EXACTLY = "EXACTLY"


class Scope(enum.Enum):
    """Which events belong to a question."""

    ALL_TIME = "ALL_TIME"
    SINCE_FLOW_ENTRY = "SINCE_FLOW_ENTRY"
    """Those since the person entered the anchor's flow run."""
    THIS_MESSAGE = "THIS_MESSAGE"
    """Those of the anchor's message."""


class SubscriptionState(enum.Enum):
    """What is asked about a subscription."""

    AVAILABLE = "AVAILABLE"
    UNSUBSCRIBED = "UNSUBSCRIBED"
    HARD_BOUNCED = "HARD_BOUNCED"
    COMPLAINED = "COMPLAINED"


@dataclass(frozen=True, slots=True)
class Window:
    """A span of time; its parts hold together, and without any it is all time."""

    last: timedelta | None = None
    """So much time before the evaluation."""
    begin: datetime | None = None
    """At or after this moment, which has a zone."""
    end: datetime | None = None
    """Before this moment, which has a zone."""


@dataclass(frozen=True, slots=True)
class EventPredicate:
    """How often something happened. An empty text narrows nothing."""

    type: EventType
    channel: str = ""
    message_id: str = ""
    campaign_id: str = ""
    link_id: str = ""
    comparison: CountComparison = CountComparison.AT_LEAST
    count: int = 0
    """With AT_LEAST, 0 stands for 1."""
    window: Window = Window()
    scope: Scope = Scope.ALL_TIME
    include_machine_opens: bool = False
    bounce_kind: BounceKind | None = None


@dataclass(frozen=True, slots=True)
class SubscriptionPredicate:
    """Whether a person may be written to on a channel."""

    channel: str
    state: SubscriptionState


@dataclass(frozen=True, slots=True)
class BucketPredicate:
    """Whether a person's stable random bucket lies in a range of 0 to 9,999, both ends included."""

    salt: str
    first: int
    last: int


Predicate = EventPredicate | SubscriptionPredicate | BucketPredicate


def scope_of(predicate: Predicate) -> Scope:
    """Which events a predicate asks about."""
    return predicate.scope if isinstance(predicate, EventPredicate) else Scope.ALL_TIME
