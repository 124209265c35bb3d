"""A gateway that trusts no text: what is saved runs, also for a service that may not define, and nothing else does."""

from typing import Any

import pytest
from directflow_runtime.errors import StatusCode

NO_DEFINER = {
    "allow_development": True,
    "callers": [{"name": "development", "services": [""], "workspaces": ["*"], "may_define": False}],
}
"""What the gateway grants to segments: it runs what was saved, and describes what may be."""


@pytest.fixture
async def distrustful(start_gateway: Any, shared_database: Any) -> int:
    port: int = await start_gateway(shared_database, identity=NO_DEFINER)
    return port


async def test_a_saved_data_source_streams_at_once(start_segments: Any, distrustful: int) -> None:
    segments = await start_segments(distrustful)
    since = {"variable": {"name": "community_id", "kind": "VARIABLE_KIND_INTEGER"}}
    saved = await segments.create("communities", variables=[since])
    assert await segments.people("communities") > 0
    saved.generator_sql += "\nAND u.id > 0"
    await segments.update(saved)
    assert await segments.people("communities") > 0


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


async def test_checking_a_definition_runs_nothing_and_is_open_to_its_owner(
    start_segments: Any, distrustful: int
) -> None:
    checked = await (await start_segments(distrustful)).create("communities", validate_only=True)
    assert len(checked.validation_report.queries) == 3
