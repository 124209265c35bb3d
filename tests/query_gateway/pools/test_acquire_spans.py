"""Spans of the wait for a session: what was waited for, how long, and why there was none."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

import pytest
from directflow_cli.dev.postgres import PostgresServer
from directflow_gateway.credentials import FileCredentialSource
from directflow_gateway.pools import Budgets
from directflow_runtime.errors import DirectFlowError
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Tracer


class Traced:
    """What the pools told, by name."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))

    @property
    def tracer(self) -> Tracer:
        return self.provider.get_tracer("test")

    def named(self, name: str) -> list[ReadableSpan]:
        return [span for span in self._exporter.get_finished_spans() if span.name == name]

    def only(self, name: str) -> ReadableSpan:
        (span,) = self.named(name)
        return span


@pytest.fixture
def traced() -> Iterator[Traced]:
    told = Traced()
    yield told
    told.provider.shutdown()


async def test_the_login_is_shown_beneath_the_wait_of_who_needed_it(
    make_stand: Callable[..., Any], postgres: PostgresServer, traced: Traced
) -> None:
    stand = make_stand(postgres, pool_size=3, tracer=traced.tracer)
    with traced.tracer.start_as_current_span("call") as call:
        async with stand.lease():
            pass
    wait, login = traced.only("pool acquire"), traced.only("connect")
    assert wait.parent == call.get_span_context()
    assert login.parent == wait.context
    assert wait.attributes["directflow.pool.opened"] is True
    assert (wait.attributes["directflow.pool.in_use"], wait.attributes["directflow.pool.size"]) == (1, 3)
    assert wait.attributes["directflow.pool.wait_ms"] >= login.attributes["directflow.connect_ms"] > 0
    assert wait.attributes["directflow.connection"] == stand.connection.name


HELD_S = 0.3


async def late(*_: Any) -> None:
    await asyncio.sleep(HELD_S)


async def test_each_of_those_who_wait_for_one_login_tells_that_it_was_a_login(
    make_stand: Callable[..., Any], postgres: PostgresServer, traced: Traced
) -> None:
    """Its span is beneath the first one's, who may be in another trace."""
    stand = make_stand(postgres, pool_size=8, examine=late, tracer=traced.tracer)

    async def use(within_s: float = 20) -> None:
        async with stand.lease(within_s):
            pass

    await asyncio.gather(use(), use(), use(HELD_S / 2), return_exceptions=True)
    waits = traced.named("pool acquire")
    assert len(waits) == 3
    assert [wait.attributes["error.type"] for wait in waits if not wait.status.is_ok] == ["DEADLINE_EXCEEDED"]
    for wait in waits:
        assert wait.attributes["directflow.pool.wait_ms"] >= wait.attributes["directflow.pool.connect_ms"]
        assert wait.attributes["directflow.pool.connect_ms"] > HELD_S * 400
        assert wait.attributes["directflow.pool.opened"] is wait.status.is_ok
        assert "directflow.pool.admission_ms" not in wait.attributes
    assert traced.named("connect")[0].attributes["directflow.examine_ms"] > HELD_S * 900


