"""How many spans reach no collector. The SDK drops them in silence."""

from collections.abc import Sequence

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult


class CountedExporter(SpanExporter):
    """An exporter that keeps count of what it was handed, and of what it lost."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self.handed = 0
        self.lost = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """As the exporter's own."""
        self.handed += len(spans)
        result = SpanExportResult.FAILURE
        try:
            result = self._exporter.export(spans)
        finally:
            if result is not SpanExportResult.SUCCESS:
                self.lost += len(spans)
        return result

    def shutdown(self) -> None:
        """As the exporter's own."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """As the exporter's own."""
        return self._exporter.force_flush(timeout_millis)


class SpanLosses(SpanProcessor):
    """Counts the spans that go into the queue before `exporter`."""

    def __init__(self, exporter: CountedExporter, queue_spans: int) -> None:
        self._exporter = exporter
        self._queue_spans = queue_spans
        self._ended = 0
        self._dropped = 0

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Nothing."""

    def on_end(self, span: ReadableSpan) -> None:
        """One more in the queue, where it is sampled."""
        if span.context is not None and span.context.trace_flags.sampled:
            self._ended += 1

    def total(self) -> int:
        """Spans that were lost on the way, and those that the queue had no room for. Of the latter at least so many:
        how full the queue is, nobody tells, so that it is taken for full."""
        beyond = self._ended - self._exporter.handed - self._queue_spans
        self._dropped = max(self._dropped, beyond)
        return self._dropped + self._exporter.lost
