"""A trace as a waterfall: who called whom, when, for how long, and what came of it."""

from collections.abc import Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from directflow_cli.traces.spans import AttributeValue, Span, depth_first

BAR_CELLS = 32
MAX_LINES = 60
MAX_STATEMENT_CHARACTERS = 60
NANOSECONDS_A_MILLISECOND = 1e6

# What is worth a word beside a bar, in this order: label and attribute.
DETAILS = (
    ("", "rpc.response.status_code"),
    ("", "error.type"),
    ("", "db.response.status_code"),
    ("rows ", "db.response.returned_rows"),
    ("rows ", "directflow.rows"),
    ("", "db.query.text"),
)
STYLES = ("cyan", "green", "yellow", "magenta", "blue")


def waterfall(spans: Sequence[Span]) -> RenderableType:
    """All spans of one trace; of a very long one the first lines, and how many there are besides."""
    if not spans:
        return Text("This trace holds no spans.")
    begin, end = min(span.start_ns for span in spans), max(span.end_ns for span in spans)
    services = list(dict.fromkeys(span.service for _, span in depth_first(spans)))
    table = Table(box=None, pad_edge=False, expand=False, title=_title(spans, end - begin), title_justify="left")
    for heading, options in (("service", {}), ("span", {"overflow": "fold"}), ("", {}), ("ms", {"justify": "right"})):
        table.add_column(heading, no_wrap=heading != "span", **options)  # type: ignore[arg-type]
    table.add_column("", overflow="ellipsis", no_wrap=True)
    for depth, span in depth_first(spans)[:MAX_LINES]:
        style = "red" if span.failed else STYLES[services.index(span.service) % len(STYLES)]
        table.add_row(
            Text(span.service, style=style),
            Text("  " * depth + span.name),
            Text(_bar(span, begin, end - begin), style=style),
            f"{(span.end_ns - span.start_ns) / NANOSECONDS_A_MILLISECOND:,.1f}",
            Text(_details(span), style="dim"),
        )
    if len(spans) > MAX_LINES:
        table.caption = f"{len(spans) - MAX_LINES} more spans"
    return table


def _title(spans: Sequence[Span], duration: int) -> str:
    milliseconds = f"{duration / NANOSECONDS_A_MILLISECOND:,.1f} ms"
    return f"trace {spans[0].trace_id}  ({len(spans)} spans, {milliseconds})"


def _bar(span: Span, begin: int, duration: int) -> str:
    """At least one cell for each, and never past the end."""
    scale = BAR_CELLS / max(duration, 1)
    offset = min(int((span.start_ns - begin) * scale), BAR_CELLS - 1)
    length = max(1, min(round((span.end_ns - span.start_ns) * scale), BAR_CELLS - offset))
    return (" " * offset + "█" * length).ljust(BAR_CELLS)


def _details(span: Span) -> str:
    shown = [label + _short(span.attributes[name]) for label, name in DETAILS if name in span.attributes]
    return "  ".join(dict.fromkeys(shown))


def _short(value: AttributeValue) -> str:
    text = f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else " ".join(str(value).split())
    return text if len(text) <= MAX_STATEMENT_CHARACTERS else text[: MAX_STATEMENT_CHARACTERS - 1] + "…"
