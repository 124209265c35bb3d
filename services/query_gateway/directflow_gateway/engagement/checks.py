"""What a request may ask beyond its own annotations; every violation at once, at most a hundred."""

import re
from collections.abc import Iterator, Sequence

from directflow_runtime.errors import DirectFlowError, FieldViolation, StatusCode
from directflow_runtime.resource_names import ID

from directflow_gateway.engagement.anchors import NOWHERE, Anchor
from directflow_gateway.engagement.asked import People
from directflow_gateway.engagement.buckets import BUCKETS
from directflow_gateway.engagement.events import BOUNCED, LONGEST_ID, NO_TIME
from directflow_gateway.engagement.listing import LARGEST_PAGE
from directflow_gateway.engagement.predicates import (
    BucketPredicate,
    EventPredicate,
    Predicate,
    Scope,
    SubscriptionPredicate,
    Window,
)

MOST_EVENTS = 10_000
MOST_PREDICATES = 64
MOST_PROFILES = 10_000
MOST_VIOLATIONS = 100
WORKSPACE = re.compile(f"workspaces/{ID}")

Violations = Iterator[FieldViolation]


def check_append(parent: str, many: int) -> None:
    """Of a request that no other layer has looked at. Raises INVALID_REQUEST; what a single event lacks is its own."""

    def found() -> Violations:
        if WORKSPACE.fullmatch(parent) is None:
            yield FieldViolation("parent", "is not a resource name of the right form", "RESOURCE_NAME")
        yield from _length("events", many, MOST_EVENTS)

    refuse(found())


def check_list(profile_id: str, page_size: int) -> None:
    """Raises INVALID_REQUEST."""

    def found() -> Violations:
        yield from _texts("", {"profile_id": profile_id})
        if not 0 <= page_size <= LARGEST_PAGE:
            yield FieldViolation("page_size", f"1 to {LARGEST_PAGE}; 0 for the default", "OUT_OF_RANGE")

    refuse(found())


def people(profile_ids: Sequence[str], anchors: Sequence[Anchor], evaluated_us: int) -> People:
    """Everybody with an anchor: their own, the one for all, or none. The number is checked by `check_evaluation`."""
    many = len(profile_ids)
    spread = anchors if len(anchors) == many else [anchors[0] if anchors else NOWHERE] * many
    return People(profile_ids, spread, evaluated_us)


def check_evaluation(
    predicates: Sequence[Predicate | None], profile_ids: Sequence[str], anchors: Sequence[Anchor], evaluated_us: int
) -> None:
    """Raises INVALID_REQUEST. None among the predicates is one in which nothing is set."""

    def found() -> Violations:
        yield from _length("predicates", len(predicates), MOST_PREDICATES)
        yield from _length("profile_ids", len(profile_ids), MOST_PROFILES)
        for index, predicate in enumerate(predicates):
            yield from _predicate(f"predicates[{index}]", predicate)
        for index, profile_id in enumerate(profile_ids):
            if not 0 < len(profile_id) <= LONGEST_ID:
                yield FieldViolation(f"profile_ids[{index}]", f"1 to {LONGEST_ID} characters", "OUT_OF_RANGE")
        if len(anchors) not in (0, 1, len(profile_ids)):
            yield FieldViolation("anchors", "one for each profile, one for all, or none", "OUT_OF_RANGE")
        if evaluated_us == NO_TIME:
            yield FieldViolation("evaluation_time", "is not a time", "OUT_OF_RANGE")
        yield from _anchors(predicates, anchors)

    refuse(found())


def refuse(violations: Violations) -> None:
    """Raises INVALID_REQUEST where there are any."""
    first = [violation for violation, _ in zip(violations, range(MOST_VIOLATIONS), strict=False)]
    if first:
        message = f"{first[0].field}: {first[0].description}"
        raise DirectFlowError(StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", message, violations=first)


def _predicate(path: str, predicate: Predicate | None) -> Violations:
    match predicate:
        case None:
            yield FieldViolation(path, "exactly one kind must be set", "REQUIRED")
        case EventPredicate():
            yield from _event(f"{path}.event.", predicate)
        case SubscriptionPredicate(channel):
            yield from _texts(f"{path}.subscription.", {"channel": channel})
        case BucketPredicate(salt, first, last):
            yield from _texts(f"{path}.bucket.", {"salt": salt})
            if not 0 <= first <= last < BUCKETS:
                yield FieldViolation(f"{path}.bucket", f"0 <= first <= last < {BUCKETS}", "OUT_OF_RANGE")


def _event(path: str, predicate: EventPredicate) -> Violations:
    yield from _texts(path, {name: getattr(predicate, name) for name in _FILTERS})
    if predicate.count < 0:
        yield FieldViolation(f"{path}count", "must not be negative", "OUT_OF_RANGE")
    if predicate.bounce_kind and predicate.type != BOUNCED:
        yield FieldViolation(f"{path}bounce_kind", "with type BOUNCED only", "CONTRADICTION")
    yield from _window(f"{path}window.", predicate.window)


_FILTERS = ("channel", "message_id", "campaign_id", "link_id")


def _window(path: str, window: Window) -> Violations:
    if window.last_us is not None and window.last_us <= 0:
        yield FieldViolation(f"{path}last", "must be longer than nothing", "OUT_OF_RANGE")
    for name, instant in (("begin_time", window.begin_us), ("end_time", window.end_us)):
        if instant == NO_TIME:
            yield FieldViolation(f"{path}{name}", "is not a time", "OUT_OF_RANGE")


def _anchors(predicates: Sequence[Predicate | None], anchors: Sequence[Anchor]) -> Violations:
    scopes = {predicate.scope for predicate in predicates if isinstance(predicate, EventPredicate)}
    if not anchors and not scopes <= {Scope.ALL_TIME}:
        yield FieldViolation("anchors", "a predicate needs to know where each profile stands", "REQUIRED")
    for index, anchor in enumerate(anchors):
        path = f"anchors[{index}]"
        names = ("flow_id", "flow_run_id", "message_id")
        yield from _texts(f"{path}.", {name: getattr(anchor, name) for name in names})
        if anchor.entered_us == NO_TIME:
            yield FieldViolation(f"{path}.flow_enter_time", "is not a time", "OUT_OF_RANGE")
        if Scope.SINCE_FLOW_ENTRY in scopes and not anchor.has_flow:
            yield FieldViolation(path, "a predicate needs its flow_id or flow_enter_time", "REQUIRED")
        if Scope.THIS_MESSAGE in scopes and not anchor.message_id:
            yield FieldViolation(path, "a predicate needs its message_id", "REQUIRED")


def _length(name: str, many: int, most: int) -> Violations:
    if not 0 < many <= most:
        yield FieldViolation(name, f"1 to {most}", "OUT_OF_RANGE")


def _texts(path: str, texts: dict[str, str]) -> Violations:
    for name, text in texts.items():
        if len(text) > LONGEST_ID:
            yield FieldViolation(f"{path}{name}", f"at most {LONGEST_ID} characters", "OUT_OF_RANGE")
