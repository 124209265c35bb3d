"""A gateway that trusts no text: what is saved runs, also for a service that may not define, and nothing else does."""

from typing import Any

import pytest
from directflow.segments.v1 import audience_service_pb2 as pb
from directflow_gateway.definitions.provenance import digest_of
from directflow_gateway.queries.wire import statement_of
from directflow_runtime.errors import StatusCode
from directflow_segments.data_sources import DataSource, Kind, Role, Variable
from directflow_segments.definitions.kind import digest
from directflow_segments.gateway import statement_message
from directflow_segments.queries import Limits

CALL_S = 20.0
NO_DEFINER = {
    "allow_development": True,
    "callers": [{"name": "development", "services": [""], "workspaces": ["*"], "may_define": False}],
}
"""What a gateway grants to segments."""
OWNERS = {"owners": {"dataSources": "development", "conditions": "conditions"}}
"""Whoever keeps a collection may describe what is to be saved there; here it is nobody with a certificate."""


@pytest.fixture
async def distrustful(start_gateway: Any, shared_database: Any) -> int:
    port: int = await start_gateway(shared_database, identity=NO_DEFINER, definitions=OWNERS)
    return port


async def test_a_saved_data_source_streams_at_once(start_segments: Any, distrustful: int) -> None:
    segments = await start_segments(distrustful)
    since = {"variable": {"name": "community_id", "kind": "VARIABLE_KIND_INTEGER"}}
    saved = await segments.create("communities", variables=[since])
    assert await segments.people("communities") > 0
    saved.generator_sql += "\nAND u.id > 0"
    await segments.update(saved)
    assert await segments.people("communities") > 0


async def test_each_of_its_queries_runs(start_segments: Any, distrustful: int) -> None:
    segments = await start_segments(distrustful)
    name = (await segments.create("communities")).name
    page = await segments.audiences.ListSegments(pb.ListSegmentsRequest(data_source=name), timeout=CALL_S)
    assert len(page.segments) == 3
    target = pb.Target(data_source=name, segment_key=page.segments[0].key)
    counted = await segments.audiences.CountAudience(pb.CountAudienceRequest(target=target), timeout=CALL_S)
    assert counted.people > 0
    request = pb.GetPersonalizationRequest(data_source=name, profile_id="1")
    assert (await segments.audiences.GetPersonalization(request, timeout=CALL_S)).row.values[0].text == "plan"


async def test_a_statement_that_nobody_saved_is_refused(start_segments: Any, distrustful: int) -> None:
    segments = await start_segments(distrustful)
    documented = segments.definition()
    fixed = {
        "name": segments.name("fixed"),
        "connection": documented.connection,
        "generator_sql": documented.generator_sql,
    }
    replica = await start_segments(distrustful, data_sources=[fixed])
    error = await segments.refused(replica.people("fixed"))
    assert (error.code, error.reason) == (StatusCode.FAILED_PRECONDITION, "GATEWAY_REFUSED")
    assert error.metadata["gateway_reason"] == "STATEMENT_UNKNOWN"

    await segments.create("saved")
    assert await replica.people("fixed") > 0  # the same statement: now somebody has saved it


@pytest.mark.parametrize("role", Role)
def test_a_digest_is_the_same_on_both_sides(role: Role) -> None:
    variables = (Variable("days", Kind.INTEGER), Variable("plans", is_list=True), Variable("unused", Kind.UUID))
    sql = "SELECT <%= days %>, '<%= name %>' = ANY(<%= plans %>) -- <%= unused %>"
    source = DataSource("workspaces/w/dataSources/d", "workspaces/w/connections/c", sql, sql, sql, variables=variables)
    query = source.query(role)
    assert digest(query) == digest_of(statement_of(statement_message(query, Limits(max_rows=7))))


async def test_checking_a_definition_runs_nothing_and_is_open_to_its_owner(
    start_segments: Any, distrustful: int
) -> None:
    checked = await (await start_segments(distrustful)).create("communities", validate_only=True)
    assert len(checked.validation_report.queries) == 3
