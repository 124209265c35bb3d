"""A gateway whose event loop is busy with other calls is not told as a slow database."""

import asyncio
import time
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

from directflow_cli.traces.breakdown import Part, breakdown
from directflow_cli.traces.spans import Span, depth_first
from directflow_gateway.connections import Connections
from directflow_gateway.queries.engine import QueryEngine
from directflow_gateway.queries.prepared import PreparedQueries
from directflow_gateway.queries.rows import Arrangement, stream_rows
from directflow_gateway.queries.statement import Statement
from directflow_runtime.settings import TelemetrySettings
from directflow_runtime.telemetry import telemetry
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter


async def busy_with_others() -> None:
    while True:
        time.sleep(0.25)  # noqa: ASYNC251  the whole point
        await asyncio.sleep(0)


async def read(engine: QueryEngine, statement: Statement) -> None:
    async with aclosing(stream_rows(engine, statement, {}, Arrangement())) as events:
        async for _ in events:
            pass


def as_shown(span: ReadableSpan) -> Span:
    """As `directflow trace` has it."""
    return Span(
        trace_id="t",
        span_id=str(span.context.span_id),
        parent_id="",
        name=span.name,
        service="directflow-gateway",
        start_ns=span.start_time or 0,
        end_ns=span.end_time or 0,
        status="UNSET",
        attributes=dict(span.attributes or {}),
    )


async def test_what_a_statement_waited_for_the_processs_turn_is_told_as_that(
    stand: Any, statement: Callable[..., Statement], exported: InMemorySpanExporter
) -> None:
    async with telemetry(TelemetrySettings(), "directflow-gateway", SimpleSpanProcessor(exported)) as traces:
        engine = QueryEngine(Connections([stand.connection]), stand.pools, PreparedQueries(), traces.tracer("test"))
        await read(engine, statement("SELECT 1 AS n"))
        exported.clear()
        others = asyncio.create_task(busy_with_others())
        await read(engine, statement("SELECT 1 AS n"))
        others.cancel()
        assert await stand.quiet_within(2)
    told = [as_shown(span) for span in exported.get_finished_spans()]
    assert "stream weekly" in {span.name for span in told}
    for span in told:
        assert span.number("directflow.time.loop_lag_ms") * 1e6 > span.duration_ns / 2, span.name
    assert breakdown(depth_first(told))[0].part is Part.LOOP_LAG
