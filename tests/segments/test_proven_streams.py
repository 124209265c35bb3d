"""A stream without its proof is never complete, on either of the gateway's streams."""

from collections.abc import Callable
from contextlib import aclosing
from typing import Any

import pytest
from directflow_runtime.errors import DirectFlowError, StatusCode
from directflow_segments.data_sources import DataSource, Role
from directflow_segments.proven import proven
from directflow_segments.queries import Header, Outcome, PeopleRequest, Rows, RowsRequest, Summary

ROWS = [{"profile_id": n, "email": f"p{n}@example.com"} for n in range(8)]
FLAWS = ["no header", "two headers", "no summary", "wrong count", "lost batch", "rows after the summary"]


async def read(messages: Any) -> list[Any]:
    async with aclosing(proven(messages)) as proof:
        return [message async for message in proof]


async def test_a_sound_stream_passes_as_it_is(fake: Any, script: Callable[..., Any], communities: DataSource) -> None:
    fake.scripts[Role.GENERATOR] = script(ROWS, profile_id="bigint", email="text")
    told = await read(fake.rows(RowsRequest(communities.query(Role.GENERATOR), {})))
    assert [type(message) for message in told] == [Header, Rows, Rows, Rows, Summary]


async def test_no_rows_are_complete_as_well(fake: Any, script: Callable[..., Any], communities: DataSource) -> None:
    fake.scripts[Role.GENERATOR] = script([], profile_id="bigint", email="text")
    told = await read(fake.rows(RowsRequest(communities.query(Role.GENERATOR), {})))
    assert [type(message) for message in told] == [Header, Summary]


@pytest.mark.parametrize("flaw", FLAWS)
async def test_rows_without_proof_are_incomplete(
    flaw: str, fake: Any, script: Callable[..., Any], communities: DataSource
) -> None:
    fake.scripts[Role.GENERATOR] = script(ROWS, profile_id="bigint", email="text")
    fake.scripts[Role.GENERATOR].flaw = flaw
    with pytest.raises(DirectFlowError) as refusal:
        await read(fake.rows(RowsRequest(communities.query(Role.GENERATOR), {})))
    assert (refusal.value.code, refusal.value.reason) == (StatusCode.UNAVAILABLE, "STREAM_INCOMPLETE")
    assert refusal.value.retry_after is not None
    assert fake.closed == 1


@pytest.mark.parametrize("flaw", FLAWS)
async def test_peoples_rows_without_proof_are_incomplete(
    flaw: str, fake: Any, script: Callable[..., Any], communities: DataSource
) -> None:
    made = fake.scripts[Role.PRELOAD] = script([{"plan_name": "x"}] * 4, plan_name="text")
    made.outcomes, made.flaw = (Outcome.ROW,) * 4, flaw
    with pytest.raises(DirectFlowError) as refusal:
        await read(fake.people(PeopleRequest(communities.query(Role.PRELOAD), "profile_id", list("abcd"), {})))
    assert refusal.value.reason == "STREAM_INCOMPLETE"
