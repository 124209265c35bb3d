"""A transaction on DirectFlow's own database: what it sets, what its errors mean, and what its span says."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from directflow_gateway.directflow_database import DatabaseRole, DirectFlowDatabase, Transaction
from directflow_gateway.execution import Watchdog
from directflow_gateway.execution.wire import Statement
from directflow_runtime.errors import DirectFlowError, StatusCode
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind


def reading(within_s: float = 20, **more: Any) -> Transaction:
    return Transaction(DatabaseRole.READER, "look", "SELECT", time.monotonic() + within_s, **more)


async def setting(database: Any, transaction: Transaction, name: str) -> str:
    (result,) = await database.run(transaction, Statement("SELECT current_setting($1)", (name,)))
    return bytes(result.get_value(0, 0)).decode()


async def test_the_deadline_reaches_statement_timeout(database: Any) -> None:
    shown = await setting(database, reading(within_s=59.999), "statement_timeout")
    assert 10_000 < int(shown.removesuffix("ms")) < 60_000


async def test_a_transaction_depends_on_nothing_that_a_role_or_a_database_sets(own: Any, database: Any) -> None:
    with own.admin() as admin:
        for name, value in {"TimeZone": "Asia/Tokyo", "search_path": "evil", "synchronous_commit": "off"}.items():
            admin.execute(f"ALTER DATABASE {own.made.database} SET {name} TO '{value}'")
    wanted = {
        "TimeZone": "UTC",
        "search_path": "pg_catalog",
        "synchronous_commit": "on",
        "transaction_read_only": "on",
        "directflow.workspace": "acme",
        "application_name": "directflow/x",
    }
    transaction = reading(workspace="acme", application_name="directflow/x")
    assert {name: await setting(database, transaction, name) for name in wanted} == wanted


async def test_the_next_transaction_on_a_session_has_another_workspace(own: Any, open_database: Any) -> None:
    database = open_database(own, reader_pool_size=1)
    seen = [await setting(database, reading(workspace=one), "directflow.workspace") for one in ("a", "b", "")]
    assert seen == ["a", "b", ""]


@pytest.mark.parametrize(
    ("sql", "code", "reason"),
    [
        ("SELECT pg_sleep(60)", StatusCode.DEADLINE_EXCEEDED, None),
        ("SELECT 1 / 0", StatusCode.INTERNAL, "INTERNAL"),
        ("SELECT * FROM directflow.absent", StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE"),
        ("SELECT * FROM pg_authid", StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE"),
        ("CREATE TEMP TABLE x ()", StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE"),
        ("SELECT pg_terminate_backend(pg_backend_pid())", StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE"),
        ("SELECT 'canary'::int", StatusCode.INTERNAL, "INTERNAL"),
    ],
)
async def test_an_error_of_the_server_is_ours_and_repeats_nothing(
    database: Any, sql: str, code: StatusCode, reason: str | None
) -> None:
    with pytest.raises(DirectFlowError) as raised:
        await database.run(reading(within_s=1 if "sleep" in sql else 60), Statement(sql))
    assert raised.value.code is code
    assert reason in (None, raised.value.reason)
    assert "canary" not in str(raised.value) + str(raised.value.metadata)
    assert raised.value.__cause__ is None
    assert await setting(database, reading(), "transaction_read_only") == "on"  # the next one is not disturbed


@dataclass(frozen=True)
class Traced:
    database: Any
    exported: InMemorySpanExporter

    @property
    def spans(self) -> list[ReadableSpan]:
        return [span for span in self.exported.get_finished_spans() if span.name == "look"]  # besides the pool's


@pytest.fixture
async def traced(own: Any) -> AsyncIterator[Traced]:
    exported, provider, watchdog = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False), Watchdog()
    provider.add_span_processor(SimpleSpanProcessor(exported))
    database = DirectFlowDatabase(own.settings(), watchdog, provider.get_tracer("test"))
    yield Traced(database, exported)
    await database.aclose()
    watchdog.close()
    provider.shutdown()


async def test_each_transaction_has_a_span_without_any_value(own: Any, traced: Traced) -> None:
    await traced.database.run(reading(counts={"directflow.profiles": 3}), Statement("SELECT $1::text", ("canary",)))
    with pytest.raises(DirectFlowError):
        await traced.database.run(reading(), Statement("SELECT $1::int", ("canary",)))

    good, bad = traced.spans
    assert (good.name, good.kind, good.status.is_ok) == ("look", SpanKind.CLIENT, True)
    assert dict(good.attributes or {}) == {
        "db.system.name": "postgresql",
        "db.namespace": own.made.database,
        "db.operation.name": "SELECT",
        "db.query.summary": "look",
        "directflow.profiles": 3,
    }
    assert (bad.attributes or {})["error.type"] == "INTERNAL"
    assert (bad.attributes or {})["db.response.status_code"] == "22P02"
    assert not any("canary" in span.to_json() for span in traced.exported.get_finished_spans())


async def test_a_span_has_postgresqls_state_where_it_gave_one_and_the_cause_beside_it(own: Any, traced: Traced) -> None:
    own.write("reader", "nobody", "canary")
    with pytest.raises(DirectFlowError):
        await traced.database.run(reading(), Statement("SELECT 1"))
    own.write("reader", own.made.roles["reader"].name, own.made.roles["reader"].password)
    await asyncio.sleep(1.1)  # FORCED_S of the keyring
    with pytest.raises(DirectFlowError):
        await traced.database.run(reading(), Statement("SELECT * FROM directflow.absent"))
    told = [span.attributes or {} for span in traced.spans]
    assert [each["error.type"] for each in told] == ["STORE_UNAVAILABLE"] * 2
    assert [each.get("db.response.status_code") for each in told] == [None, "42P01"]
    assert told[0]["directflow.cause"] == "CREDENTIALS_REJECTED"


async def test_a_transaction_that_its_caller_leaves_is_cancelled_in_the_words_of_all_spans(traced: Traced) -> None:
    running = asyncio.create_task(traced.database.run(reading(), Statement("SELECT pg_sleep(60)")))
    await asyncio.sleep(0.2)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    (span,) = traced.spans
    assert (span.attributes or {})["error.type"] == "CANCELLED"
