"""Work that several calls share is recorded when one of them is, whatever the ratio."""

from directflow_runtime.settings import TelemetrySettings
from directflow_runtime.telemetry import telemetry
from opentelemetry.context import Context
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, SpanContext, SpanKind, TraceFlags

RECORDED = SpanContext(1, 7, False, TraceFlags(TraceFlags.SAMPLED))
LEFT_OUT = SpanContext(2, 7, False, TraceFlags(TraceFlags.DEFAULT))


async def names_recorded(ratio: float, callers: list[SpanContext]) -> list[str]:
    spans = InMemorySpanExporter()
    async with telemetry(
        TelemetrySettings(sample_ratio=ratio), "directflow-test", SimpleSpanProcessor(spans)
    ) as traces:
        tracer = traces.tracer("package")
        tracer.start_span("shared", Context(), SpanKind.INTERNAL, None, [Link(caller) for caller in callers]).end()
    return [span.name for span in spans.get_finished_spans()]


async def test_one_recorded_caller_is_enough() -> None:
    assert await names_recorded(0.0, [LEFT_OUT, RECORDED]) == ["shared"]


async def test_without_a_recorded_caller_nobody_could_find_it() -> None:
    assert await names_recorded(1.0, [LEFT_OUT]) == []
