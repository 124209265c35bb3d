"""A call that shared its statement with others: the statement is in a trace of its own, and a link leads there."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from directflow_cli.traces.spans import Span

SHARED = "evaluate together"
"""The span that several callers share, as conditions names it. From it many links lead back: they are not followed."""
MAX_FOLLOWED = 20
MAX_SPANS = 500


def followed(spans: Sequence[Span], trace_of: Callable[[str], Sequence[Span]]) -> list[Span]:
    """The spans, and of other traces what their links lead to: below the first span that has the link.

    What came along keeps the id of its own trace: that tells it from the rest. `trace_of` gives a trace's spans.
    """
    own = {span.span_id for span in spans}
    found: list[Span] = []
    taken: set[str] = set()
    for span in spans:
        for trace_id, span_id in span.links:
            if len(taken) >= MAX_FOLLOWED or span_id in taken or span_id in own:
                continue
            if below := _shared(trace_of(trace_id), span_id, span):
                taken.add(span_id)
                found.extend(below)
    return [*spans, *found[:MAX_SPANS]]


def _shared(trace: Sequence[Span], span_id: str, caller: Span) -> list[Span]:
    """The shared statement's trace, hung below its caller; empty where the link leads elsewhere."""
    if not any(span.span_id == span_id and span.name == SHARED for span in trace):
        return []
    return [replace(span, parent_id=caller.span_id) if span.span_id == span_id else span for span in trace]
