"""A span as it is kept and shown: what OTLP sends, less what nobody reads in a terminal."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

AttributeValue = str | int | float | bool

MAX_ATTRIBUTE_CHARACTERS = 500
MAX_ATTRIBUTES = 40
ERROR = "ERROR"


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

    @property
    def failed(self) -> bool:
        return self.status == ERROR


def record(span: Span) -> dict[str, Any]:
    """The span as plain values."""
    return asdict(span)


def to_line(span: Span) -> str:
    """One line of JSON."""
    return json.dumps(record(span), ensure_ascii=False, separators=(",", ":"))


def from_line(line: str) -> Span | None:
    """The span of a line, None for one that a killed process left incomplete."""
    try:
        return Span(**json.loads(line))
    except (TypeError, ValueError):
        return None


def depth_first(spans: Sequence[Span]) -> list[tuple[int, Span]]:
    """Parents before their children, each with its depth; brothers by start. A span without its parent is a root."""
    known = {span.span_id for span in spans}
    children: dict[str, list[Span]] = {}
    for span in sorted(spans, key=lambda span: (span.start_ns, span.span_id)):
        parent = span.parent_id if span.parent_id in known and span.parent_id != span.span_id else ""
        children.setdefault(parent, []).append(span)
    ordered: list[tuple[int, Span]] = []
    pending = [(0, span) for span in reversed(children.pop("", []))]
    while pending:  # an explicit stack: a trace may be deeper than Python's
        depth, span = pending.pop()
        ordered.append((depth, span))
        pending.extend((depth + 1, child) for child in reversed(children.pop(span.span_id, [])))
    return ordered
