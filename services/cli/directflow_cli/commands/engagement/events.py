"""Events as JSON objects, the same in both directions: what `list` prints, `record` takes."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from directflow.engagement.v1 import engagement_pb2 as wire

from directflow_cli.commands import moments

TEXTS: Final = (
    "event_id", "profile_id", "channel", "message_id", "campaign_id", "flow_id", "flow_run_id", "link_id",
)  # fmt: skip
TYPES: Final[Mapping[str, int]] = {
    name.removeprefix("EVENT_TYPE_"): number for name, number in wire.EventType.items() if number
}
BOUNCE_KINDS: Final[Mapping[str, int]] = {
    name.removeprefix("BOUNCE_KIND_"): number for name, number in wire.BounceKind.items() if number
}


class NoEvent(ValueError):
    """A line that is no event. The message names the field and shows no value."""


def event_from(line: bytes) -> wire.Event:
    """The event of one line; NoEvent. What an event needs is left to the service, which knows it."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        raise NoEvent("the line is no JSON") from None
    if not isinstance(record, dict):
        raise NoEvent("the line is no JSON object")
    return event_from_record(record)


def event_from_record(record: Mapping[str, Any]) -> wire.Event:
    """The event of one object; NoEvent."""
    return wire.Event(**{name: _read(name, value) for name, value in record.items() if value is not None})


def event_record(event: wire.Event) -> dict[str, Any]:
    """The event as `record` would take it; what is empty is left out."""
    record: dict[str, Any] = {name: text for name in TEXTS if (text := getattr(event, name))}
    record["type"] = wire.EventType.Name(event.type).removeprefix("EVENT_TYPE_")
    record["occur_time"] = moments.iso_text(event.occur_time)
    if event.machine_open:
        record["machine_open"] = True
    if event.bounce_kind:
        record["bounce_kind"] = wire.BounceKind.Name(event.bounce_kind).removeprefix("BOUNCE_KIND_")
    return record


def _read(name: str, value: Any) -> Any:
    reader = _READERS.get(name)
    if reader is None:
        raise NoEvent(f"an event has no field {name[:64]!a}")
    try:
        return reader(value)
    except ValueError as problem:
        raise NoEvent(f"{name} {problem}") from None


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)  # ids are numbers in many files
    raise ValueError("must be a text")


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def _moment(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("must be a text such as 2026-11-20T10:00:00Z")
    return moments.timestamp(value)


def _one_of(names: Mapping[str, int]) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        if not isinstance(value, str) or value not in names:
            raise ValueError(f"must be one of {', '.join(names)}")
        return names[value]

    return read


_READERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    **dict.fromkeys(TEXTS, _text),
    "type": _one_of(TYPES),
    "bounce_kind": _one_of(BOUNCE_KINDS),
    "machine_open": _flag,
    "occur_time": _moment,
}
