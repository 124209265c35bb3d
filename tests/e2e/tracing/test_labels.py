"""A caller's W3C baggage: a label on every hop where the settings name its key; nothing else of it is kept."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from directflow.conditions.v1 import evaluation_service_pb2 as conditions_wire
from directflow.conditions.v1 import evaluation_service_pb2_grpc as conditions_stubs
from directflow.segments.v1 import audience_service_pb2_grpc as segments_stubs
from directflow_cli.dev.postgres import PostgresServer

from .caller import Caller, calling, read

BAGGAGE = (("baggage", "flow=win%20back,email=jane%40example.com"),)
LABEL = {"directflow.baggage.flow": "win back"}
SEGMENTS = """
[[data_sources]]
name = "workspaces/demo/dataSources/ten"
connection = "workspaces/demo/connections/customer"
generator_sql = "SELECT a::text AS profile_id FROM generate_series(1, 10) AS a"
"""
CONDITION = "workspaces/demo/conditions/even"
CONDITIONS = f"""
[[conditions]]
name = "{CONDITION}"
connection = "workspaces/demo/connections/customer"
sql = "SELECT <%= profile_id %>::int % 2 = 0"
"""


@pytest.fixture
async def labelled(postgres: PostgresServer, serve: Any, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Caller]:
    """Calls services whose settings name one key."""
    for service in ("GATEWAY", "SEGMENTS", "CONDITIONS"):
        monkeypatch.setenv(f"DIRECTFLOW_{service}__TELEMETRY__BAGGAGE", '["flow"]')
    with serve(postgres, postgres.create_database(), segments=SEGMENTS, conditions=CONDITIONS) as at:
        async with calling(at) as one:
            yield one


async def told(caller: Caller, work: Any, *services: str) -> dict[str, dict[str, Any]]:
    """By service: what its server span has of the baggage. No span has anything of what the settings do not name."""
    trace_id, outcome = await caller.traced(work)
    assert not isinstance(outcome, Exception), outcome
    spans = await caller.spans(trace_id, *services)
    assert "jane" not in str([span.attributes for span in spans])
    return {
        span.service: {name: value for name, value in span.attributes.items() if "baggage" in name}
        for span in spans
        if span.kind == "SERVER"
    }


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


async def test_a_single_evaluation_has_it_where_it_is_still_its_own(labelled: Caller) -> None:
    """The statement may be shared with callers who have other labels."""
    stub = conditions_stubs.EvaluationServiceStub(labelled.channels["conditions"])
    request = conditions_wire.EvaluateConditionRequest(condition=CONDITION, profile_id="2")

    found = await told(
        labelled, lambda: stub.EvaluateCondition(request, timeout=30, metadata=BAGGAGE), "directflow-conditions"
    )

    assert found == {"directflow-conditions": LABEL}
