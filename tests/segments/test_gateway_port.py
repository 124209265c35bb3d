"""The port to the query gateway: what holds for the fake holds for the real one over gRPC."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

import pytest
from directflow.gateway.v1 import query_service_pb2 as wire
from directflow.sql.v1 import sql_pb2
from directflow_runtime.channel import open_channel
from directflow_runtime.errors import DirectFlowError, StatusCode
from directflow_runtime.settings import ChannelSettings, TelemetrySettings
from directflow_runtime.telemetry import telemetry
from directflow_segments.data_sources import DataSource, Kind, Query, Role, Variable
from directflow_segments.gateway import READ_METHODS, GrpcQueryGateway
from directflow_segments.queries import (
    Header,
    Limits,
    Outcome,
    PeopleRequest,
    PeopleRows,
    PeopleSummary,
    PersonError,
    QueryGateway,
    Rows,
    RowsRequest,
    Summary,
)

ROWS = [{"profile_id": n, "email": None if n == 3 else f"p{n}@example.com"} for n in range(5)]
COLUMNS = {"profile_id": "bigint", "email": "text"}


@pytest.fixture
async def grpc_gateway(gateway_target: ChannelSettings) -> AsyncIterator[GrpcQueryGateway]:
    async with telemetry(TelemetrySettings(), "segments") as traces:
        channel = open_channel(gateway_target, traces.tracer("segments"), READ_METHODS)
        yield GrpcQueryGateway(channel)
        await channel.close()


@pytest.fixture(params=["fake", "grpc"])
def gateway(request: pytest.FixtureRequest, fake: Any, grpc_gateway: GrpcQueryGateway) -> QueryGateway:
    return fake if request.param == "fake" else grpc_gateway


@pytest.fixture
def query(communities: DataSource) -> Query:
    return communities.query(Role.GENERATOR)


async def read(messages: Any) -> list[Any]:
    async with aclosing(messages) as stream:
        return [message async for message in stream]


async def closed(fake: Any) -> None:
    async with asyncio.timeout(5):
        while not fake.closed:  # noqa: ASYNC110  the fake's counter has no event
            await asyncio.sleep(0.001)


async def test_rows_come_between_header_and_summary(
    gateway: QueryGateway, fake: Any, script: Callable[..., Any], query: Query
) -> None:
    made = fake.scripts[Role.GENERATOR] = script(ROWS, **COLUMNS)
    header, *batches, summary = await read(gateway.rows(RowsRequest(query, {})))
    assert isinstance(header, Header)
    assert header.schema.equals(made.schema, check_metadata=True)
    assert header.encoded_schema == made.schema.serialize().to_pybytes()
    assert (header.estimated_rows, header.snapshot_time.isoformat()) == (7, "2026-03-01T12:30:00+00:00")
    assert all(isinstance(batch, Rows) for batch in batches)
    assert [row for batch in batches for row in batch.rows.to_pylist()] == ROWS
    assert [batch.offset for batch in batches] == [0, 3]
    assert batches[0].encoded == batches[0].rows.serialize().to_pybytes()
    assert summary == Summary(5, 55, False)


async def test_rows_come_as_the_request_arranges_them(
    gateway: QueryGateway, fake: Any, script: Callable[..., Any], query: Query
) -> None:
    fake.scripts[Role.GENERATOR] = script(ROWS[::-1], **COLUMNS)
    request = RowsRequest(query, {}, columns=("profile_id",), order_by="profile_id", after="1")
    _, *batches, _ = await read(gateway.rows(request))
    assert [row for batch in batches for row in batch.rows.to_pylist()] == [{"profile_id": n} for n in (2, 3, 4)]


async def test_people_have_an_outcome_each(
    gateway: QueryGateway, fake: Any, script: Callable[..., Any], communities: DataSource
) -> None:
    made = fake.scripts[Role.PRELOAD] = script([{"plan_name": "a"}, {"plan_name": None}], plan_name="text")
    made.outcomes = (Outcome.NO_ROW, Outcome.ROW, Outcome.ERROR, Outcome.MULTIPLE_ROWS)
    made.errors = (PersonError(2, "DATA_ERROR", "division by zero"),)
    request = PeopleRequest(communities.query(Role.PRELOAD), "profile_id", list("abcd"), {})
    header, batch, summary = await read(gateway.people(request))
    assert header.schema.names == ["plan_name"]
    assert isinstance(batch, PeopleRows)
    assert (batch.indexes, batch.rows.rows.to_pylist()) == ((1, 3), [{"plan_name": "a"}, {"plan_name": None}])
    assert summary == PeopleSummary(made.outcomes, made.errors, 2)


async def test_an_estimate_is_a_number(
    gateway: QueryGateway, fake: Any, script: Callable[..., Any], query: Query
) -> None:
    fake.scripts[Role.GENERATOR] = script([], **COLUMNS)
    assert await gateway.estimate(RowsRequest(query, {})) == 7


async def test_an_error_keeps_its_code_and_reason(
    gateway: QueryGateway, fake: Any, script: Callable[..., Any], query: Query
) -> None:
    made = fake.scripts[Role.GENERATOR] = script(ROWS, **COLUMNS)
    made.error = DirectFlowError(StatusCode.FAILED_PRECONDITION, "DATA_ERROR", "division by zero", sqlstate="22012")
    for asked in (read(gateway.rows(RowsRequest(query, {}))), gateway.estimate(RowsRequest(query, {}))):
        with pytest.raises(DirectFlowError) as refusal:
            await asked
        assert (refusal.value.code, refusal.value.reason) == (StatusCode.FAILED_PRECONDITION, "DATA_ERROR")


async def test_leaving_a_stream_ends_it_on_the_other_side(
    gateway: QueryGateway, fake: Any, script: Callable[..., Any], query: Query
) -> None:
    fake.scripts[Role.GENERATOR] = script(ROWS, **COLUMNS)
    fake.scripts[Role.GENERATOR].stalls_after = 2
    async with aclosing(gateway.rows(RowsRequest(query, {}))) as stream:
        await anext(stream)
    await closed(fake)


async def test_a_cancelled_reader_ends_the_stream_on_the_other_side(
    gateway: QueryGateway, fake: Any, script: Callable[..., Any], query: Query
) -> None:
    fake.scripts[Role.GENERATOR] = script(ROWS, **COLUMNS)
    fake.scripts[Role.GENERATOR].stalls_after = 2
    stream = gateway.rows(RowsRequest(query, {}))
    await anext(stream)
    await anext(stream)
    waiting = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await stream.aclose()
    await closed(fake)


# --- what the real one puts on the wire -------------------------------------------------------------------------------


async def test_a_statement_says_what_it_is_for_and_whose_it_is(
    grpc_gateway: GrpcQueryGateway, scripted_server: Any, fake: Any, script: Callable[..., Any]
) -> None:
    source = DataSource(
        "workspaces/w/dataSources/d",
        "workspaces/w/connections/c",
        "SELECT '<%= since %>', <%= plans %>",
        "SELECT id FROM x",
        variables=(Variable("since", Kind.DATE), Variable("plans", Kind.TEXT, is_list=True)),
        key_column="slug",
        revision=3,
    )
    fake.scripts[Role.GENERATOR] = fake.scripts[Role.DISCOVERY] = script([], **COLUMNS)
    values = {"since": "2024-02-29", "plans": ("a", None, 1, 2.5, True)}
    limits = Limits(max_rows=5, max_bytes=6, statement_timeout_s=1.5, max_age_s=7.0, truncate=True)
    await read(grpc_gateway.rows(RowsRequest(source.query(Role.GENERATOR), values, limits)))
    await read(grpc_gateway.rows(RowsRequest(source.query(Role.DISCOVERY), {})))
    generator, discovery = scripted_server[0].received
    statement = generator.statement
    assert (statement.connection, statement.template) == (source.connection, source.generator_sql)
    assert (statement.role, statement.definition, statement.revision) == (
        wire.STATEMENT_ROLE_GENERATOR,
        source.name,
        3,
    )
    assert [(v.name, v.kind, v.list) for v in statement.variables] == [
        ("since", sql_pb2.VARIABLE_KIND_DATE, False),
        ("plans", sql_pb2.VARIABLE_KIND_TEXT, True),
    ]
    told = statement.limits
    assert (told.max_rows, told.max_bytes, told.truncate) == (5, 6, True)
    assert (told.statement_timeout.ToMilliseconds(), told.max_age.ToMilliseconds()) == (1500, 7000)
    assert generator.values["since"].text == "2024-02-29"
    kinds = [element.WhichOneof("kind") for element in generator.values["plans"].list.values]
    assert kinds == ["text", "null", "integer", "number", "boolean"]
    assert generator.encoding == wire.ENCODING_ARROW
    assert (statement.key_column, discovery.statement.key_column) == ("", "slug")
    assert not discovery.statement.limits.HasField("statement_timeout")


async def test_people_travel_as_one_column(
    grpc_gateway: GrpcQueryGateway,
    scripted_server: Any,
    fake: Any,
    script: Callable[..., Any],
    communities: DataSource,
) -> None:
    fake.scripts[Role.PRELOAD] = script([], plan_name="text")
    fake.scripts[Role.PRELOAD].outcomes = (Outcome.NO_ROW,) * 3
    request = PeopleRequest(communities.query(Role.PRELOAD), "profile_id", ["a", "b", "a"], {"lang": "de"})
    await read(grpc_gateway.people(request))
    (received,) = scripted_server[0].received
    assert (received.tuples.row_count, list(received.tuples.names)) == (3, ["profile_id"])
    assert list(received.tuples.columns[0].texts) == ["a", "b", "a"]
    assert received.constants["lang"].text == "de"


async def test_a_gateway_that_is_away_is_unavailable_and_says_when_to_come_back(query: Query) -> None:
    async with telemetry(TelemetrySettings(), "segments") as traces:
        channel = open_channel(ChannelSettings(target="127.0.0.1:1", default_timeout_s=5), traces.tracer("segments"))
        with pytest.raises(DirectFlowError) as refusal:
            await read(GrpcQueryGateway(channel).rows(RowsRequest(query, {})))
        await channel.close()
    assert (refusal.value.code, refusal.value.reason) == (StatusCode.UNAVAILABLE, "GATEWAY_UNAVAILABLE")
    assert refusal.value.retry_after is not None


async def test_outcomes_for_other_people_than_asked_are_a_defect(
    grpc_gateway: GrpcQueryGateway, fake: Any, script: Callable[..., Any], communities: DataSource
) -> None:
    fake.scripts[Role.PRELOAD] = script([], plan_name="text")
    fake.scripts[Role.PRELOAD].outcomes = (Outcome.NO_ROW,)
    request = PeopleRequest(communities.query(Role.PRELOAD), "profile_id", ["a", "b"], {})
    with pytest.raises(ValueError, match="1 outcomes for 2 people"):
        await read(grpc_gateway.people(request))
