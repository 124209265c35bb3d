"""A trace as a waterfall: who called whom, when, for how long, what came of it, and in words where the time went."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.text import Text

from directflow_cli.traces.arrangement import Arrangement, arranged
from directflow_cli.traces.folding import folded
from directflow_cli.traces.progress import progress
from directflow_cli.traces.spans import Lines, Span
from directflow_cli.traces.wording import details, duration, milliseconds, one_line, short_name, short_service

BAR_CELLS = 32
WIDE_CELLS = 120
MAX_SERVICE_CELLS = 14
MAX_INDENT = 24
DURATION_CELLS = 9
GAP_CELLS = 2
MAX_LINES = 200
STYLES = ("cyan", "green", "yellow", "magenta", "blue")
LINKED, ORPHAN = "↪ ", "⋯ "


def waterfall(spans: Sequence[Span], trace_of: Callable[[str], Sequence[Span]] = lambda _: ()) -> RenderableType:
    """All spans of one trace, as wide as the console; of a very long trace the first lines.

    `trace_of` gives the spans of another trace, for what links lead to.
    """
    arrangement = arranged(spans, trace_of)
    return _Waterfall(arrangement) if arrangement else Text("This trace holds no spans.")


class _Waterfall:
    def __init__(self, trace: Arrangement) -> None:
        self._trace = trace
        self._lines = folded(trace.lines)
        self._services = trace.services

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield self._title()
        widths = _Widths.within(options.max_width, self._lines)
        for depth, span in self._lines[:MAX_LINES]:
            yield self._line(depth, span, widths)
        if len(self._lines) > MAX_LINES:
            yield Text(f"{len(self._lines) - MAX_LINES} more lines", style="dim")
        yield from self._words()

    def _title(self) -> Text:
        trace, services = self._trace, ", ".join(self._services[:8])
        spans = f"{len(trace.lines)} span{'s' * (len(trace.lines) != 1)} of {services}"
        return Text(f"trace {trace.trace_id}: {spans}, {milliseconds(trace.duration_ns)} ms", style="bold")

    def _words(self) -> Iterator[Text]:
        """Below the bars: it is what one sees when a long trace has scrolled past."""
        said = self._trace.verdict
        yield Text()
        yield Text(said.ending, style="bold red" if said.failed else "bold green")
        yield Text(said.time, style="bold")
        for advice in said.advice:
            yield Text(f"→ {advice}")
        yield Text("Time: " + ", ".join(f"{words} {share:.0%} ({duration(ns)})" for words, share, ns in said.shares))
        for statement in said.statements:
            yield Text(one_line(f"Statement: {statement}", 400))
        for sentence in progress(self._trace.lines):
            yield Text(sentence)
        for note in self._trace.notes:
            yield Text(note, style="yellow")

    def _line(self, depth: int, span: Span, widths: "_Widths") -> Text:
        service = short_service(span)
        style = "red" if span.failed else STYLES[self._services.index(service) % len(STYLES)]
        line = _cell(service, widths.service, style)
        line.append_text(_cell(_indent(depth) + self._mark(span) + short_name(span), widths.name, ""))
        line.append_text(_cell(self._bar(span, widths.bar), widths.bar, style))
        line.append_text(Text(f"{milliseconds(span.duration_ns):>{DURATION_CELLS}}  "))
        line.append_text(_cell("  ".join(details(span)), widths.details, "dim") if widths.details else Text())
        line.no_wrap, line.overflow = True, "crop"
        line.rstrip()
        return line

    def _mark(self, span: Span) -> str:
        if self._trace.is_linked(span) and len(span.links) > 1:
            return LINKED
        return ORPHAN if span.span_id in self._trace.orphans else ""

    def _bar(self, span: Span, cells: int) -> str:
        """At least one cell for each, and never past the end."""
        scale = cells / max(self._trace.duration_ns, 1)
        offset = max(0, min(int((span.start_ns - self._trace.begin_ns) * scale), cells - 1))
        return " " * offset + "█" * max(1, min(round(span.duration_ns * scale), cells - offset))


@dataclass(frozen=True, slots=True)
class _Widths:
    service: int
    name: int
    bar: int
    details: int

    @classmethod
    def within(cls, total: int, lines: Lines) -> "_Widths":
        """The names first, then a bar, then what is left for details: in a narrow terminal there are none."""
        service = min(max(cell_len(short_service(span)) for _, span in lines), MAX_SERVICE_CELLS)
        longest = max(len(_indent(depth)) + len(LINKED) + cell_len(short_name(span)) for depth, span in lines)
        bar = BAR_CELLS if total >= WIDE_CELLS else BAR_CELLS // 2
        rest = total - service - bar - DURATION_CELLS - 4 * GAP_CELLS
        name = max(min(longest, rest), 10)
        return cls(service, name, bar, max(rest - name, 0))


def _indent(depth: int) -> str:
    """Past a depth that nobody's terminal has room for all stand below each other."""
    return "  " * min(depth, MAX_INDENT)


def _cell(text: str, width: int, style: str) -> Text:
    cell = Text(text, style=style)
    cell.truncate(width, overflow="ellipsis", pad=True)
    return cell.append(" " * GAP_CELLS)
