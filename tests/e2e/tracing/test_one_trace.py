"""One id leads from the caller to PostgreSQL's own view of the statement; no value and no personal data on the way."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from directflow.conditions.v1 import evaluation_service_pb2 as conditions_wire
from directflow.conditions.v1 import evaluation_service_pb2_grpc as conditions_stubs
from directflow.gateway.v1 import query_service_pb2_grpc as gateway_stubs
from directflow.segments.v1 import audience_service_pb2 as segments_wire
from directflow.segments.v1 import audience_service_pb2_grpc as segments_stubs
from directflow_gateway.config import GatewaySettings
from directflow_runtime.errors import StatusCode
from directflow_runtime.settings import load

from .caller import Caller, path_to_root, read

CANARY_VALUE = "canary-value-7f3a91"
CANARY_MAIL = "canary.mail.5be1"
CANARY_LITERAL = "canary-literal-c0ffee"


async def test_the_callers_trace_goes_through_both_services_down_to_the_statement(
    platform: Any, caller: Caller
) -> None:
    stub = segments_stubs.AudienceServiceStub(caller.channels["segments"])
    request = platform.audience_request("communities", "7")

    trace_id, messages = await caller.traced(lambda: read(stub.StreamAudience(request, timeout=30)))

    assert messages[-1].HasField("summary")
    spans = await caller.spans(trace_id, "caller", "directflow-segments", "directflow-gateway")
    # The segment's own row is looked up first, by a statement of its own.
    statements = {
        span.attributes["directflow.statement.role"]: span for span in spans if span.name.startswith("stream ")
    }
    assert statements.keys() == {"discovery", "generator"}
    statement = statements["generator"]
    assert statement.attributes["db.system.name"] == "postgresql"
    assert [span.service for span in path_to_root(spans, statement)] == [
        "directflow-gateway",  # the statement
        "directflow-gateway",  # the call as it came in
        "directflow-segments",  # the call to the gateway
        "directflow-segments",  # the call as it came in
        "caller",  # the call to segments
        "caller",  # what the caller was doing
    ]
    assert not [span for span in spans if span.failed]


async def test_the_trace_id_is_in_the_application_name_while_the_statement_runs(platform: Any, caller: Caller) -> None:
    stub = gateway_stubs.QueryServiceStub(caller.channels["gateway"])
    slow = "SELECT count(*) AS n FROM users a, users b, users c WHERE a.email < b.email AND b.email < c.email"
    call = stub.StreamQuery(platform.stream_request(slow), timeout=20)

    async def reading() -> Any:
        return await read(call)

    task = asyncio.create_task(caller.traced(reading))
    names = await platform.until(lambda: [row[0] for row in platform.busy() if "count(*)" in row[2]])
    call.cancel()
    await asyncio.wait({task})

    (name,) = names
    _, trace_id, *_ = name.split("/")
    assert [span for span in await caller.at.until(lambda: platform.spans.trace(trace_id)) if span.trace_id == trace_id]
    await platform.until(
        lambda: [line for line in platform.log_lines("gateway") if line.get("trace_id") == trace_id], why="no log line"
    )


async def test_an_error_of_the_second_hop_names_the_trace_and_both_services_log_its_reason(
    platform: Any, caller: Caller
) -> None:
    stub = segments_stubs.AudienceServiceStub(caller.channels["segments"])
    request = platform.audience_request("communities", variables={"community_id": CANARY_VALUE})

    trace_id, error = await caller.traced(lambda: read(stub.StreamAudience(request, timeout=30)))

    assert (error.code, error.reason) == (StatusCode.INVALID_ARGUMENT, "VARIABLE_REJECTED")
    assert error.metadata["gateway_domain"] == "gateway.directflow"
    assert error.request_id == trace_id
    spans = await caller.spans(trace_id, "caller", "directflow-segments", "directflow-gateway")
    (statement,) = [span for span in spans if span.name.startswith("stream ")]
    assert statement.failed
    assert statement.attributes["error.type"] == "VARIABLE_REJECTED"
    for service in ("segments", "gateway"):
        (line,) = await platform.until(
            lambda service=service: [one for one in platform.log_lines(service) if one.get("trace_id") == trace_id]
        )
        assert line["reason"] == "VARIABLE_REJECTED"


async def test_a_call_of_two_hops_is_one_log_line_in_each_service_with_the_same_id(
    platform: Any, caller: Caller
) -> None:
    stub = segments_stubs.AudienceServiceStub(caller.channels["segments"])
    request = platform.audience_request("with_preferences")

    trace_id, _ = await caller.traced(lambda: read(stub.StreamAudience(request, timeout=30)))

    for service in ("segments", "gateway"):
        lines = await platform.until(
            lambda service=service: [one for one in platform.log_lines(service) if one.get("trace_id") == trace_id]
        )
        assert [line["code"] for line in lines] == ["OK"]
        assert lines[0]["rows"] > 0


async def test_no_value_no_address_and_no_password_is_in_any_span_log_line_or_error(
    platform: Any, caller: Caller
) -> None:
    """A value that works, one that is refused, one that PostgreSQL complains of, and what a customer's rows hold."""
    platform.server.psql(
        f"UPDATE users SET email = '{CANARY_MAIL}' || id || '@example.com', first_name = '{CANARY_MAIL}'"
        " WHERE id IN (7, 11); CREATE TABLE IF NOT EXISTS canaries AS SELECT 'x{0}'::text AS broken;"
        " GRANT SELECT ON canaries TO PUBLIC".replace("{0}", CANARY_MAIL),
        database=platform.database,
    )
    gateway = gateway_stubs.QueryServiceStub(caller.channels["gateway"])
    segments = segments_stubs.AudienceServiceStub(caller.channels["segments"])
    conditions = conditions_stubs.EvaluationServiceStub(caller.channels["conditions"])
    errors, traces = [], []

    async def run(work: Callable[[], Any]) -> Any:
        trace_id, outcome = await caller.traced(work)
        traces.append(trace_id)
        if isinstance(outcome, Exception):
            errors.append(outcome)
        return outcome

    def query(sql: str, **values: Any) -> Callable[[], Any]:
        return lambda: read(gateway.StreamQuery(platform.stream_request(sql, values=values), timeout=20))

    everybody = await run(lambda: read(segments.StreamAudience(platform.audience_request("members", "1"), timeout=30)))
    assert CANARY_MAIL.encode() in b"".join(message.SerializeToString() for message in everybody)
    await run(query("SELECT id FROM users WHERE first_name = '<%= name %>'", name=CANARY_VALUE))
    await run(query("SELECT id FROM users WHERE id = '<%= id %>'", id=CANARY_VALUE))
    await run(query("SELECT id FROM users WHERE id = <%= id %>", id=CANARY_VALUE))
    await run(query("SELECT id FROM users WHERE created_at > now() - interval '<%= n %> days'", n=CANARY_VALUE))
    await run(query("SELECT broken::int AS n FROM canaries"))
    await run(query("SELECT broken::int AS n FROM canaries WHERE broken <> '<%= v %>'", v=CANARY_VALUE))
    await run(query(f"SELECT '{CANARY_LITERAL}' AS said"))
    await run(query(f"SELECT '{CANARY_LITERAL}'::int AS n"))
    await run(query(f"SELECT nowhere, '{CANARY_LITERAL}' AS said FROM users"))
    person = segments_wire.GetPersonalizationRequest(
        data_source="workspaces/demo/dataSources/communities", profile_id=CANARY_VALUE
    )
    answered = await run(lambda: unary(segments.GetPersonalization(person, timeout=20)))
    condition = conditions_wire.EvaluateConditionRequest(
        condition="workspaces/demo/conditions/is_premium", profile_id=CANARY_VALUE
    )
    decided = await run(lambda: unary(conditions.EvaluateCondition(condition, timeout=20)))
    unknown = platform.audience_request("members", "7", variables={"joined_after": CANARY_VALUE})
    await run(lambda: read(segments.StreamAudience(unknown, timeout=20)))

    assert len(errors) >= 6, "too few errors to show anything"
    for trace_id in traces:
        await caller.spans(trace_id, "caller")
    told = [text_of(error) for error in errors] + [str(getattr(one, "error", "")) for one in (answered,)]
    told += [str(decided)] + [platform.log(service) for service in platform.services]
    told += [
        json.dumps(span.attributes) + span.message + span.name for one in traces for span in platform.spans.trace(one)
    ]
    secrets = (CANARY_VALUE, CANARY_MAIL, CANARY_LITERAL, platform.password)
    assert [(secret, text) for secret in secrets for text in told if secret in text] == []


def test_no_password_is_in_the_settings_or_their_repr(platform: Any) -> None:
    settings = load(GatewaySettings, platform.services["gateway"].plan.config, "DIRECTFLOW_GATEWAY__", {})
    shown = (repr(settings), str(settings), platform.services["gateway"].plan.config.read_text(), repr(platform))
    assert [text for text in shown if platform.password in text] == []


async def unary(call: Any) -> Any:
    return await call


def text_of(error: Any) -> str:
    """All of an error. The author's own literal may be in the token of a problem: authors see what they wrote."""
    problems = [(one.rule, one.message, one.field, one.hint) for one in error.problems]
    return repr((str(error), error.metadata, error.violations, problems, error.sqlstate))
