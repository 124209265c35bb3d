"""Traces: always there, so that every error has a trace id; exported where the settings name a collector.

A collector that is away costs nobody anything: spans wait in a bounded queue, the oldest are dropped, and the end of
the process waits for them no longer than the settings say.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ParentBased
from opentelemetry.trace import Tracer

from directflow_runtime.collector import exporter_options
from directflow_runtime.daemon_thread import in_daemon_thread
from directflow_runtime.decided_tracer import DecidedTracer
from directflow_runtime.forced_sampling import ForcedSampling
from directflow_runtime.linked_sampling import RatioOrLinked
from directflow_runtime.metrics import Metrics
from directflow_runtime.metrics.names import SPANS_DROPPED
from directflow_runtime.settings import TelemetrySettings
from directflow_runtime.span_losses import CountedExporter, SpanLosses
from directflow_runtime.telemetry_resource import resource_of


class Telemetry:
    """The tracer provider of one process. Nothing here is global: whoever traces is handed a tracer."""

    def __init__(
        self,
        provider: TracerProvider,
        exporter: SpanExporter | None,
        settings: TelemetrySettings,
        losses: SpanLosses | None,
        is_read: bool,
    ) -> None:
        """`is_read`: spans of this process go somewhere."""
        self._provider = provider
        self._exporter = exporter
        self._settings = settings
        self._losses = losses
        self._is_read = is_read
        self._forced = ForcedSampling(settings.sampled_per_s)

    def tracer(self, name: str) -> Tracer:
        """A tracer; `name` is the package that instruments itself, "directflow_gateway"."""
        recorder = self._provider.get_tracer(name) if self._is_read else None
        return DecidedTracer(self._settings.sample_ratio, recorder, self._forced)

    def meter(self, metrics: Metrics) -> None:
        """Has lost spans counted, where spans are sent."""
        if (losses := self._losses) is not None:
            metrics.gauge(SPANS_DROPPED, lambda: {(): losses.total()})

    @property
    def resource(self) -> Resource:
        """Who sends: metrics name the same instance as spans."""
        return self._provider.resource

    async def aclose(self) -> None:
        """Sends what is queued, and gives up after the settings' time."""
        try:
            async with asyncio.timeout(self._settings.shutdown_timeout_s):
                await in_daemon_thread(self._provider.shutdown)
        except TimeoutError:
            if self._exporter is not None:
                self._exporter.shutdown()  # closes its channel, which ends the export that is under way


@asynccontextmanager
async def telemetry(settings: TelemetrySettings, service: str, *processors: SpanProcessor) -> AsyncIterator[Telemetry]:
    """Traces of `service` for the length of the block; `processors` are further destinations, such as a test's."""
    started = start(settings, service, *processors)
    try:
        yield started
    finally:
        await started.aclose()


def start(settings: TelemetrySettings, service: str, *processors: SpanProcessor) -> Telemetry:
    """The same without a block: the caller owes an `aclose()`."""
    provider = TracerProvider(
        sampler=ParentBased(RatioOrLinked(settings.sample_ratio)),
        resource=resource_of(service),
        shutdown_on_exit=False,  # it would wait 30 s for a collector that is away
    )
    exporter = CountedExporter(_exporter(settings)) if settings.otlp_endpoint else None
    losses = None
    if exporter is not None:
        losses = SpanLosses(exporter, settings.max_queue_spans)
        provider.add_span_processor(losses)
        provider.add_span_processor(_batched(exporter, settings))
    for processor in processors:
        provider.add_span_processor(processor)
    return Telemetry(provider, exporter, settings, losses, is_read=exporter is not None or bool(processors))


def _exporter(settings: TelemetrySettings) -> SpanExporter:
    # Not at the top: a process that exports nothing need not load it, which takes as long as a tenth of its start.
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter(**exporter_options(settings))


def _batched(exporter: SpanExporter, settings: TelemetrySettings) -> SpanProcessor:
    return BatchSpanProcessor(
        exporter,
        max_queue_size=settings.max_queue_spans,
        schedule_delay_millis=settings.schedule_delay_s * 1000,
        max_export_batch_size=min(512, settings.max_queue_spans),
    )
