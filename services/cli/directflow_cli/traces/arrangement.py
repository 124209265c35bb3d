"""A trace made ready to be shown: in calling order, on one clock, with what is missing known."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from directflow_cli.traces.clocks import aligned
from directflow_cli.traces.links import followed
from directflow_cli.traces.spans import Lines, Span, depth_first
from directflow_cli.traces.store import MAX_SPANS_A_TRACE
from directflow_cli.traces.verdict import Verdict, verdict
from directflow_cli.traces.wording import duration, short_service


@dataclass(frozen=True, slots=True)
class Arrangement:
    """There is at least one line."""

    trace_id: str
    lines: Lines
    orphans: frozenset[str]
    """Ids of spans whose parent has not come."""
    verdict: Verdict
    notes: tuple[str, ...]
    """Sentences on what to keep in mind: spans that are missing, clocks that differ."""
    begin_ns: int
    duration_ns: int
    services: tuple[str, ...]
    """In the order in which they come in."""

    def is_linked(self, span: Span) -> bool:
        """It is of another trace, that a link leads to."""
        return span.trace_id != self.trace_id


def arranged(spans: Sequence[Span], trace_of: Callable[[str], Sequence[Span]]) -> Arrangement | None:
    """A trace's spans, and by `trace_of` of the traces that they have links to; None of no spans."""
    if not spans:
        return None
    whole = followed(spans, trace_of)
    lines, shifts = aligned(depth_first(whole))
    begin = min(span.start_ns for _, span in lines)
    known = {span.span_id for span in whole}
    orphans = frozenset(span.span_id for span in whole if span.parent_id and span.parent_id not in known)
    return Arrangement(
        trace_id=spans[0].trace_id,
        lines=lines,
        orphans=orphans,
        verdict=verdict(lines),
        notes=(*_missing(spans, len(orphans)), *_clocks(shifts)),
        begin_ns=begin,
        duration_ns=max(span.start_ns + span.duration_ns for _, span in lines) - begin,
        services=tuple(dict.fromkeys(short_service(span) for _, span in lines)),
    )


def _missing(spans: Sequence[Span], orphans: int) -> list[str]:
    notes = []
    if orphans:
        parents = "span has a parent" if orphans == 1 else "spans have parents"
        notes.append(
            f"Incomplete: {orphans} {parents} that did not arrive (marked ⋯): still running, or reported elsewhere."
        )
    if len(spans) >= MAX_SPANS_A_TRACE:
        notes.append(f"Only the first {MAX_SPANS_A_TRACE:,} spans of the trace were kept.")
    return notes


def _clocks(shifts: dict[str, int]) -> list[str]:
    return [
        f"The clock of {service.removeprefix('directflow-')} is {'behind' if shift > 0 else 'ahead'} by about "
        f"{duration(abs(shift))}: its spans are moved to where they must have been."
        for service, shift in shifts.items()
    ]
