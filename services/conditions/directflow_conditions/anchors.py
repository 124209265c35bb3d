"""Where a person stands when an engagement condition is asked: the flow run for "since flow entry", "this message"."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from directflow_conditions.predicates.predicate import Scope


class Moment(Protocol):
    """A google.protobuf.Timestamp."""

    seconds: int
    nanos: int


class Anchor(Protocol):
    """An anchor as the caller sent it; it is read here and passed on."""

    flow_id: str
    flow_run_id: str
    message_id: str

    @property
    def flow_enter_time(self) -> Moment:
        """When the person entered the flow run."""

    def HasField(self, field_name: str, /) -> bool:
        """Whether `flow_enter_time` is there."""

    def SerializeToString(self) -> bytes:
        """Equal anchors have equal bytes."""


def suffices(anchor: Anchor, scope: Scope) -> bool:
    """Whether an anchor says what the scope asks for."""
    match scope:
        case Scope.ALL_TIME:
            return True
        case Scope.SINCE_FLOW_ENTRY:
            return bool(anchor.flow_id) or anchor.HasField("flow_enter_time")
        case Scope.THIS_MESSAGE:
            return bool(anchor.message_id)


def insufficient(anchors: Sequence[Anchor], scope: Scope) -> list[int]:
    """Indexes of the anchors that do not say what the scope asks for."""
    if scope is Scope.ALL_TIME:
        return []
    return [index for index, anchor in enumerate(anchors) if not suffices(anchor, scope)]


def needs_anchor(scopes: Iterable[Scope]) -> bool:
    """Whether any of the scopes asks for an anchor at all."""
    return any(scope is not Scope.ALL_TIME for scope in scopes)
