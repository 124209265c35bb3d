"""Five traces as an SRE opens them: complete, parented, with the right status on every hop, and the wait that mattered.

Every assertion is on spans that real processes exported over OTLP.
"""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest
from directflow.conditions.v1 import evaluation_service_pb2 as conditions_wire
from directflow.conditions.v1 import evaluation_service_pb2_grpc as conditions_stubs
from directflow.segments.v1 import audience_service_pb2_grpc as segments_stubs
from directflow_cli.traces.spans import Span
from directflow_runtime.errors import StatusCode

from .caller import Caller, named, only, outcomes, path_to_root, read

ALL = ("caller", "directflow-segments", "directflow-gateway")
STREAM = "/StreamAudience"
QUERY = "/StreamQuery"
TOGETHER = "evaluate together"
CLOCKS_NS = 5_000_000
"""By which the start of a span that is told afterwards may be off."""


def assert_is_sound(spans: Sequence[Span]) -> None:
    """No span begins before its parent or ends before it begins, each names its process, and calls have a status."""
    by_id = {span.span_id: span for span in spans}
    for span in spans:
        assert span.end_ns >= span.start_ns
        assert not span.parent_id or span.start_ns >= by_id[span.parent_id].start_ns - CLOCKS_NS, span
        if span.service.startswith("directflow-"):
            assert span.resource["service.instance.id"]
            assert span.resource["service.version"]
        if "rpc.method" in span.attributes:
            assert "rpc.response.status_code" in span.attributes, span


# --- an audience ---------------------------------------------------------------------------------------------------


async def test_an_audience_says_which_hop_which_database_which_definition_how_much_and_where_the_time_went(
    platform: Any, caller: Caller
) -> None:
    stub = segments_stubs.AudienceServiceStub(caller.channels["segments"])
    request = platform.audience_request("communities", "7")
    trace_id, messages = await caller.traced(lambda: read(stub.StreamAudience(request, timeout=30)))
    spans = await caller.spans(trace_id, *ALL)

    assert_is_sound(spans)
    assert not [span for span in spans if span.failed]
    assert outcomes(spans, STREAM) == {("caller", "CLIENT"): ("OK", None), ("segments", "SERVER"): ("OK", None)}
    assert set(outcomes(spans, QUERY).values()) == {("OK", None)}
    roles = {span.attributes["directflow.statement.role"]: span for span in named(spans, "stream")}
    statement = roles["generator"]
    told = statement.attributes
    assert told["db.namespace"] == platform.database
    assert told["directflow.definition"] == "workspaces/demo/dataSources/communities"
    assert told["directflow.connection"] == "workspaces/demo/connections/customer"
    delivered = sum(message.batch.row_count for message in messages if message.HasField("batch"))
    assert told["db.response.returned_rows"] >= delivered > 0  # people without a contact are left out on the way
    for time in ("plan_ms", "first_row_ms", "server_ms", "reader_ms"):
        assert told[f"directflow.time.{time}"] >= 0
    for server in (only(spans, STREAM, "segments", "SERVER"), path_to_root(spans, statement)[1]):
        assert server.attributes["directflow.rows"] > 0
        assert server.attributes["directflow.bytes"] > 0
        assert server.attributes["directflow.time.reader_ms"] >= 0


async def test_the_first_call_of_a_definition_shows_its_compilation_and_description_and_the_next_one_has_none(
    endless_caller: Caller,
) -> None:
    """A gap without a span would be a riddle."""
    stub = segments_stubs.AudienceServiceStub(endless_caller.channels["segments"])
    kinds = []
    for _ in range(2):
        trace_id, _ = await endless_caller.traced(lambda: some_of(stub, endless_caller.at, "fresh"))
        spans = await endless_caller.spans(trace_id, *ALL)
        assert_is_sound(spans)
        server = only(spans, QUERY, "gateway", "SERVER")
        own = [span for span in spans if span.parent_id == server.span_id]
        kinds.append({span.name for span in own if span.name in ("compile", "describe fresh")})
    assert kinds == [{"compile", "describe fresh"}, set()]


