"""Which spans are recorded. Those that nobody will read cost next to nothing: ids, and the decision that travels.

A trace that begins here is recorded by its id and the ratio; one that a caller has begun, as he decided, within a
limit. What calls share has a trace of its own that links to them: it is recorded whenever one of them is, for by its
own ratio most links to it would lead nowhere, and most recorded calls would lack their statement.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from opentelemetry.context import Context
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    TraceFlags,
    Tracer,
    get_current_span,
    use_span,
)
from opentelemetry.util.types import Attributes

from directflow_runtime.spans.forced_sampling import ForcedSampling
from directflow_runtime.spans.recorded_span import RecordedSpan, Recorder

SAMPLED: Final = TraceFlags(TraceFlags.SAMPLED)
NOT_SAMPLED: Final = TraceFlags(TraceFlags.DEFAULT)


class DecidedTracer(Tracer):
    """Lets `recorder` make the spans that are wanted, and makes the others itself.

    A caller's decision is kept and handed on, also where this process records nothing: the next one may.
    """

    def __init__(self, sample_ratio: float, recorder: Recorder | None, forced: ForcedSampling | None = None) -> None:
        """`sample_ratio` of the traces that begin here. `recorder` None: nothing is read. `forced` limits how many
        traces a caller's decision may add."""
        # As TraceIdRatioBased decides it, in every language: a trace is whole or not there.
        self._bound = TraceIdRatioBased(sample_ratio).bound
        self._recorder = recorder
        self._forced = forced
        self._ids = RandomIdGenerator()

    def start_span(
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
    ) -> Span:
        """As OpenTelemetry's."""
        parent = get_current_span(context).get_span_context()
        own = self._child_of(parent) if parent.is_valid else self._root(links or ())
        if self._recorder is None or not own.trace_flags.sampled:
            return NonRecordingSpan(own)
        known = parent if parent.is_valid else None
        return RecordedSpan(self._recorder, name, own, known, kind, attributes, links or (), start_time)

    @contextmanager
    def start_as_current_span(  # type: ignore[override]  # theirs is decorated by something private
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
        end_on_exit: bool = True,
    ) -> Iterator[Span]:
        """As OpenTelemetry's."""
        span = self.start_span(name, context, kind, attributes, links, start_time)
        with use_span(span, end_on_exit, record_exception, set_status_on_exception):
            yield span

    def _child_of(self, parent: SpanContext) -> SpanContext:
        flags = parent.trace_flags
        if flags.sampled and self._recorder is not None and not self._admits(parent):
            # The same trace without the wish to record it: what we call must not do what we would not.
            flags = NOT_SAMPLED
        return SpanContext(parent.trace_id, self._ids.generate_span_id(), False, flags, parent.trace_state)

    def _admits(self, parent: SpanContext) -> bool:
        return self._forced is None or not parent.is_remote or self._forced.admits(parent.trace_id)

    def _root(self, links: Sequence[Link]) -> SpanContext:
        trace_id = self._ids.generate_trace_id()
        if links and self._recorder is not None:
            is_sampled = any(link.context.trace_flags.sampled for link in links)
        else:
            is_sampled = trace_id & TraceIdRatioBased.TRACE_ID_LIMIT < self._bound
        return SpanContext(trace_id, self._ids.generate_span_id(), False, SAMPLED if is_sampled else NOT_SAMPLED)
