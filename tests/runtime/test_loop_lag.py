"""How late the event loop has been, all in all, and over each span that is read."""

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest
from directflow_runtime.loop_lag import EVERY_S, GRACE_S, NS, REMEMBERED, LoopLag
from directflow_runtime.settings import TelemetrySettings
from directflow_runtime.telemetry import telemetry
from google.protobuf.wrappers_pb2 import StringValue
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

LAG = "directflow.time.loop_lag_ms"
TURN_S = 0.1
CERTAIN_S = TURN_S - EVERY_S - GRACE_S - 0.005
"""Of such a turn: an appointment may have been due at its end only."""


@pytest.fixture
async def lag() -> Any:
    started = LoopLag()
    started.start()
    yield started
    started.stop()


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    return InMemorySpanExporter()


def total_s(lag: LoopLag) -> float:
    return lag.total_ns(time.time_ns()) / NS


def a_long_turn() -> None:
    time.sleep(TURN_S)  # not asyncio's: nothing else gets its turn


async def test_a_turn_that_lasts_long_is_lag_before_it_is_over_and_after(lag: LoopLag) -> None:
    a_long_turn()
    within = total_s(lag)
    await asyncio.sleep(0.01)
    assert CERTAIN_S < within <= total_s(lag)


async def test_turns_that_follow_each_other_add_up(lag: LoopLag) -> None:
    """Of each what is beyond the next heartbeat: turns that are shorter than that are not seen."""
    began = time.monotonic()
    for _ in range(3):
        time.sleep(4 * EVERY_S)  # noqa: ASYNC251  the whole point
        await asyncio.sleep(0)
    assert total_s(lag) > (time.monotonic() - began) / 2


async def test_of_the_last_seconds_only_what_was_late_in_them_counts(lag: LoopLag) -> None:
    a_long_turn()
    await asyncio.sleep(0.05)
    began = time.time_ns()
    a_long_turn()
    await asyncio.sleep(0.01)
    now = time.time_ns()
    assert CERTAIN_S * NS < lag.since_ns(began, now) <= now - began
    assert lag.since_ns(now - 60 * NS, now) == lag.total_ns(now)


async def test_what_it_remembers_is_bounded(lag: LoopLag) -> None:
    for _ in range(2 * REMEMBERED):
        lag._due_ns = 0
        lag._beat()
    assert len(lag._missed) == REMEMBERED


async def test_without_a_start_there_is_none() -> None:
    lag = LoopLag()
    a_long_turn()
    assert (total_s(lag), lag.since_ns(0, time.time_ns())) == (0.0, 0)
    lag.stop()


async def test_after_the_stop_nothing_is_added(lag: LoopLag) -> None:
    a_long_turn()
    lag.stop()
    stopped = total_s(lag)
    a_long_turn()
    await asyncio.sleep(0.05)
    assert total_s(lag) == stopped > CERTAIN_S


async def test_each_span_that_is_read_tells_how_late_the_process_was_meanwhile(spans: InMemorySpanExporter) -> None:
    async with telemetry(TelemetrySettings(), "directflow-test", SimpleSpanProcessor(spans)) as traces:
        tracer = traces.tracer("package")
        with tracer.start_as_current_span("waits"):
            asyncio.get_running_loop().call_soon(a_long_turn)
            await asyncio.sleep(0.01)
        afterwards = tracer.start_span("begun afterwards", start_time=time.time_ns() - int(TURN_S * 1e9))
        afterwards.end()
    assert [span.attributes[LAG] > CERTAIN_S * 1000 / 2 for span in spans.get_finished_spans()] == [True, True]


async def test_a_server_span_tells_it_over_the_call(world: Any) -> None:
    async def waits(request: Any, context: Any) -> StringValue:
        asyncio.get_running_loop().call_soon(a_long_turn)
        await asyncio.sleep(0.01)
        return StringValue()

    served = await world(waits)
    await served.stub("unary_unary")(StringValue(), timeout=5)
    assert (await served.span(SpanKind.SERVER)).attributes[LAG] > CERTAIN_S * 1000


async def test_where_nobody_reads_spans_the_loop_is_not_looked_at() -> None:
    async with telemetry(TelemetrySettings(), "directflow-test") as traces:
        a_long_turn()
        await asyncio.sleep(0.01)
        assert total_s(traces._lag) == 0.0
