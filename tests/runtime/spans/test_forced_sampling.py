"""A caller's sampled flag is followed, up to a rate; what is beyond goes on unrecorded, here and further down."""

from directflow_runtime.settings import TelemetrySettings
from directflow_runtime.spans.forced_sampling import CALLS_A_TRACE, REMEMBERED, ForcedSampling
from directflow_runtime.telemetry import telemetry
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

from tests.clock import Clock


def test_as_many_traces_a_second_are_admitted_as_the_rate_says() -> None:
    clock = Clock(0.0)
    limit = ForcedSampling(10, clock)
    assert [limit.admits(trace) for trace in range(1, 13)] == [True] * 10 + [False] * 2
    clock.now = 0.2
    assert [limit.admits(trace) for trace in range(20, 24)] == [True, True, False, False]


def test_a_long_silence_saves_up_no_more_than_a_second() -> None:
    clock = Clock(0.0)
    limit = ForcedSampling(2, clock)
    clock.now = 1000.0
    assert sum(limit.admits(trace) for trace in range(1, 10)) == 2


def test_a_trace_that_was_admitted_stays_so_and_costs_once() -> None:
    limit = ForcedSampling(2, Clock(0.0))
    assert [limit.admits(trace) for trace in (1, 1, 1, 2, 3, 1)] == [True, True, True, True, False, True]
    assert sum(limit.admits(1) for _ in range(10_000)) == CALLS_A_TRACE - 4


def test_beyond_what_its_token_pays_for_each_call_of_a_trace_costs_one() -> None:
    clock = Clock(0.0)
    limit = ForcedSampling(2, clock)
    assert sum(limit.admits(1) for _ in range(10_000)) == CALLS_A_TRACE + 1
    clock.now = 1.0
    assert sum(limit.admits(1) for _ in range(10_000)) == 2
    clock.now = 2.0
    assert [limit.admits(trace) for trace in (1, 2, 3)] == [True, True, False]


async def test_one_trace_id_on_all_calls_does_not_have_all_of_them_recorded() -> None:
    spans = InMemorySpanExporter()
    settings = TelemetrySettings(sampled_per_s=1, sample_ratio=0.0)
    caller = set_span_in_context(NonRecordingSpan(SpanContext(77, 7, True, TraceFlags(TraceFlags.SAMPLED))))
    async with telemetry(settings, "directflow-test", SimpleSpanProcessor(spans)) as traces:
        tracer = traces.tracer("package")
        for _ in range(5 * CALLS_A_TRACE):
            tracer.start_span("server", caller).end()
    assert CALLS_A_TRACE <= len(spans.get_finished_spans()) < 2 * CALLS_A_TRACE


def test_what_it_remembers_is_bounded() -> None:
    limit = ForcedSampling(10 * REMEMBERED, Clock(0.0))
    assert all(limit.admits(trace) for trace in range(1, 2 * REMEMBERED))
    assert len(limit._admitted) == REMEMBERED


def test_zero_is_no_limit() -> None:
    limit = ForcedSampling(0, Clock(0.0))
    assert all(limit.admits(trace) for trace in range(1, 1000))


async def test_beyond_the_rate_a_callers_trace_keeps_its_id_and_nobody_below_records_it() -> None:
    spans = InMemorySpanExporter()
    settings = TelemetrySettings(sampled_per_s=1)
    async with telemetry(settings, "directflow-test", SimpleSpanProcessor(spans)) as traces:
        tracer = traces.tracer("package")
        made = []
        for trace_id in (1, 2):
            caller = SpanContext(trace_id, 7, True, TraceFlags(TraceFlags.SAMPLED))
            server = tracer.start_span("server", set_span_in_context(NonRecordingSpan(caller)))
            client = tracer.start_span("client", set_span_in_context(server))
            client.end()
            server.end()
            made += [server.get_span_context(), client.get_span_context()]
    assert [(ids.trace_id, ids.trace_flags.sampled) for ids in made] == [(1, True), (1, True), (2, False), (2, False)]
    assert {span.context.trace_id for span in spans.get_finished_spans()} == {1}


async def test_traces_that_begin_here_are_not_limited() -> None:
    spans = InMemorySpanExporter()
    async with telemetry(TelemetrySettings(sampled_per_s=1), "directflow-test", SimpleSpanProcessor(spans)) as traces:
        for _ in range(20):
            traces.tracer("package").start_span("work").end()
    assert len(spans.get_finished_spans()) == 20