async def some_of(stub: Any, at: Any, audience: str = "endless") -> None:
    """The first messages of an audience without an end; then the caller leaves."""
    call = stub.StreamAudience(at.audience_request(audience), timeout=60)
    for _ in range(4):
        await call.read()
    call.cancel()


# --- endings --------------------------------------------------------------------------------------------------------


async def test_a_cancelled_stream_is_cancelled_on_every_hop_and_tells_how_far_it_came(endless_caller: Caller) -> None:
    stub = segments_stubs.AudienceServiceStub(endless_caller.channels["segments"])
    trace_id, _ = await endless_caller.traced(lambda: some_of(stub, endless_caller.at))
    spans = await endless_caller.spans(trace_id, *ALL)

    assert_is_sound(spans)
    cancelled = ("CANCELLED", "CANCELLED")
    assert outcomes(spans, STREAM) == {("caller", "CLIENT"): cancelled, ("segments", "SERVER"): cancelled}
    assert outcomes(spans, QUERY) == {("segments", "CLIENT"): cancelled, ("gateway", "SERVER"): cancelled}
    statement = only(spans, "stream endless")
    assert statement.failed
    assert statement.attributes["error.type"] == "CANCELLED"
    assert statement.attributes["db.response.returned_rows"] > 0
    for server in (only(spans, STREAM, "segments", "SERVER"), only(spans, QUERY, "gateway", "SERVER")):
        assert not server.failed  # the caller's doing: no alert for it
        assert server.attributes["directflow.rows"] > 0


async def test_a_deadline_is_a_deadline_on_every_hop_and_the_span_says_who_was_waited_for(
    endless_caller: Caller,
) -> None:
    stub = segments_stubs.AudienceServiceStub(endless_caller.channels["segments"])
    await endless_caller.traced(lambda: some_of(stub, endless_caller.at))  # what is described takes no time of it
    request = endless_caller.at.audience_request("endless")
    trace_id, error = await endless_caller.traced(lambda: read(stub.StreamAudience(request, timeout=1.5)))
    assert error.code is StatusCode.DEADLINE_EXCEEDED  # by its own timer, or by the answer of segments
    spans = await endless_caller.spans(trace_id, *ALL)

    assert_is_sound(spans)
    codes = {key: code for method in (STREAM, QUERY) for key, (code, _) in outcomes(spans, method).items()}
    assert codes[("caller", "CLIENT")] == codes[("segments", "SERVER")] == codes[("gateway", "SERVER")]
    assert codes[("caller", "CLIENT")] == "DEADLINE_EXCEEDED"
    servers = [only(spans, STREAM, "segments", "SERVER"), only(spans, QUERY, "gateway", "SERVER")]
    assert all(span.failed for span in servers)
    assert all(span.attributes["directflow.rows"] > 0 for span in servers)
    statement = only(spans, "stream endless")
    assert statement.attributes["error.type"] == "DEADLINE_EXCEEDED"
    assert statement.attributes["directflow.time.server_ms"] + statement.attributes["directflow.time.reader_ms"] > 0


async def test_a_caller_who_reads_slowly_shows_as_the_reader_on_both_hops(endless_caller: Caller) -> None:
    """Not as a slow database: that is the question at night."""
    stub = segments_stubs.AudienceServiceStub(endless_caller.channels["segments"])

    async def slowly() -> None:
        call = stub.StreamAudience(endless_caller.at.audience_request("endless"), timeout=60)
        await call.read()
        await asyncio.sleep(3)  # the first of it goes into buffers on the way, which takes a busy machine its time
        call.cancel()

    trace_id, _ = await endless_caller.traced(slowly)
    spans = await endless_caller.spans(trace_id, *ALL)
    for span in (only(spans, STREAM, "segments", "SERVER"), only(spans, "stream endless")):
        assert span.attributes["directflow.time.reader_ms"] > 500, span
    statement = only(spans, "stream endless").attributes
    assert statement["directflow.time.reader_ms"] > statement["directflow.time.server_ms"]


