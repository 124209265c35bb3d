"""A gateway that answers by a script: as a plain fake of the port, and as a real gRPC server of the real protocol.

Both answer with what `Script` says, so that every test of the port runs on both.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import grpc
import pyarrow as pa
import pytest
from directflow.gateway.v1 import query_service_pb2 as wire
from directflow.gateway.v1 import query_service_pb2_grpc as stubs
from directflow_runtime.errors import DirectFlowError
from directflow_runtime.identity import IdentityPolicy
from directflow_runtime.interceptors import Drain, server_interceptors
from directflow_runtime.logging import get_logger
from directflow_runtime.server import RpcServer, build_server
from directflow_runtime.settings import ChannelSettings, IdentitySettings, ServerSettings, TelemetrySettings
from directflow_runtime.telemetry import telemetry
from directflow_segments.data_sources import DataSource, Role
from directflow_segments.queries import (
    Header,
    Outcome,
    PeopleRequest,
    PeopleRows,
    PeopleSummary,
    PersonError,
    Rows,
    RowsRequest,
    Summary,
)
from hypothesis import settings

# A busy machine must not fail an example that is right: time is measured by benchmarks, never by tests.
settings.register_profile("directflow", deadline=None)
settings.load_profile("directflow")

SNAPSHOT = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
ROLES = {
    wire.STATEMENT_ROLE_DISCOVERY: Role.DISCOVERY,
    wire.STATEMENT_ROLE_GENERATOR: Role.GENERATOR,
    wire.STATEMENT_ROLE_PRELOAD: Role.PRELOAD,
}
OUTCOMES = {
    Outcome.ROW: wire.SET_OUTCOME_ROW,
    Outcome.NO_ROW: wire.SET_OUTCOME_NO_ROW,
    Outcome.MULTIPLE_ROWS: wire.SET_OUTCOME_MULTIPLE_ROWS,
    Outcome.ERROR: wire.SET_OUTCOME_ERROR,
}


@dataclass
class Script:
    """What one of the queries returns, and what goes wrong on the way."""

    schema: pa.Schema
    rows: list[dict[str, Any]] = field(default_factory=list)
    batch_rows: int = 3
    estimated_rows: int = 7
    truncated: bool = False
    outcomes: tuple[Outcome, ...] = ()
    errors: tuple[PersonError, ...] = ()
    error: DirectFlowError | None = None
    """Raised where the summary would stand."""
    flaw: str = ""
    """"no header", "two headers", "no summary", "wrong count", "lost batch", "rows after the summary"."""
    stalls_after: int = -1
    """After so many messages nothing comes any more."""

    def messages(self, request: RowsRequest) -> list[Header | Rows | Summary]:
        """All of them, arranged as the request asks."""
        schema, rows = self._arranged(request)
        batches = self._batches(schema, rows)
        told: list[Header | Rows | Summary] = [header(schema, self.estimated_rows), *batches]
        return self._flawed([*told, Summary(len(rows), 11 * len(rows), self.truncated)])

    def people(self, request: PeopleRequest) -> list[Header | PeopleRows | PeopleSummary]:
        """Rows for the people whose outcome has one, in their order."""
        having = [i for i, outcome in enumerate(self.outcomes) if outcome in (Outcome.ROW, Outcome.MULTIPLE_ROWS)]
        batches = [
            PeopleRows(rows, tuple(having[rows.offset : rows.offset + rows.rows.num_rows]))
            for rows in self._batches(self.schema, self.rows)
        ]
        summary = PeopleSummary(self.outcomes, self.errors, len(self.rows))
        return self._flawed([header(self.schema, self.estimated_rows), *batches, summary])

    def _arranged(self, request: RowsRequest) -> tuple[pa.Schema, list[dict[str, Any]]]:
        rows, names = self.rows, request.columns or tuple(self.schema.names)
        if request.order_by:
            rows = sorted(rows, key=lambda row: order(row[request.order_by]))
        if request.after is not None:
            last = order(type(next(filter(None, (r[request.order_by] for r in rows))))(request.after))
            rows = [row for row in rows if order(row[request.order_by]) > last]
        return pa.schema([self.schema.field(name) for name in names]), [{n: row[n] for n in names} for row in rows]

    def _batches(self, schema: pa.Schema, rows: list[dict[str, Any]]) -> list[Rows]:
        return [
            encoded(pa.RecordBatch.from_pylist(rows[at : at + self.batch_rows], schema=schema), at)
            for at in range(0, len(rows), self.batch_rows)
        ]

    def _flawed(self, told: list[Any]) -> list[Any]:
        match self.flaw:
            case "no header":
                return told[1:]
            case "two headers":
                return [told[0], *told]
            case "no summary":
                return told[:-1]
            case "lost batch":
                return [told[0], *told[2:]]
            case "rows after the summary":
                return [*told[:-2], told[-1], told[-2]]
            case "wrong count":
                count = told[-1].row_count + 1
                last: Any = (
                    Summary(count, 0, False)
                    if isinstance(told[-1], Summary)
                    else PeopleSummary(told[-1].outcomes, (), count)
                )
                return [*told[:-1], last]
        return told


def order(key: Any) -> tuple[bool, Any]:
    """NULL first, text by its bytes."""
    return key is not None, key.encode() if isinstance(key, str) else key or 0


def header(schema: pa.Schema, estimated_rows: int) -> Header:
    return Header(schema, schema.serialize().to_pybytes(), SNAPSHOT, estimated_rows)


def encoded(rows: pa.RecordBatch, offset: int) -> Rows:
    return Rows(rows, rows.serialize().to_pybytes(), offset)


@dataclass
class FakeGateway:
    """The port, without any wire."""

    scripts: dict[Role, Script] = field(default_factory=dict)
    requests: list[Any] = field(default_factory=list)
    closed: int = 0
    """Streams that were ended, in whatever way."""

    async def rows(self, request: RowsRequest) -> AsyncGenerator[Header | Rows | Summary]:
        self.requests.append(request)
        async with aclosing(self._told(self.scripts[request.query.role], "messages", request)) as told:
            async for message in told:
                yield message

    async def people(self, request: PeopleRequest) -> AsyncGenerator[Header | PeopleRows | PeopleSummary]:
        self.requests.append(request)
        async with aclosing(self._told(self.scripts[request.query.role], "people", request)) as told:
            async for message in told:
                yield message

    async def estimate(self, request: RowsRequest) -> int:
        self.requests.append(request)
        script = self.scripts[request.query.role]
        if script.error:
            raise script.error
        return script.estimated_rows

    async def _told(self, script: Script, method: str, request: Any) -> AsyncGenerator[Any]:
        try:
            messages = getattr(script, method)(request)
            for number, message in enumerate(messages):
                if number == script.stalls_after:
                    await asyncio.Event().wait()
                if script.error and number == len(messages) - 1:
                    raise script.error
                yield message
        finally:
            self.closed += 1


class ScriptedService(stubs.QueryServiceServicer):
    """The real protocol in front of a fake."""

    def __init__(self, fake: FakeGateway) -> None:
        self.fake = fake
        self.received: list[Any] = []
        self.seconds: list[float] = []

    async def StreamQuery(self, request: wire.StreamQueryRequest, context: Any) -> AsyncIterator[Any]:
        self._note(request, context)
        arranged = RowsRequest(
            FakeQuery(ROLES[request.statement.role]),  # type: ignore[arg-type]
            {},
            columns=tuple(request.columns),
            order_by=request.order_by_column,
            after=request.after if request.HasField("after") else None,
        )
        async with aclosing(self.fake.rows(arranged)) as messages:
            async for message in messages:
                yield stream_message(message)

    async def FetchSet(self, request: wire.FetchSetRequest, context: Any) -> AsyncIterator[Any]:
        self._note(request, context)
        ids = request.tuples.columns[0].texts
        arranged = PeopleRequest(FakeQuery(ROLES[request.statement.role]), "", ids, {})  # type: ignore[arg-type]
        async with aclosing(self.fake.people(arranged)) as messages:
            async for message in messages:
                yield fetch_message(message)

    async def CountQuery(self, request: wire.CountQueryRequest, context: Any) -> wire.CountQueryResponse:
        self._note(request, context)
        arranged = RowsRequest(FakeQuery(ROLES[request.statement.role]), {})  # type: ignore[arg-type]
        return wire.CountQueryResponse(row_count=await self.fake.estimate(arranged))

    def _note(self, request: Any, context: Any) -> None:
        self.received.append(request)
        self.seconds.append(context.time_remaining())


@dataclass
class FakeQuery:
    """As much of a query as a script looks at."""

    role: Role


def stream_message(message: Header | Rows | Summary) -> wire.StreamQueryResponse:
    match message:
        case Header():
            return wire.StreamQueryResponse(header=header_message(message))
        case Rows():
            return wire.StreamQueryResponse(batch=rows_message(message))
        case Summary(row_count, byte_count, truncated):
            summary = wire.StreamSummary(row_count=row_count, byte_count=byte_count, truncated=truncated)
            return wire.StreamQueryResponse(summary=summary)


def fetch_message(message: Header | PeopleRows | PeopleSummary) -> wire.FetchSetResponse:
    match message:
        case Header():
            return wire.FetchSetResponse(header=header_message(message))
        case PeopleRows(rows, indexes):
            return wire.FetchSetResponse(batch=wire.FetchBatch(rows=rows_message(rows), tuple_indexes=indexes))
        case PeopleSummary(outcomes, errors, row_count):
            summary = wire.FetchSummary(
                outcomes=[OUTCOMES[outcome] for outcome in outcomes],
                errors=[wire.TupleError(index=e.index, reason=e.reason, message=e.message) for e in errors],
                row_count=row_count,
            )
            return wire.FetchSetResponse(summary=summary)


def header_message(message: Header) -> wire.StreamHeader:
    told = wire.StreamHeader(arrow_schema=message.encoded_schema, estimated_rows=message.estimated_rows)
    told.snapshot_time.FromDatetime(message.snapshot_time)
    return told


def rows_message(message: Rows) -> wire.RowBatch:
    return wire.RowBatch(row_count=message.rows.num_rows, row_offset=message.offset, arrow_record_batch=message.encoded)


def schema_of(**columns: str) -> pa.Schema:
    """A schema as the gateway sends it: PostgreSQL's type by column."""
    arrow = {"bigint": pa.int64(), "boolean": pa.bool_(), "double precision": pa.float64()}
    arrow |= {"timestamp with time zone": pa.timestamp("us", "UTC")}
    return pa.schema(
        [
            pa.field(name, arrow.get(postgres, pa.string()), metadata={"pg_type": postgres, "pg_oid": "25"})
            for name, postgres in columns.items()
        ]
    )


