"""A caller's W3C baggage: a label on every hop where the settings name its key; nothing else of it is kept."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from directflow.conditions.v1 import evaluation_service_pb2 as conditions_wire
from directflow.conditions.v1 import evaluation_service_pb2_grpc as conditions_stubs
from directflow.segments.v1 import audience_service_pb2_grpc as segments_stubs
from directflow_cli.dev.postgres import PostgresServer
from directflow_cli.traces.spans import Span

from .caller import Caller, calling, read

BAGGAGE = (("baggage", "flow=win%20back,email=jane%40example.com"),)
LABEL = {"directflow.baggage.flow": "win back"}
SEGMENTS = """
[[data_sources]]
name = "workspaces/demo/dataSources/ten"
connection = "workspaces/demo/connections/customer"
generator_sql = "SELECT a::text AS profile_id, a || '@example.com' AS email FROM generate_series(1, 10) AS a"
"""
CONDITION = "workspaces/demo/conditions/even"
CONDITIONS = f"""
[[conditions]]
name = "{CONDITION}"
connection = "workspaces/demo/connections/customer"
sql = "SELECT <%= profile_id %>::int % 2 = 0 AS result"
"""


def naming_the_key(settings: str) -> str:
    return settings.replace("[telemetry]\n", '[telemetry]\nbaggage = ["flow"]\n')


@pytest.fixture(scope="module")
def naming(postgres: PostgresServer, serve: Any) -> Iterator[Any]:
    """Services whose settings name one key."""
    definitions = {"segments": SEGMENTS, "conditions": CONDITIONS}
    with serve(postgres, postgres.create_database(), **definitions, amend=naming_the_key) as at:
        yield at


@pytest.fixture
async def labelled(naming: Any) -> AsyncIterator[Caller]:
    """Calls those."""
    async with calling(naming) as one:
        yield one


async def told(caller: Caller, work: Any, *services: str) -> dict[str, dict[str, Any]]:
    """By service: what its server span has of the baggage. No span has anything of what the settings do not name."""
    trace_id, outcome = await caller.traced(work)
    assert not isinstance(outcome, Exception), outcome
    spans = await caller.spans(trace_id, *services)
    assert "jane" not in str([span.attributes for span in spans])
    return {span.service: labels_of(span) for span in spans if span.kind == "SERVER"}


def labels_of(span: Span) -> dict[str, Any]:
    return {name: value for name, value in span.attributes.items() if "baggage" in name}


async def test_an_audience_has_its_callers_label_in_both_services(labelled: Caller) -> None:
    stub = segments_stubs.AudienceServiceStub(labelled.channels["segments"])
    request = labelled.at.audience_request("ten")

    found = await told(
        labelled,
        lambda: read(stub.StreamAudience(request, timeout=30, metadata=BAGGAGE)),
        "directflow-segments",
        "directflow-gateway",
    )

    assert found == {"directflow-segments": LABEL, "directflow-gateway": LABEL}


async def test_a_batch_has_its_callers_label_in_both_services(labelled: Caller) -> None:
    stub = conditions_stubs.EvaluationServiceStub(labelled.channels["conditions"])
    profiles = conditions_wire.ProfileColumns(profile_ids=["1", "2", "3"])
    request = conditions_wire.BatchEvaluateConditionsRequest(condition=CONDITION, profiles=profiles)

    found = await told(
        labelled,
        lambda: stub.BatchEvaluateConditions(request, timeout=30, metadata=BAGGAGE),
        "directflow-conditions",
        "directflow-gateway",
    )

    assert found == {"directflow-conditions": LABEL, "directflow-gateway": LABEL}


async def test_a_single_evaluation_that_is_alone_has_its_callers_label_in_both_services(labelled: Caller) -> None:
    found = await told(labelled, lambda: evaluated(labelled), "directflow-conditions", "directflow-gateway")

    assert found == {"directflow-conditions": LABEL, "directflow-gateway": LABEL}


async def test_a_statement_that_several_share_has_nobodys_label(labelled: Caller) -> None:
    async def together() -> None:
        await asyncio.gather(*(evaluated(labelled) for _ in range(40)))

    trace_id, outcome = await labelled.traced(together)
    assert outcome is None
    spans = await labelled.spans(trace_id, "directflow-conditions")
    shared = {linked for span in spans for linked, _ in span.links if linked != trace_id}
    assert shared
    for one in shared:
        await labelled.at.until(lambda one=one: server_labels(labelled, one, "directflow-gateway"))
        assert server_labels(labelled, one, "directflow-gateway") == [{}]


async def evaluated(caller: Caller) -> Any:
    stub = conditions_stubs.EvaluationServiceStub(caller.channels["conditions"])
    request = conditions_wire.EvaluateConditionRequest(condition=CONDITION, profile_id="2")
    return await stub.EvaluateCondition(request, timeout=30, metadata=BAGGAGE)


def server_labels(caller: Caller, trace_id: str, service: str) -> list[dict[str, Any]]:
    spans = caller.at.spans.trace(trace_id)
    return [labels_of(span) for span in spans if span.kind == "SERVER" and span.service == service]
