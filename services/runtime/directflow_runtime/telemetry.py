"""Traces: always there, so that every error has a trace id; exported where the settings name a collector.

A collector that is away costs nobody anything: spans wait in a bounded queue, the oldest are dropped, and the end of
the process waits for them no longer than the settings say.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, SynchronousMultiSpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Tracer

from directflow_runtime.daemon_thread import in_daemon_thread
from directflow_runtime.loop_lag import LoopLag
from directflow_runtime.metrics import Metrics
from directflow_runtime.metrics.names import SPANS_DROPPED
from directflow_runtime.settings import TelemetrySettings
from directflow_runtime.spans import (
    CountedExporter,
    DecidedTracer,
    ForcedSampling,
    Recorder,
    SpanLosses,
    span_exporter,
)
from directflow_runtime.telemetry_resource import resource_of


class Telemetry:
    """The traces of one process. Nothing here is global: whoever traces is handed a tracer."""

    def __init__(
        self,
        resource: Resource,
        processors: Sequence[SpanProcessor],
        exporter: SpanExporter | None,
        settings: TelemetrySettings,
        losses: SpanLosses | None,
    ) -> None:
        """Without processors, spans of this process go nowhere."""
        self.resource = resource
        """Who sends: metrics name the same instance as spans."""
        self._is_read = bool(processors)
        self._processor = SynchronousMultiSpanProcessor()  # type: ignore[no-untyped-call]  # theirs
        for processor in processors:
            self._processor.add_span_processor(processor)
        self._exporter = exporter
        self._settings = settings
        self._losses = losses
        self._forced = ForcedSampling(settings.sampled_per_s)
        self._lag = LoopLag()

    def tracer(self, name: str) -> Tracer:
        """A tracer; `name` is the package that instruments itself, "directflow_gateway"."""
        scope = InstrumentationScope(name)
        recorder = Recorder(self.resource, scope, self._processor.on_end, self._lag) if self._is_read else None
        return DecidedTracer(self._settings.sample_ratio, recorder, self._forced)

    def meter(self, metrics: Metrics) -> None:
        """Has lost spans counted, where spans are sent."""
        if (losses := self._losses) is not None:
            metrics.gauge(SPANS_DROPPED, lambda: {(): losses.total()})

    def watch_loop(self) -> None:
        """Has spans tell how late the running event loop is, where anybody reads them."""
        if self._is_read:
            self._lag.start()

    async def aclose(self) -> None:
        """Sends what is queued, and gives up after the settings' time."""
        self._lag.stop()
        try:
            async with asyncio.timeout(self._settings.shutdown_timeout_s):
                await in_daemon_thread(self._processor.shutdown)
        except TimeoutError:
            if self._exporter is not None:
                self._exporter.shutdown()  # closes its channel, which ends the export that is under way


@asynccontextmanager
async def telemetry(settings: TelemetrySettings, service: str, *processors: SpanProcessor) -> AsyncIterator[Telemetry]:
    """Traces of `service` for the length of the block; `processors` are further destinations, such as a test's."""
    started = start(settings, service, *processors)
    started.watch_loop()
    try:
        yield started
    finally:
        await started.aclose()


def start(settings: TelemetrySettings, service: str, *processors: SpanProcessor) -> Telemetry:
    """The same without a block and for any thread, so that no event loop is watched: the caller owes an `aclose()`."""
    exporter = CountedExporter(span_exporter(settings)) if settings.otlp_endpoint else None
    if exporter is None:
        return Telemetry(resource_of(service), processors, None, settings, None)
    losses = SpanLosses(exporter, settings.max_queue_spans)
    every = [losses, _batched(exporter, settings), *processors]
    return Telemetry(resource_of(service), every, exporter, settings, losses)


def _batched(exporter: SpanExporter, settings: TelemetrySettings) -> SpanProcessor:
    return BatchSpanProcessor(
        exporter,
        max_queue_size=settings.max_queue_spans,
        schedule_delay_millis=settings.schedule_delay_s * 1000,
        max_export_batch_size=min(512, settings.max_queue_spans),
    )
