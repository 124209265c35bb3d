"""A trace as a waterfall: who called whom, when, for how long, and what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.text import Text

from directflow_cli.traces.folding import folded
from directflow_cli.traces.spans import AttributeValue, Span, depth_first

BAR_CELLS = 32
WIDE_CELLS = 120
MAX_SERVICE_CELLS = 14
DURATION_CELLS = 9
GAP_CELLS = 2
MAX_LINES = 200
MAX_STATEMENT_CHARACTERS = 80
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
    """All spans of one trace, as wide as the console; of a very long trace the first lines."""
    return _Waterfall(spans)


class _Waterfall:
    def __init__(self, spans: Sequence[Span]) -> None:
        self._count = len(spans)
        self._lines = folded(depth_first(spans))
        self._services = list(dict.fromkeys(short_service(span) for _, span in self._lines))
        self._begin = min((span.start_ns for span in spans), default=0)
        self._duration = max((span.end_ns for span in spans), default=0) - self._begin

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if not self._lines:
            yield Text("This trace holds no spans.")
            return
        yield self._title()
        widths = _Widths.within(options.max_width, self._lines)
        for depth, span in self._lines[:MAX_LINES]:
            yield self._line(depth, span, widths)
        if len(self._lines) > MAX_LINES:
            yield Text(f"{len(self._lines) - MAX_LINES} more lines", style="dim")

    def _title(self) -> Text:
        trace_id = self._lines[0][1].trace_id
        return Text(f"trace {trace_id}: {self._count} spans, {_milliseconds(self._duration)} ms", style="bold")

    def _line(self, depth: int, span: Span, widths: "_Widths") -> Text:
        service = short_service(span)
        style = "red" if span.failed else STYLES[self._services.index(service) % len(STYLES)]
        line = _cell(service, widths.service, style)
        line.append_text(_cell("  " * depth + short_name(span), widths.name, ""))
        line.append_text(_cell(self._bar(span, widths.bar), widths.bar, style))
        line.append_text(Text(f"{_milliseconds(span.end_ns - span.start_ns):>{DURATION_CELLS}}  "))
        line.append_text(_cell(_details(span), widths.details, "dim") if widths.details else Text())
        line.no_wrap, line.overflow = True, "crop"
        line.rstrip()
        return line

    def _bar(self, span: Span, cells: int) -> str:
        """At least one cell for each, and never past the end."""
        scale = cells / max(self._duration, 1)
        offset = min(int((span.start_ns - self._begin) * scale), cells - 1)
        return " " * offset + "█" * max(1, min(round((span.end_ns - span.start_ns) * scale), cells - offset))


@dataclass(frozen=True, slots=True)
class _Widths:
    service: int
    name: int
    bar: int
    details: int

    @classmethod
    def within(cls, total: int, lines: "Sequence[tuple[int, Span]]") -> "_Widths":
        """The names first, then a bar, then what is left for details: in a narrow terminal there are none."""
        service = min(max(cell_len(short_service(span)) for _, span in lines), MAX_SERVICE_CELLS)
        longest = max(2 * depth + cell_len(short_name(span)) for depth, span in lines)
        bar = BAR_CELLS if total >= WIDE_CELLS else BAR_CELLS // 2
        rest = total - service - bar - DURATION_CELLS - 4 * GAP_CELLS
        name = max(min(longest, rest), 10)
        return cls(service, name, bar, max(rest - name, 0))


def short_service(span: Span) -> str:
    """`directflow-gateway` is `gateway`: that it is ours is known."""
    return span.service.removeprefix("directflow-")


def short_name(span: Span) -> str:
    """`directflow.segments.v1.AudienceService/ListSegments` is `AudienceService/ListSegments`; others stay."""
    package, slash, method = span.name.partition("/")
    return package.rpartition(".")[2] + slash + method


def _cell(text: str, width: int, style: str) -> Text:
    cell = Text(text, style=style)
    cell.truncate(width, overflow="ellipsis", pad=True)
    return cell.append(" " * GAP_CELLS)


def _milliseconds(nanoseconds: int) -> str:
    return f"{nanoseconds / NANOSECONDS_A_MILLISECOND:,.1f}"


def _details(span: Span) -> str:
    shown = [label + _short(span.attributes[name]) for label, name in DETAILS if name in span.attributes]
    return "  ".join(dict.fromkeys(shown))


def _short(value: AttributeValue) -> str:
    text = f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else " ".join(str(value).split())
    return text if len(text) <= MAX_STATEMENT_CHARACTERS else text[: MAX_STATEMENT_CHARACTERS - 1] + "…"
