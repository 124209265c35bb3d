"""How far a long statement had come, and when: rows that came ever slower show before anything has failed."""

from directflow_cli.traces.spans import Event, Lines, Span
from directflow_cli.traces.wording import duration, short_name

PROGRESS = "progress"
ROWS = "db.response.returned_rows"
MAX_POINTS = 8
MAX_SPANS = 8


def progress(lines: Lines) -> list[str]:
    """A sentence for each span that told of its progress, of the first few."""
    told = [(span, _points(span)) for _, span in lines]
    return [_sentence(span, points) for span, points in told if points][:MAX_SPANS]


def _points(span: Span) -> list[Event]:
    """The latest, and others at even distances before it."""
    points = [event for event in span.events if event.name == PROGRESS and ROWS in event.attributes]
    step = -(-len(points) // MAX_POINTS) or 1
    return points[::-1][::step][::-1]


def _sentence(span: Span, points: list[Event]) -> str:
    return f"Progress of {short_name(span)}: " + ", ".join(_told(span, event) for event in points)


def _told(span: Span, event: Event) -> str:
    rows = event.attributes[ROWS]
    count = f"{rows:,}" if isinstance(rows, int) else "?"
    return f"{count} rows after {duration(event.at_ns - span.start_ns)}"
