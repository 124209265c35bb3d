"""Spans that nobody will read cost next to nothing: they have ids, and the decision that travels with them.

The SDK makes a whole span before anybody asks whether a collector exists (50 µs), and asks its sampler about each child
of a trace that was left out at its root (15 µs). Here such a span is three small objects (2 µs).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

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

from directflow_runtime.forced_sampling import ForcedSampling


class DecidedTracer(Tracer):
    """Lets `recorder` make the spans that are wanted, and makes the others itself.

    A caller's decision is kept and handed on, also where this process records nothing: the next one may.
    """

    def __init__(self, sample_ratio: float, recorder: Tracer | None, forced: ForcedSampling | None = None) -> None:
        """`sample_ratio` of the traces that begin here; `recorder` decides on those itself. None: nothing is read.
        `forced` limits how many a caller's decision may add."""
        self._roots = TraceIdRatioBased(sample_ratio)
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
        if self._recorder is None or (parent.is_valid and not parent.trace_flags.sampled):
            return self._unrecorded(parent)
        if self._forced is not None and parent.is_remote and not self._forced.admits(parent.trace_id):
            return self._unrecorded(_not_sampled(parent))
        return self._recorder.start_span(
            name, context, kind, attributes, links, start_time, record_exception, set_status_on_exception
        )

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

    def _unrecorded(self, parent: SpanContext) -> Span:
        span_id = self._ids.generate_span_id()
        if parent.is_valid:
            ids = SpanContext(parent.trace_id, span_id, False, parent.trace_flags, parent.trace_state)
            return NonRecordingSpan(ids)
        trace_id = self._ids.generate_trace_id()
        # TraceIdRatioBased.should_sample's own comparison, without the three objects that it makes around it.
        sampled = trace_id & TraceIdRatioBased.TRACE_ID_LIMIT < self._roots.bound
        flags = TraceFlags(TraceFlags.SAMPLED if sampled else TraceFlags.DEFAULT)
        return NonRecordingSpan(SpanContext(trace_id, span_id, False, flags))


def _not_sampled(parent: SpanContext) -> SpanContext:
    """The same place in the trace, without the wish to record it: what we call must not do what we would not."""
    return SpanContext(parent.trace_id, parent.span_id, True, TraceFlags(TraceFlags.DEFAULT), parent.trace_state)