async def test_each_of_those_who_wait_for_one_credential_tells_that_it_was_the_credential(
    make_stand: Callable[..., Any], postgres: PostgresServer, traced: Traced, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = FileCredentialSource.read

    async def slow(*args: Any, **more: Any) -> Any:
        await late()
        return await read(*args, **more)

    monkeypatch.setattr(FileCredentialSource, "read", slow)
    stand = make_stand(postgres, pool_size=8, tracer=traced.tracer)

    async def use(within_s: float) -> None:
        async with stand.lease(within_s):
            pass

    await asyncio.gather(use(20), use(20), use(HELD_S / 2), return_exceptions=True)
    waits = traced.named("pool acquire")
    assert len(waits) == 3
    for wait in waits:
        assert wait.attributes["directflow.pool.credential_ms"] > HELD_S * 400


async def test_each_of_those_who_wait_for_a_budget_tells_that_it_was_the_budget(
    make_stand: Callable[..., Any], postgres: PostgresServer, traced: Traced
) -> None:
    budgets = Budgets(together=1)
    stand = make_stand(postgres, pool_size=8, acquire_timeout_s=HELD_S, budgets=budgets, tracer=traced.tracer)

    async def use() -> None:
        async with stand.lease():
            pass

    async with stand.lease():
        await asyncio.gather(use(), use(), return_exceptions=True)
    await stand.pools.aclose()
    budgets.close()
    waits = [span for span in traced.named("pool acquire") if span.attributes.get("error.type") == "POOL_SATURATED"]
    assert len(waits) == 2
    for wait in waits:
        assert wait.attributes["directflow.pool.admission_ms"] > HELD_S * 800
        assert wait.attributes["directflow.cause"] == "PROCESS_BUDGET"
        assert wait.attributes["directflow.pool.opened"] is False


async def test_a_login_serves_whoever_waits_and_is_in_no_callers_context(
    make_stand: Callable[..., Any], postgres: PostgresServer
) -> None:
    call: ContextVar[str] = ContextVar("call")
    seen: list[str] = []

    async def examine(*_: Any) -> None:
        seen.append(call.get("nobody"))

    stand = make_stand(postgres, examine=examine)
    call.set("first")
    async with stand.lease():
        pass
    assert seen == ["nobody"]


async def test_an_idle_session_is_no_wait_and_has_no_span(
    make_stand: Callable[..., Any], postgres: PostgresServer, traced: Traced, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("directflow_gateway.pools.acquire_span.WORTH_TELLING_S", 60.0)  # a busy machine is no wait
    stand = make_stand(postgres, tracer=traced.tracer)
    for _ in range(3):
        async with stand.lease():
            pass
    assert len(traced.named("pool acquire")) == 1


async def test_a_wait_for_somebody_elses_session_is_told_with_how_many_are_in_use(
    make_stand: Callable[..., Any], postgres: PostgresServer, traced: Traced
) -> None:
    stand = make_stand(postgres, pool_size=1, tracer=traced.tracer)

    async def other() -> None:
        async with stand.lease():
            pass

    async with stand.lease():
        waiting = asyncio.create_task(other())
        await asyncio.sleep(0.05)
    await waiting
    _, wait = traced.named("pool acquire")
    assert wait.attributes["directflow.pool.opened"] is False
    assert wait.attributes["directflow.pool.wait_ms"] > 40
    assert len(traced.named("connect")) == 1


async def test_a_refused_login_fails_the_login_and_the_wait_with_the_reason(
    make_stand: Callable[..., Any], postgres: PostgresServer, traced: Traced
) -> None:
    stand = make_stand(postgres, tracer=traced.tracer)
    stand.write_secret("wrong-canary")
    with pytest.raises(DirectFlowError):
        async with stand.lease():
            pass
    for span in (traced.only("connect"), traced.only("pool acquire")):
        # The second look at a credential that was refused comes a second after the first, and is no login.
        assert span.attributes["directflow.pool.credential_ms"] > 900
        assert span.attributes["error.type"] == "CREDENTIALS_REJECTED"
        assert not span.status.is_ok
        told = repr(dict(span.attributes)) + repr(span.events) + str(span.status.description)
        assert not [secret for secret in ("wrong-canary", stand.role.name, postgres.host) if secret in told]


async def test_who_waits_too_long_is_told_in_the_span_of_the_wait(
    make_stand: Callable[..., Any], postgres: PostgresServer, traced: Traced
) -> None:
    stand = make_stand(postgres, pool_size=1, acquire_timeout_s=0.05, tracer=traced.tracer)
    async with stand.lease():
        with pytest.raises(DirectFlowError):
            async with stand.lease():
                pass
    refused = next(span for span in traced.named("pool acquire") if not span.status.is_ok and span.status.description)
    assert refused.attributes["error.type"] == "POOL_SATURATED"


async def test_a_budget_that_is_used_up_is_an_admission_with_its_name(
    make_stand: Callable[..., Any], postgres: PostgresServer, traced: Traced
) -> None:
    budgets = Budgets(together=1)
    stand = make_stand(postgres, pool_size=2, acquire_timeout_s=0.1, budgets=budgets, tracer=traced.tracer)
    async with stand.lease():
        with pytest.raises(DirectFlowError):
            async with stand.lease():
                pass
        ends_at = time.monotonic() + 5
        while not traced.named("admission"):
            assert time.monotonic() < ends_at
            await asyncio.sleep(0.01)
    await stand.pools.aclose()
    budgets.close()
    admission = traced.only("admission")
    assert admission.attributes["directflow.cause"] == "PROCESS_BUDGET"
    waits = {span.context.span_id: span for span in traced.named("pool acquire")}
    assert waits[admission.parent.span_id].attributes["directflow.cause"] == "PROCESS_BUDGET"


async def test_a_deadline_that_comes_first_is_the_reason_of_the_wait(
    make_stand: Callable[..., Any], postgres: PostgresServer, traced: Traced
) -> None:
    stand = make_stand(postgres, pool_size=1, acquire_timeout_s=5, tracer=traced.tracer)
    async with stand.lease():
        with pytest.raises(DirectFlowError):
            async with stand.lease(within_s=0.05):
                pass
    assert traced.named("pool acquire")[-1].attributes["error.type"] == "DEADLINE_EXCEEDED"
