"""A span as it is kept and shown: what OTLP sends, less what nobody reads in a terminal."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

AttributeValue = str | int | float | bool

MAX_ATTRIBUTE_CHARACTERS = 500
MAX_ATTRIBUTES = 40
MAX_LINKS = 128
MAX_EVENTS = 50
ERROR = "ERROR"
NS_A_MS = 1e6


@dataclass(frozen=True, slots=True)
class Event:
    """What a span tells while it lasts: the progress of a long stream."""

    name: str
    at_ns: int
    attributes: Mapping[str, AttributeValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Span:
    """One unit of work; times are nanoseconds since 1970, ids lower-case hex."""

    trace_id: str
    span_id: str
    parent_id: str
    """Empty for the root."""
    name: str
    service: str
    """`service.name` of the process."""
    start_ns: int
    end_ns: int
    status: str
    """UNSET, OK or ERROR."""
    message: str = ""
    attributes: Mapping[str, AttributeValue] = field(default_factory=dict)
    kind: str = ""
    """SERVER, CLIENT or INTERNAL; empty where it is not known."""
    links: tuple[tuple[str, str], ...] = ()
    """Trace and span ids of spans that this one has to do with, in other traces."""
    events: tuple[Event, ...] = ()
    resource: Mapping[str, AttributeValue] = field(default_factory=dict)
    """Of the process: its version, pod and node."""

    @property
    def failed(self) -> bool:
        return self.status == ERROR

    @property
    def duration_ns(self) -> int:
        """Never below 0: a clock that is set back in between ends a span before its begin."""
        return max(0, self.end_ns - self.start_ns)

    def text(self, attribute: str) -> str:
        """The attribute as text; empty where it is not set."""
        return str(self.attributes.get(attribute, ""))

    def number(self, attribute: str) -> float:
        """The attribute as a number; 0 where it is not set, or something else."""
        value = self.attributes.get(attribute)
        return value if isinstance(value, int | float) and not isinstance(value, bool) else 0


Lines = list[tuple[int, Span]]
"""Spans in the order in which they are shown, each with its depth."""


def record(span: Span) -> dict[str, Any]:
    """The span as plain values."""
    return asdict(span)


def to_line(span: Span) -> str:
    """One line of JSON."""
    return json.dumps(record(span), ensure_ascii=False, separators=(",", ":"))


def from_line(line: str) -> Span | None:
    """The span of a line, None for one that a killed process left incomplete."""
    try:
        return _span(**json.loads(line))
    except (TypeError, ValueError):
        return None


def _span(*, links: Sequence[Sequence[str]] = (), events: Sequence[Mapping[str, Any]] = (), **values: Any) -> Span:
    return Span(
        **values,
        links=tuple((trace_id, span_id) for trace_id, span_id in links),
        events=tuple(Event(**event) for event in events),
    )


def depth_first(spans: Sequence[Span]) -> Lines:
    """Parents before their children, each with its depth; brothers by start. A span without its parent is a root."""
    known = {span.span_id for span in spans}
    children: dict[str, list[Span]] = {}
    for span in sorted(spans, key=lambda span: (span.start_ns, span.span_id)):
        parent = span.parent_id if span.parent_id in known and span.parent_id != span.span_id else ""
        children.setdefault(parent, []).append(span)
    ordered: Lines = []
    pending = [(0, span) for span in reversed(children.pop("", []))]
    while pending:  # an explicit stack: a trace may be deeper than Python's
        depth, span = pending.pop()
        ordered.append((depth, span))
        pending.extend((depth + 1, child) for child in reversed(children.pop(span.span_id, [])))
    return ordered