async def test_a_failed_login_is_told_where_it_failed_and_on_every_hop_above_it(locked_out: Caller) -> None:
    stub = segments_stubs.AudienceServiceStub(locked_out.channels["segments"])
    request = locked_out.at.audience_request("endless")
    trace_id, error = await locked_out.traced(lambda: read(stub.StreamAudience(request, timeout=30)))
    spans = await locked_out.spans(trace_id, *ALL)

    assert_is_sound(spans)
    login = only(spans, "connect")
    path = path_to_root(spans, login)
    assert [(span.service.removeprefix("directflow-"), span.name.rpartition("/")[2]) for span in path] == [
        ("gateway", "connect"),
        ("gateway", "pool acquire"),
        ("gateway", "StreamQuery"),
        ("segments", "StreamQuery"),
        ("segments", "StreamAudience"),
        ("caller", "StreamAudience"),
        ("caller", "flow step"),
    ]
    assert [span.attributes["error.type"] for span in path[:4]] == ["CREDENTIALS_REJECTED"] * 4
    assert all(span.failed for span in path[:2])
    assert not named(spans, "stream")  # no statement has run
    for span in path[4:6]:
        assert span.attributes["rpc.response.status_code"] == error.code.name
        assert span.attributes["error.type"] == error.reason
    assert "canary-not-the-password" not in json.dumps([[span.attributes, span.message] for span in spans])


# --- an evaluation that shared its statement -----------------------------------------------------------------------


@pytest.fixture
def evaluations(caller: Caller) -> Any:
    return conditions_stubs.EvaluationServiceStub(caller.channels["conditions"])


async def test_an_evaluation_that_shared_its_statement_links_to_it_and_the_statement_links_to_each_caller(
    platform: Any, caller: Caller, evaluations: Any
) -> None:
    async def evaluate(person: int) -> Any:
        request = conditions_wire.EvaluateConditionRequest(
            condition="workspaces/demo/conditions/is_premium", profile_id=str(person)
        )
        return await evaluations.EvaluateCondition(request, timeout=30)

    answers = await asyncio.gather(*(caller.traced(lambda one=one: evaluate(one)) for one in range(1, 33)))
    traces = [await caller.spans(trace_id, "caller", "directflow-conditions") for trace_id, _ in answers]
    servers = [only(spans, "/EvaluateCondition", "conditions", "SERVER") for spans in traces]
    shared = [server for server in servers if server.links]
    assert shared, "none of 32 calls at once shared a statement"
    ((batch_trace, batch_id),) = shared[0].links

    def batch() -> list[Span]:
        found: list[Span] = platform.spans.trace(batch_trace)
        return found if {span.service for span in found} >= {"directflow-conditions", "directflow-gateway"} else []

    spans = await platform.until(batch, why="the shared statement's trace")
    await platform.until(lambda: any(not span.parent_id for span in platform.spans.trace(batch_trace)))
    spans = platform.spans.trace(batch_trace)
    assert_is_sound(spans)
    assert not [span for span in spans if span.failed]
    together = only(spans, TOGETHER)
    assert (together.span_id, together.parent_id) == (batch_id, "")
    of_this = [server for server in shared if server.links == shared[0].links]
    assert set(together.links) == {(server.trace_id, server.span_id) for server in of_this}
    assert together.attributes["directflow.batch.callers"] == len(of_this) > 1
    assert all(server.attributes["directflow.lane.wait_ms"] > 0 for server in of_this)
    statement = only(spans, "evaluate is_premium")
    path = path_to_root(spans, statement)
    assert [(span.service.removeprefix("directflow-"), span.kind) for span in path] == [
        ("gateway", "CLIENT"),  # the statement
        ("gateway", "SERVER"),
        ("conditions", "CLIENT"),
        ("conditions", "INTERNAL"),  # evaluate together
    ]
    for server in servers:
        assert server.attributes["rpc.response.status_code"] == "OK"
