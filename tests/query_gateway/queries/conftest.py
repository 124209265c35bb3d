"""A query engine as app.py builds it, on a real database, and everything that it tells its tracer."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from directflow_cli.dev.postgres import PostgresServer
from directflow_gateway.connections import Connections
from directflow_gateway.queries.engine import QueryEngine, Values
from directflow_gateway.queries.prepared import PreparedQueries
from directflow_gateway.queries.rows import Arrangement, Ending, Opening, stream_rows
from directflow_gateway.queries.statement import Statement, StatementRole
from directflow_runtime.calls import Call, call_scope
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

CUSTOMER = Path(__file__).with_name("customer.sql")
CONNECTION = "workspaces/acme/connections/main"
TRACE_ID = "0af7651916cd43dd8448eb211c80319c"


@dataclass(frozen=True)
class Streamed:
    """A stream read to its end."""

    opening: Opening
    batches: list[pa.RecordBatch]
    ending: Ending
    rows: list[tuple[Any, ...]] = field(default_factory=list)


Collect = Callable[..., Awaitable[Streamed]]


@pytest.fixture(scope="module")
def customer(postgres: PostgresServer, postgres_database: str) -> str:
    """The module's database, with the customer's tables in it."""
    postgres.psql(file=CUSTOMER, database=postgres_database)
    return postgres_database


@pytest.fixture(autouse=True)
def call() -> Iterator[Call]:
    """What runs here runs for a call, as behind the interceptors."""
    with call_scope(Call(time.monotonic() + 20, "test", frozenset({"*"}), TRACE_ID, "b7ad6b7169203331", "t/T")) as one:
        yield one


@pytest.fixture
def exported() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def make_engine(exported: InMemorySpanExporter) -> Iterator[Callable[..., QueryEngine]]:
    """`make_engine(*stands, trusted_for_s=...)`: an engine over the stands' connections and the first one's pools."""
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exported))

    def make(*stands: Any, tells_text: bool = True, **memory: Any) -> QueryEngine:
        connections = Connections(stand.connection for stand in stands)
        tracer, prepared = provider.get_tracer("test"), PreparedQueries(**memory)
        return QueryEngine(connections, stands[0].pools, prepared, tracer, tells_text=tells_text)

    yield make
    provider.shutdown()


@pytest.fixture
async def engine(customer: str, stand: Any, make_engine: Callable[..., QueryEngine]) -> AsyncIterator[QueryEngine]:
    """An engine for `CONNECTION`. Whatever a test does, no statement and no transaction may be left by it."""
    yield make_engine(stand)
    assert await stand.quiet_within(2)


@pytest.fixture
def statement() -> Callable[..., Statement]:
    """`statement(template, role=..., ...)`."""

    def make(template: str, *variables: Any, role: StatementRole = StatementRole.AD_HOC, **more: Any) -> Statement:
        return Statement(CONNECTION, template, role, variables, definition="workspaces/acme/segments/weekly", **more)

    return make


@pytest.fixture
def collect(engine: QueryEngine, statement: Callable[..., Statement]) -> Collect:
    """`await collect(template, values, columns=..., order_by=...)`."""

    async def read(template: str, values: Values | None = None, /, **arrangement: Any) -> Streamed:
        limits = {"limits": arrangement.pop("limits")} if "limits" in arrangement else {}
        wanted = Arrangement(**arrangement)
        async with aclosing(stream_rows(engine, statement(template, **limits), values or {}, wanted)) as events:
            opening, *batches, ending = [event async for event in events]
        assert isinstance(opening, Opening)
        assert isinstance(ending, Ending)
        read_batches = [batch for batch in batches if isinstance(batch, pa.RecordBatch)]
        rows = [tuple(column[i].as_py() for column in b.columns) for b in read_batches for i in range(b.num_rows)]
        return Streamed(opening, read_batches, ending, rows)

    return read


@pytest.fixture
def spans(exported: InMemorySpanExporter) -> Callable[[str], list[ReadableSpan]]:
    """`spans("describe")`: the ended spans of an operation."""
    return lambda operation: [span for span in exported.get_finished_spans() if span.name.startswith(operation)]
