"""What the span of a statement says of where its time went, however it ended."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import psycopg
import pytest
from directflow_gateway.connections import LimitOverrides
from directflow_gateway.execution import StreamProgress
from directflow_gateway.execution.wire import Wire
from directflow_gateway.failed_span import reason_of
from directflow_gateway.queries import statement_span, statement_texts
from directflow_gateway.queries.engine import QueryEngine
from directflow_gateway.queries.explaining import RowQuestion, explain_row
from directflow_gateway.queries.rows import Arrangement, count_rows, estimate_rows, stream_rows
from directflow_gateway.queries.sets.evaluating import evaluate
from directflow_gateway.queries.sets.fetching import FetchedRows, fetch
from directflow_gateway.queries.sets.session import SetSession
from directflow_gateway.queries.sets.tuples import Tuples
from directflow_gateway.queries.statement import StatementRole
from directflow_gateway.queries.statement_meter import StatementMeter
from directflow_gateway.sql import normalise_for_telemetry
from directflow_runtime.calls import CallRecord, call_scope, current_call, record_scope
from directflow_runtime.errors import DirectFlowError, StatusCode
from directflow_runtime.metrics import Metrics
from directflow_runtime.metrics.names import STATEMENT_DURATION
from directflow_runtime.settings import TelemetrySettings
from directflow_runtime.telemetry import telemetry
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import NoOpTracer

Spans = Callable[[str], list[ReadableSpan]]
MANY = "SELECT n, repeat('x', 200) AS pad FROM generate_series(1, 60000) AS n"
JOINED = ", ".join(f"generate_series(1, 100000) AS g{n}" for n in range(3))


async def test_a_stream_tells_planning_first_row_server_and_batches(collect: Any, spans: Spans) -> None:
    await collect(MANY)
    (span,) = spans("stream")
    told = span.attributes
    for name in ("plan_ms", "first_row_ms", "server_ms"):
        assert told[f"directflow.time.{name}"] > 0
    assert told["db.response.returned_rows"] == 60000
    assert told["directflow.batches"] > 1
    duration_ms = (span.end_time - span.start_time) / 1e6
    assert told["directflow.time.plan_ms"] + told["directflow.time.server_ms"] < duration_ms


async def test_time_that_postgresql_takes_is_the_servers(collect: Any, spans: Spans) -> None:
    await collect("SELECT count(*) AS n FROM generate_series(1, 1500000) AS g")
    (span,) = spans("stream")
    first_row_ms = span.attributes["directflow.time.first_row_ms"]
    assert first_row_ms > 20
    assert span.attributes["directflow.time.server_ms"] > first_row_ms / 2


async def test_time_that_the_reader_takes_is_not_the_servers(
    engine: QueryEngine, statement: Callable[..., Any], spans: Spans
) -> None:
    """The record is what the interceptors write to while they wait for the reader."""
    with record_scope(CallRecord("t/T")) as record:
        record.reader_s = 5.0  # of an earlier statement of the same call
        async with aclosing(stream_rows(engine, statement(MANY), {}, Arrangement())) as events:
            async for _ in events:
                record.reader_s += 0.1
    (span,) = spans("stream")
    assert 100 <= span.attributes["directflow.time.reader_ms"] < 5000


SLOW = """SELECT (SELECT count(*) FROM generate_series(1, 1500000 + u.id)) > 5 AS result FROM users AS u
WHERE u.id = '<%= id %>'"""  # at least 50 ms on any machine of today


async def test_a_set_of_people_tells_what_postgresql_took_for_all_its_statements(
    engine: QueryEngine, statement: Callable[..., Any], spans: Spans
) -> None:
    condition = statement(SLOW, role=StatementRole.CONDITION)
    await evaluate(engine, condition, Tuples.of(2, {}, {"id": ["1", "2"]}))
    (span,) = spans("evaluate")
    duration_ms = (span.end_time - span.start_time) / 1e6
    assert 40 < span.attributes["directflow.time.server_ms"] < duration_ms
    assert "directflow.time.reader_ms" not in span.attributes  # nobody reads a stream


async def test_a_set_whose_session_was_given_back_tells_the_time_of_both(
    engine: QueryEngine, statement: Callable[..., Any], spans: Spans
) -> None:
    """A statement that a limit ends takes its session along: others may wait on that wire from then on."""
    condition = statement(SLOW, role=StatementRole.CONDITION)
    async with SetSession(engine, condition) as session:
        with session.span("evaluate", await session.session()):
            for _ in range(2):
                await session.alone(["1"], 5)
                await session.leave()
    (span,) = spans("evaluate")
    assert span.attributes["directflow.time.server_ms"] > 80


async def test_a_fetch_tells_how_long_its_reader_held_it_up(
    engine: QueryEngine, statement: Callable[..., Any], spans: Spans
) -> None:
    preload = statement("SELECT id FROM users WHERE id = '<%= id %>'", role=StatementRole.PRELOAD)
    with record_scope(CallRecord("t/T", bytes_sent=0)) as record:
        async with aclosing(fetch(engine, preload, Tuples.of(1, {}, {"id": ["1"]}))) as events:
            async for _ in events:
                record.reader_s += 0.2
    (span,) = spans("fetch")
    assert span.attributes["directflow.time.reader_ms"] >= 200
    assert span.attributes["directflow.time.server_ms"] > 0


PADDED = "SELECT id, repeat('x', 1000) AS pad FROM users WHERE id = '<%= id %>'"


@pytest.mark.parametrize("cut", [False, True])
async def test_a_fetch_tells_its_people_its_rows_and_their_bytes_also_where_it_is_left(
    engine: QueryEngine, statement: Callable[..., Any], spans: Spans, cut: bool
) -> None:
    preload = statement(PADDED, role=StatementRole.PRELOAD)
    async with aclosing(fetch(engine, preload, Tuples.of(3, {}, {"id": ["1", "2", "none"]}))) as events:
        async for event in events:
            if cut and isinstance(event, FetchedRows):
                break
    (span,) = spans("fetch")
    assert span.attributes.get("error.type") == ("CANCELLED" if cut else None)
    assert span.attributes["directflow.profiles"] == 3
    assert span.attributes["db.response.returned_rows"] == 2
    assert 2000 < span.attributes["directflow.bytes.returned"] < 2100


async def test_a_count_tells_its_one_row_and_no_bytes_that_nobody_counted(
    engine: QueryEngine, statement: Callable[..., Any], spans: Spans
) -> None:
    await count_rows(engine, statement("SELECT id FROM users"), {})
    (span,) = spans("count")
    assert span.attributes["db.response.returned_rows"] == 1
    assert "directflow.bytes.returned" not in span.attributes


@asynccontextmanager
async def locked(stand: Any) -> AsyncIterator[None]:
    """Nobody may read the users."""
    async with await psycopg.AsyncConnection.connect(stand.server.admin_dsn(stand.database)) as admin:
        await admin.execute("LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
        yield
        await admin.rollback()


@pytest.mark.parametrize("kind", ["stream", "estimate"])
async def test_planning_that_waits_for_a_lock_until_it_fails_is_told_as_planning(
    engine: QueryEngine, statement: Callable[..., Any], spans: Spans, stand: Any, kind: str
) -> None:
    async def ask() -> None:
        # New limits are no new statement: it is described before the lock, and planned behind it.
        asked = statement("SELECT id FROM users", limits=LimitOverrides(statement_timeout_s=0.3))
        if kind == "estimate":
            await estimate_rows(engine, asked, {})
            return
        async with aclosing(stream_rows(engine, asked, {}, Arrangement())) as events:
            async for _ in events:
                pass

    await ask()
    async with locked(stand):
        with pytest.raises(DirectFlowError) as failed:
            await ask()
    assert failed.value.reason == "STATEMENT_TIMEOUT"
    span = spans(kind)[-1]
    assert span.attributes["error.type"] == "STATEMENT_TIMEOUT"
    assert span.attributes["directflow.time.plan_ms"] > 250


async def test_what_only_asks_the_planner_or_explains_a_row_tells_how_long_the_server_took(
    engine: QueryEngine, statement: Callable[..., Any], spans: Spans
) -> None:
    await estimate_rows(engine, statement("SELECT id FROM users"), {})
    await explain_row(engine, statement("SELECT id FROM users"), {}, RowQuestion("id", "1", ()))
    for kind in ("estimate", "explain", "describe"):
        (span, *_) = spans(kind)
        assert span.attributes["directflow.time.server_ms"] > 0


async def test_a_stream_that_is_left_tells_how_far_it_came(
    engine: QueryEngine, statement: Callable[..., Any], spans: Spans
) -> None:
    async with aclosing(stream_rows(engine, statement(MANY), {}, Arrangement())) as events:
        seen = 0
        async for _ in events:
            seen += 1
            if seen == 3:  # the opening and two batches
                break
    (span,) = spans("stream")
    assert span.attributes["error.type"] == "CANCELLED"
    assert 0 < span.attributes["db.response.returned_rows"] < 60000
    assert span.attributes["directflow.batches"] >= 2


@pytest.mark.parametrize("end", [asyncio.CancelledError, GeneratorExit])
def test_what_ends_a_statement_from_outside_is_the_deadline_once_it_has_passed_and_else_the_caller(
    end: type[BaseException],
) -> None:
    assert reason_of(end()) == "CANCELLED"
    with call_scope(replace(current_call(), deadline=time.monotonic() - 1)):
        assert reason_of(end()) == "DEADLINE_EXCEEDED"


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (None, "ok"),
        (asyncio.CancelledError(), "DEADLINE_EXCEEDED"),
        (DirectFlowError(StatusCode.ABORTED, "SNAPSHOT_CONFLICT", ""), "SNAPSHOT_CONFLICT"),
        (KeyError(), "INTERNAL"),
    ],
)
def test_the_duration_of_a_statement_is_counted_under_the_reason_that_its_caller_is_told(
    error: BaseException | None, outcome: str
) -> None:
    metrics = Metrics(10, 10)
    with call_scope(replace(current_call(), deadline=time.monotonic() - 1)):
        StatementMeter(metrics).ended(time.monotonic(), "stream", "workspaces/acme/connections/main", error)
    (labels,) = next(points for named, points in metrics.snapshot() if named is STATEMENT_DURATION)
    assert labels[-1] == outcome


async def test_a_long_stream_tells_its_progress_now_and_then_and_never_a_batch_each(
    collect: Any, spans: Spans, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statement_span, "PROGRESS_EVERY_S", 0.0)
    await collect(MANY)
    (span,) = spans("stream")
    rows = [event.attributes["db.response.returned_rows"] for event in span.events]
    assert {event.name for event in span.events} == {"progress"}
    assert rows == sorted(rows)
    assert rows[-1] <= 60000
    monkeypatch.setattr(statement_span, "PROGRESS_EVERY_S", 10.0)
    await collect(MANY)
    assert spans("stream")[-1].events == ()


async def test_the_progress_of_a_stream_of_hours_reaches_to_its_end_within_what_a_span_keeps(
    statement: Callable[..., Any], exported: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr(statement_span, "time", SimpleNamespace(monotonic=lambda: now))
    async with telemetry(TelemetrySettings(), "test", SimpleSpanProcessor(exported)) as traced:
        made = statement_span.StatementSpans(traced.tracer("test"), StatementMeter())
        progress = StreamProgress()
        with made.of("stream", statement("SELECT 1 AS n"), "customer") as span:
            span.runs(Wire(Mock()), progress)
            for now in range(6 * 3600):  # a batch each second
                progress.rows = now
                span.batch()
    (ended,) = exported.get_finished_spans()
    rows = [event.attributes["db.response.returned_rows"] for event in ended.events]
    assert rows[:3] == [10, 20, 30]
    assert ended.dropped_events == 0
    assert 6 * 3600 - rows[-1] < 6 * 3600 / 10


async def test_compiling_has_a_span_once_and_later_calls_say_that_it_was_known(collect: Any, spans: Spans) -> None:
    for _ in range(2):
        await collect("SELECT 17 AS n")
    assert len(spans("compile")) == 1
    assert [span.attributes["directflow.compile.cached"] for span in spans("stream")] == [False, True]


async def test_a_refused_statement_fails_the_span_of_compiling(collect: Any, spans: Spans) -> None:
    with pytest.raises(DirectFlowError):
        await collect("DELETE FROM users")
    (span,) = spans("compile")
    assert span.attributes["error.type"] == "STATEMENT_REFUSED"


@pytest.mark.parametrize("tells_text", [True, False])
async def test_the_text_is_not_even_made_where_nobody_reads_it_or_the_settings_do_not_want_it(
    tells_text: bool, statement: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statement_texts, "normalise_for_telemetry", None)  # a call would fail
    tracer = NoOpTracer() if tells_text else TracerProvider(shutdown_on_exit=False).get_tracer("test")
    made = statement_span.StatementSpans(tracer, StatementMeter(), tells_text=tells_text)
    with made.of("stream", statement("SELECT 1 AS n"), "customer") as span:
        await span.text("SELECT 1 AS n")


async def test_the_text_of_a_statement_is_made_once_for_all_its_calls(
    engine: QueryEngine, statement: Callable[..., Any], spans: Spans, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []

    def normalise(text: str) -> str:
        made.append(text)
        return normalise_for_telemetry(text)

    monkeypatch.setattr(statement_texts, "normalise_for_telemetry", normalise)
    for _ in range(3):
        await count_rows(engine, statement("SELECT 19 AS n"), {})
        async with aclosing(stream_rows(engine, statement("SELECT 19 AS n"), {}, Arrangement())) as events:
            async for _ in events:
                pass
    assert len(made) == len(set(made)) == 2
    assert len({span.attributes["db.query.text"] for span in spans("stream")}) == 1


async def test_without_statement_text_everything_else_is_told(
    stand: Any, make_engine: Callable[..., QueryEngine], statement: Callable[..., Any], spans: Spans
) -> None:
    engine = make_engine(stand, tells_text=False)
    async with aclosing(stream_rows(engine, statement("SELECT 18 AS n"), {}, Arrangement())) as events:
        async for _ in events:
            pass
    (span,) = spans("stream")
    assert "db.query.text" not in span.attributes
    assert span.attributes["db.query.summary"] == "stream weekly"
