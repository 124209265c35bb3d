"""Whatever a call waits for on a customer's server has a span: a gap would be taken for our own processor's time."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any

import psycopg
import pytest
from directflow_cli.dev.postgres import PostgresServer
from directflow_gateway.connections import Connections
from directflow_gateway.pools import late_span
from directflow_gateway.queries import engine as engine_module
from directflow_gateway.queries.engine import QueryEngine
from directflow_gateway.queries.prepared import PreparedQueries
from directflow_gateway.queries.rows import Arrangement, stream_rows
from directflow_gateway.queries.sets.evaluating import evaluate
from directflow_gateway.queries.sets.tuples import Tuples
from directflow_gateway.queries.statement import StatementRole
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Tracer

HELD_S = 1.0


class Traced:
    """An engine whose pools tell the same tracer."""

    def __init__(self, stand: Any, tracer: Tracer, exported: InMemorySpanExporter) -> None:
        self.stand = stand
        self.tracer = tracer
        self._exported = exported
        self.engine = QueryEngine(Connections([stand.connection]), stand.pools, PreparedQueries(), tracer)

    async def stream(self, wanted: Any) -> None:
        async with aclosing(stream_rows(self.engine, wanted, {}, Arrangement())) as events:
            async for _ in events:
                pass

    async def spans_of(self, call: Awaitable[Any]) -> list[ReadableSpan]:
        """The call's own span last."""
        self._exported.clear()
        with self.tracer.start_as_current_span("call"):
            await call
        return list(self._exported.get_finished_spans())


@pytest.fixture
def traced(
    make_stand: Callable[..., Any], postgres: PostgresServer, customer: str, exported: InMemorySpanExporter
) -> Iterator[Traced]:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exported))
    tracer = provider.get_tracer("test")
    yield Traced(make_stand(postgres, customer, pool_size=1, tracer=tracer), tracer, exported)
    provider.shutdown()


def gap_s(spans: Sequence[ReadableSpan]) -> float:
    """How much of the call none of the spans below it accounts for."""
    *below, call = spans
    covered, at = 0, call.start_time
    for span in sorted(below, key=lambda each: each.start_time):
        covered += max(0, min(span.end_time, call.end_time) - max(span.start_time, at))
        at = max(at, span.end_time)
    return (call.end_time - call.start_time - covered) / 1e9


def named(spans: Sequence[ReadableSpan], name: str) -> ReadableSpan:
    (span,) = [span for span in spans if span.name.startswith(name)]
    return span


@asynccontextmanager
async def stopped_backend(stand: Any) -> AsyncIterator[None]:
    """The one session's server process is stopped, and goes on after HELD_S."""
    ((pid, *_),) = await asyncio.to_thread(stand.sessions)
    os.kill(pid, signal.SIGSTOP)
    handle = asyncio.get_running_loop().call_later(HELD_S, os.kill, pid, signal.SIGCONT)
    try:
        yield
    finally:
        handle.cancel()
        os.kill(pid, signal.SIGCONT)


@asynccontextmanager
async def locked_catalogue(stand: Any) -> AsyncIterator[None]:
    """Nobody can look up functions, for HELD_S."""
    dsn = stand.server.admin_dsn(stand.database)
    async with await psycopg.AsyncConnection.connect(dsn) as admin:
        await admin.execute("LOCK TABLE pg_catalog.pg_proc IN ACCESS EXCLUSIVE MODE")

        async def let_go() -> None:
            await asyncio.sleep(HELD_S)
            await admin.rollback()

        letting = asyncio.create_task(let_go())
        yield
        await letting


async def test_a_begin_that_is_not_answered_is_told(traced: Traced, statement: Callable[..., Any]) -> None:
    """What a pooler without a free server session looks like, and a firewall that has forgotten the connection."""
    wanted = statement("SELECT id FROM users")
    await traced.stream(wanted)
    async with stopped_backend(traced.stand):
        spans = await traced.spans_of(traced.stream(wanted))
    begin = named(spans, "begin")
    assert gap_s(spans) < HELD_S / 2 < (begin.end_time - begin.start_time) / 1e9
    assert begin.parent == spans[-1].context
    assert begin.attributes["db.operation.name"] == "BEGIN"
    assert begin.attributes["directflow.connection"] == traced.stand.connection.name


