"""Spans that reach no collector are counted: the SDK drops them in silence."""

import socket

from directflow_runtime.metrics import Metrics
from directflow_runtime.settings import TelemetrySettings
from directflow_runtime.telemetry import Telemetry, telemetry


def lost(traces: Telemetry) -> float:
    """What a scrape would be told."""
    metrics = Metrics(1, 1)
    traces.meter(metrics)
    ((named, points),) = metrics.snapshot()
    assert named.prometheus == "directflow_telemetry_spans_dropped_total"
    return float(str(points[()]))


def end_spans(traces: Telemetry, number: int) -> None:
    for _ in range(number):
        traces.tracer("package").start_span("work").end()


async def test_spans_that_the_collector_did_not_take_are_lost() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        settings = TelemetrySettings(otlp_endpoint=endpoint, export_timeout_s=0.2, schedule_delay_s=60)
        async with telemetry(settings, "directflow-test") as traces:
            end_spans(traces, 7)
            assert lost(traces) == 0
        assert lost(traces) == 7


async def test_spans_beyond_a_full_queue_are_lost_and_the_count_never_falls() -> None:
    with socket.socket() as hole:
        hole.bind(("127.0.0.1", 0))
        hole.listen()
        endpoint = f"http://127.0.0.1:{hole.getsockname()[1]}"
        settings = TelemetrySettings(
            otlp_endpoint=endpoint, max_queue_spans=4, schedule_delay_s=60, export_timeout_s=0.3, shutdown_timeout_s=2
        )
        async with telemetry(settings, "directflow-test") as traces:
            end_spans(traces, 100)
            before = lost(traces)
            assert before >= 100 - 3 * 4  # what waits, what is being sent, and what was being sent
        assert before <= lost(traces) <= 100


async def test_where_spans_are_not_sent_none_is_lost() -> None:
    async with telemetry(TelemetrySettings(), "directflow-test") as traces:
        metrics = Metrics(1, 1)
        traces.meter(metrics)
        assert metrics.snapshot() == []