@pytest.fixture
def script() -> Callable[..., Script]:
    """`script(rows, id="bigint", name="text")`."""

    def make(rows: list[dict[str, Any]], /, **columns: str) -> Script:
        return Script(schema_of(**columns), rows)

    return make


@pytest.fixture
def fake() -> FakeGateway:
    """The port as a fake, by the scripts that the test gives it."""
    return FakeGateway()


@pytest.fixture
def communities() -> DataSource:
    """The documented data source."""
    return DataSource(
        name="workspaces/acme/dataSources/communities",
        connection="workspaces/acme/connections/main",
        discovery_sql="SELECT id, community_name, user_count, plan_type FROM communities ORDER BY user_count DESC",
        generator_sql="SELECT u.id AS profile_id, u.email FROM users u WHERE u.community = '<%= community_id %>'",
        preload_sql="SELECT plan_name FROM user_profiles WHERE user_id = '<%= profile_id %>'",
        revision=4,
    )


@pytest.fixture
async def scripted_server(fake: FakeGateway) -> AsyncIterator[tuple[ScriptedService, RpcServer]]:
    """The same scripts behind a real server with the real layers."""
    async with AsyncExitStack() as stack:
        traces = await stack.enter_async_context(telemetry(TelemetrySettings(), "scripted-gateway"))
        drain, own = Drain(), ServerSettings(reflection=False)
        layers = server_interceptors(
            domain="gateway.directflow",
            tracer=traces.tracer("scripted"),
            logger=get_logger("scripted"),
            policy=IdentityPolicy(IdentitySettings(allow_development=True)),
            settings=own,
            drain=drain,
        )
        server = build_server(own, layers, drain)
        service = ScriptedService(fake)
        stubs.add_QueryServiceServicer_to_server(service, server.grpc)
        await server.start()
        stack.push_async_callback(server.stop, 0)
        yield service, server


