"""Which span of time a question about events looked at, once it has been asked."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from directflow_conditions.anchors import Anchor
from directflow_conditions.predicates.predicate import EventPredicate, Scope

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class LookedAt:
    """An event counts at or after `begin` and before `end`, as the store counts."""

    begin: datetime | None
    """None: from the first event on."""
    end: datetime


def looked_at(predicate: EventPredicate, evaluated: datetime, anchor: Anchor | None) -> LookedAt:
    """What a predicate looked at when it was asked at the moment `evaluated`.

    Where the store itself had to look up when the person entered the flow, the begin is that of the window alone.
    """
    window = predicate.window
    begins = [window.begin, _before(evaluated, window.last), _entered(predicate, anchor)]
    begin = max((one for one in begins if one is not None), default=None)
    now = evaluated + _MICROSECOND  # what happens at the very moment counts
    return LookedAt(begin, now if window.end is None else min(now, window.end))


def _before(moment: datetime, span: timedelta | None) -> datetime | None:
    if span is None:
        return None
    try:
        return moment - span
    except OverflowError:  # before the year 1, when nothing was recorded
        return None


def _entered(predicate: EventPredicate, anchor: Anchor | None) -> datetime | None:
    if predicate.scope is not Scope.SINCE_FLOW_ENTRY or anchor is None or not anchor.HasField("flow_enter_time"):
        return None
    moment = anchor.flow_enter_time
    return _EPOCH + timedelta(seconds=moment.seconds, microseconds=moment.nanos // 1000)
