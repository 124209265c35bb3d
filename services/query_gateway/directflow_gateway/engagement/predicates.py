"""Typed questions about one person. The numbers of the enums are those of the API."""

import enum
from dataclasses import dataclass, field

from directflow_gateway.engagement.instants import clamp


class Comparison(enum.IntEnum):
    """How a count of events is compared."""

    AT_LEAST = 1
    AT_MOST = 2
    EXACTLY = 3


class Scope(enum.IntEnum):
    """Which events belong to a question."""

    ALL_TIME = 1
    SINCE_FLOW_ENTRY = 2
    THIS_MESSAGE = 3


class SubscriptionState(enum.IntEnum):
    """What is asked about a subscription."""

    AVAILABLE = 1
    UNSUBSCRIBED = 2
    HARD_BOUNCED = 3
    COMPLAINED = 4


@dataclass(frozen=True, slots=True)
class Window:
    """A span of time; what is None does not bound it. All bounds hold together."""

    last_us: int | None = None
    """The last so much time before the evaluation, both ends included."""
    begin_us: int | None = None
    """Included."""
    end_us: int | None = None
    """Excluded."""

    def bounds(self, evaluated_us: int) -> tuple[int, int]:
        """First instant, and the first one that is too late. What is later than the evaluation never counts."""
        begins = [bound for bound in (self.begin_us, self._looks_back_to(evaluated_us)) if bound is not None]
        ends = [evaluated_us + 1] if self.end_us is None else [evaluated_us + 1, self.end_us]
        return clamp(max(begins, default=0)), clamp(min(ends))

    def _looks_back_to(self, evaluated_us: int) -> int | None:
        return None if self.last_us is None else evaluated_us - self.last_us


ALL_TIME = Window()


@dataclass(frozen=True, slots=True)
class EventPredicate:
    """How often something happened. Empty texts and None: any."""

    type: int
    channel: str = field(default="", repr=False)
    message_id: str = field(default="", repr=False)
    campaign_id: str = field(default="", repr=False)
    link_id: str = field(default="", repr=False)
    bounce_kind: int = 0
    include_machine_opens: bool = False
    comparison: Comparison = Comparison.AT_LEAST
    count: int = 0
    window: Window = ALL_TIME
    scope: Scope = Scope.ALL_TIME

    @property
    def wanted(self) -> int:
        """The number that is compared with: at least nothing would hold for everybody, so 0 stands for 1 there."""
        return max(1, self.count) if self.comparison is Comparison.AT_LEAST else self.count


@dataclass(frozen=True, slots=True)
class SubscriptionPredicate:
    """Whether the person may be written to on a channel, as far as is known now: no window looks back."""

    channel: str = field(repr=False)
    state: SubscriptionState = SubscriptionState.AVAILABLE


@dataclass(frozen=True, slots=True)
class BucketPredicate:
    """Whether the person's stable random bucket lies between `first` and `last`, both included."""

    salt: str = field(repr=False)
    first: int
    last: int


Predicate = EventPredicate | SubscriptionPredicate | BucketPredicate