@pytest.fixture
def gateway_target(scripted_server: tuple[ScriptedService, RpcServer]) -> ChannelSettings:
    """Where the scripted server listens."""
    return ChannelSettings(target=f"127.0.0.1:{scripted_server[1].port}")


COMMUNITIES = {
    "name": "workspaces/acme/dataSources/communities",
    "connection": "workspaces/acme/connections/main",
    "discovery_sql": "SELECT id, community_name, user_count, plan_type FROM communities ORDER BY user_count DESC",
    "generator_sql": "SELECT u.id AS profile_id, u.email FROM users u WHERE u.community = '<%= community_id %>'",
    "preload_sql": "SELECT plan_name FROM user_profiles WHERE user_id = '<%= profile_id %>'",
}


@pytest.fixture
async def serve(gateway_target: ChannelSettings) -> AsyncIterator[Callable[..., Awaitable[grpc.aio.Channel]]]:
    """`channel = await serve()`: the service in front of the scripted gateway, and a plain channel to it."""
    # Here, so that the tests of the pure domain next door do not load a server.
    from directflow_segments import app
    from directflow_segments.config import SegmentsSettings

    async with AsyncExitStack() as stack:

        async def start(data_source: dict[str, Any] | None = None, **more: Any) -> grpc.aio.Channel:
            given = {
                "gateway": {"target": gateway_target.target},
                "identity": {"allow_development": True},
                "definitions": {"from_store": False},
                "data_sources": [COMMUNITIES | (data_source or {})],
            }
            built = await app.build(SegmentsSettings.model_validate(given | more), stack)
            await built.server.start()
            stack.push_async_callback(built.server.stop, 0)
            channel = grpc.aio.insecure_channel(f"127.0.0.1:{built.server.port}")
            return await stack.enter_async_context(channel)

        yield start
