"""Clocks of different hosts differ: a call that arrives before it was sent is shown where it must have been."""

from dataclasses import replace

from directflow_cli.traces.spans import Lines, Span

TOLERANCE_NS = 1_000_000
"""What clocks on one host, or kept well, differ by: nobody wants that mentioned."""
INSTANCE = "service.instance.id"

_Process = tuple[str, str]


def aligned(lines: Lines) -> tuple[Lines, dict[str, int]]:
    """The lines with spans of a process whose clock is off moved into their callers, and by how much, by service.

    Only what cannot have been is moved: a span of another process that begins before its parent does, or after it has
    ended well. One that ends later may be the rest of a call whose caller left.
    """
    moved: Lines = []
    ancestors: list[Span] = []
    shifts: dict[_Process, int] = {}
    for depth, span in lines:
        del ancestors[depth:]
        shift = shifts.get(_process(span), 0)
        shown = _shifted(span, shift)
        if ancestors and _process(ancestors[-1]) != _process(span) and (more := _skew(ancestors[-1], shown)):
            shift += more
            shifts[_process(span)] = shift
            shown = _shifted(span, shift)
        ancestors.append(shown)
        moved.append((depth, shown))
    return moved, {service: shift for (service, _), shift in shifts.items()}


def _skew(parent: Span, span: Span) -> int:
    """What is to be added to the span's times so that they can be; 0 where they can."""
    early = span.start_ns < parent.start_ns - TOLERANCE_NS
    late = span.start_ns > parent.end_ns + TOLERANCE_NS and not parent.failed
    if not early and not late:
        return 0
    # The way there is taken to be as long as the way back, as NTP does.
    spare = max(0, parent.duration_ns - span.duration_ns)
    return parent.start_ns + spare // 2 - span.start_ns


def _process(span: Span) -> _Process:
    return span.service, str(span.resource.get(INSTANCE, ""))


def _shifted(span: Span, shift: int) -> Span:
    if not shift:
        return span
    return replace(span, start_ns=span.start_ns + shift, end_ns=span.end_ns + shift)