async def test_what_the_catalogue_is_asked_about_a_new_statement_is_told_as_describing_it(
    traced: Traced, statement: Callable[..., Any]
) -> None:
    await traced.stream(statement("SELECT id FROM users"))
    async with locked_catalogue(traced.stand):
        spans = await traced.spans_of(traced.stream(statement("SELECT id, lower(email) AS e FROM users")))
    describing = named(spans, "describe")
    assert gap_s(spans) < HELD_S / 2 < (describing.end_time - describing.start_time) / 1e9
    assert describing.attributes["directflow.time.server_ms"] > HELD_S * 500


async def test_looking_for_the_form_for_many_people_is_part_of_describing(
    traced: Traced, statement: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    set_plan = engine_module.set_plan

    async def late(*args: Any, **kwargs: Any) -> Any:
        await asyncio.sleep(HELD_S)
        return await set_plan(*args, **kwargs)

    monkeypatch.setattr(engine_module, "set_plan", late)
    condition = statement("SELECT true AS result FROM users WHERE id = '<%= id %>'", role=StatementRole.CONDITION)
    spans = await traced.spans_of(evaluate(traced.engine, condition, Tuples.of(1, {}, {"id": ["1"]})))
    assert gap_s(spans) < HELD_S / 2
    assert len([span for span in spans if span.name.startswith("describe")]) == 1


async def test_a_known_statement_on_a_session_that_is_there_has_its_own_span_and_no_other(
    traced: Traced, statement: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = statement("SELECT id FROM users")
    await traced.stream(wanted)
    monkeypatch.setattr(late_span, "WORTH_TELLING_S", 60.0)  # a busy machine is no wait
    monkeypatch.setattr("directflow_gateway.pools.acquire_span.WORTH_TELLING_S", 60.0)
    spans = await traced.spans_of(traced.stream(wanted))
    assert [span.name for span in spans] == ["stream weekly", "call"]


async def test_a_begin_that_fails_says_why_however_quick(traced: Traced, monkeypatch: pytest.MonkeyPatch) -> None:
    async def begin(within_s: float) -> None:
        async with traced.stand.transaction(within_s):
            pass

    await begin(20)
    monkeypatch.setattr(late_span, "WORTH_TELLING_S", 60.0)
    async with stopped_backend(traced.stand):
        spans = await traced.spans_of(asyncio.gather(begin(0.1), return_exceptions=True))
    assert named(spans, "begin").attributes["error.type"] == "DEADLINE_EXCEEDED"
    assert not named(spans, "begin").status.is_ok


async def test_the_wait_for_the_next_credential_when_a_role_was_dropped_is_told(
    traced: Traced, postgres: PostgresServer
) -> None:
    async def work() -> None:
        async with traced.stand.transaction():
            pass

    await work()
    successor = postgres.create_role("LOGIN")
    await asyncio.to_thread(postgres.psql, f'DROP ROLE "{traced.stand.role.name}"')
    # The source has it late: it is asked for again after a second.
    later = asyncio.get_running_loop().call_later(0.3, traced.stand.write_secret, successor.password, successor.name)
    spans = await traced.spans_of(work())
    later.cancel()
    waited = named(spans, "credential")
    assert gap_s(spans) < HELD_S / 2 < (waited.end_time - waited.start_time) / 1e9
    (refused, *_) = [span for span in spans if span.name == "begin"]
    assert refused.attributes["error.type"] == "SERVER_REFUSED"


async def test_a_rollback_that_is_not_answered_is_told(traced: Traced) -> None:
    async def work() -> None:
        async with traced.stand.transaction() as session:
            asyncio.get_running_loop().call_later(HELD_S, os.kill, session.pgconn.backend_pid, signal.SIGCONT)
            os.kill(session.pgconn.backend_pid, signal.SIGSTOP)

    spans = await traced.spans_of(work())
    rollback = named(spans, "rollback")
    assert gap_s(spans) < HELD_S / 2 < (rollback.end_time - rollback.start_time) / 1e9
