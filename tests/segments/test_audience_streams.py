"""Audiences through the port: streams, previews and counts, with their ledger, from a gateway that may let go."""

import asyncio
import itertools
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
from directflow_runtime.errors import DirectFlowError, StatusCode
from directflow_segments import known_columns
from directflow_segments.audience import seen
from directflow_segments.audience.reachability import ContactRules
from directflow_segments.audience.scratch import Scratch
from directflow_segments.audience_run import People
from directflow_segments.audiences import AudienceHeader, AudienceRequest, Audiences, AudienceSummary
from directflow_segments.data_sources import DataSource, Role
from directflow_segments.queries import Limits
from directflow_segments.targets import Target

COLUMNS = {"profile_id": "bigint", "email": "text", "phone": "text", "first_name": "text"}


def person(number: int | None, email: str | None = None, **cells: Any) -> dict[str, Any]:
    return {"profile_id": number, "email": email, "phone": None, "first_name": f"P{number}", **cells}


GOOD = [person(n, f"p{n}@example.com") for n in range(9)]
MIXED = [
    GOOD[0],
    person(None, "x@example.com"),
    GOOD[1],
    GOOD[0],
    person(2, None),
    person(3, "bad", phone="+49 170 1234567"),
    person(2, "p2@example.com"),
    person(4, "bad"),
    GOOD[5],
]


@pytest.fixture
def generator(fake: Any, script: Callable[..., Any]) -> Any:
    fake.scripts[Role.DISCOVERY] = script([{"id": 7, "community_name": "Berlin"}], id="bigint", community_name="text")
    fake.scripts[Role.GENERATOR] = script(list(MIXED), **COLUMNS)
    return fake.scripts[Role.GENERATOR]


@pytest.fixture
def audiences(fake: Any) -> Audiences:
    return Audiences(fake, Scratch(memory_bytes=1 << 26))


@pytest.fixture
def target(communities: DataSource) -> Target:
    return Target(communities, segment_row={"id": 7})


async def read(audiences: Audiences, request: AudienceRequest) -> list[Any]:
    events: list[Any] = []
    await read_into(events, audiences, request)
    return events


async def read_into(events: list[Any], audiences: Audiences, request: AudienceRequest) -> None:
    async with aclosing(audiences.stream(request)) as stream:
        async for event in stream:
            events.append(event)


def rows(events: list[Any]) -> list[dict[str, Any]]:
    return [row for event in events if isinstance(event, People) for row in event.rows.to_pylist()]


async def test_header_first_then_people_then_the_summary(audiences: Audiences, generator: Any, target: Target) -> None:
    header, *people, summary = await read(audiences, AudienceRequest(target))
    assert isinstance(header, AudienceHeader)
    assert (header.revision, header.estimated_rows, header.schema.names) == (4, 7, list(COLUMNS))
    assert [source.rule for source in header.sources] == ["segment id"]
    assert [row["profile_id"] for row in rows(people)] == [0, 1, 3, 2, 5]
    assert isinstance(summary, AudienceSummary)
    assert (summary.ledger.rows_read, summary.ledger.delivered.people, summary.resumed) == (9, 5, False)
    assert summary.byte_count == 99


async def test_offsets_count_people(audiences: Audiences, generator: Any, target: Target) -> None:
    _, *people, _ = await read(audiences, AudienceRequest(target))
    sizes = [batch.rows.num_rows for batch in people]
    assert [batch.offset for batch in people] == [0, *itertools.accumulate(sizes)][:-1]


async def test_bytes_are_passed_on_only_where_nothing_was_changed(
    audiences: Audiences, generator: Any, target: Target
) -> None:
    generator.rows, generator.batch_rows = [*GOOD[:4], person(4, "bad", phone="+49 170 1234567"), GOOD[0]], 2
    header, *people, _ = await read(audiences, AudienceRequest(target))
    assert [batch.encoded is None for batch in people] == [False, False, True]
    assert header.encoded_schema == generator.schema.serialize().to_pybytes()
    decoded = [pa.ipc.read_record_batch(pa.py_buffer(batch.encoded), header.schema) for batch in people[:2]]
    assert [batch.to_pylist() for batch in decoded] == [batch.rows.to_pylist() for batch in people[:2]]


async def test_a_batch_with_nobody_is_left_out(audiences: Audiences, generator: Any, target: Target) -> None:
    generator.rows = [person(n) for n in range(6)] + GOOD[:1]
    _, *people, summary = await read(audiences, AudienceRequest(target))
    assert len(people) == 1
    assert summary.ledger.no_contact.people == 5


async def test_columns_are_those_asked_for_and_always_the_profile(
    audiences: Audiences, generator: Any, target: Target
) -> None:
    header, *people, summary = await read(audiences, AudienceRequest(target, columns=("first_name",)))
    assert header.schema.names == ["profile_id", "first_name"]
    assert pa.ipc.read_schema(pa.py_buffer(header.encoded_schema)).names == ["profile_id", "first_name"]
    assert rows(people)[0] == {"profile_id": 0, "first_name": "P0"}
    assert all(batch.encoded is None for batch in people)
    assert summary.ledger.delivered.people == 5


async def test_a_second_run_reads_only_what_is_asked_for_and_what_decides(
    audiences: Audiences, generator: Any, target: Target, fake: Any
) -> None:
    first = await read(audiences, AudienceRequest(target, columns=("first_name",)))
    second = await read(audiences, AudienceRequest(target, columns=("first_name",)))
    assert [request.columns for request in fake.requests] == [(), ("profile_id", "email", "phone", "first_name")]
    assert rows(first) == rows(second)
    await audiences.count(target, Limits())
    assert fake.requests[-1].columns == ("profile_id", "email", "phone")


async def test_what_was_learnt_of_the_columns_is_trusted_for_a_minute_only(
    audiences: Audiences, generator: Any, target: Target, fake: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await audiences.count(target, Limits())
    monkeypatch.setattr(known_columns, "TRUSTED_FOR_S", 0.0)
    await audiences.count(target, Limits())
    assert fake.requests[-1].columns == ()


async def test_unknown_columns_are_all_named(audiences: Audiences, generator: Any, target: Target, fake: Any) -> None:
    with pytest.raises(DirectFlowError) as refusal:
        await read(audiences, AudienceRequest(target, columns=("first_name", "nope", "neither")))
    assert refusal.value.code == StatusCode.INVALID_ARGUMENT
    assert [violation.field for violation in refusal.value.violations] == ["columns[1]", "columns[2]"]
    assert fake.closed == 1


async def test_by_key_a_stream_is_resumed_where_it_broke(audiences: Audiences, generator: Any, target: Target) -> None:
    whole = await read(audiences, AudienceRequest(target, by_key=True))
    for kept in range(2, len(whole) - 1):
        after = whole[kept - 1].resume_key
        resumed = await read(audiences, AudienceRequest(target, by_key=True, after=after))
        assert rows(whole[:kept]) + rows(resumed) == rows(whole)
        assert resumed[-1].resumed == (after is not None)


async def test_a_stream_that_proves_nothing_is_never_reported_complete(
    audiences: Audiences, generator: Any, target: Target, fake: Any
) -> None:
    for flaw in ("no summary", "wrong count", "lost batch"):
        generator.flaw = flaw
        events: list[Any] = []
        with pytest.raises(DirectFlowError) as refusal:
            await read_into(events, audiences, AudienceRequest(target))
        assert refusal.value.reason == "STREAM_INCOMPLETE"
        assert events
        assert not any(isinstance(event, AudienceSummary) for event in events)
    assert fake.closed == 3


async def test_a_consumer_that_leaves_ends_the_gateways_stream(
    audiences: Audiences, generator: Any, target: Target, fake: Any
) -> None:
    async with aclosing(audiences.stream(AudienceRequest(target))) as events:
        await anext(events)
        await anext(events)
    assert fake.closed == 1


async def test_a_cancelled_consumer_ends_the_gateways_stream(
    audiences: Audiences, generator: Any, target: Target, fake: Any
) -> None:
    generator.stalls_after = 2
    task = asyncio.create_task(read(audiences, AudienceRequest(target)))
    async with asyncio.timeout(5):
        while not fake.requests:  # noqa: ASYNC110  the fake's list has no event
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert fake.closed == 1


async def test_memory_is_given_back_however_a_stream_ends(generator: Any, target: Target, fake: Any) -> None:
    scratch = Scratch(memory_bytes=1 << 22)
    audiences = Audiences(fake, scratch)
    for _ in range(5):
        generator.flaw = "no summary"
        with pytest.raises(DirectFlowError, match="proves nothing"):
            await read(audiences, AudienceRequest(target))
        generator.flaw = ""
        await read(audiences, AudienceRequest(target))
    assert scratch.region(1 << 22).in_memory


async def test_people_are_remembered_across_merges_in_a_thread(
    audiences: Audiences, generator: Any, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seen.SeenKeys.__init__, "__kwdefaults__", {"smallest_table": 64})
    generator.rows = [person(n % 1000, f"p{n}@example.com") for n in range(3000)]
    generator.batch_rows = 40
    events = await read(audiences, AudienceRequest(target))
    assert [row["profile_id"] for row in rows(events)] == list(range(1000))
    assert events[-1].ledger.duplicates.people == 1000


async def test_a_preview_shows_the_first_people_and_stops_reading(
    audiences: Audiences, generator: Any, target: Target, fake: Any
) -> None:
    generator.rows = [person(n, f"p{n}@example.com") for n in range(3000)]
    preview = await audiences.preview(target, 4, Limits(max_bytes=100, truncate=True))
    assert [row["profile_id"] for row in preview.people.to_pylist()] == [0, 1, 2, 3]
    assert (preview.truncated, preview.ledger.rows_read, preview.estimated_rows) == (True, 4, 7)
    assert fake.requests[-1].limits.max_bytes == 100
    assert fake.closed == 1


@pytest.mark.parametrize(("most", "limited", "truncated"), [(5, False, False), (4, False, True), (5, True, True)])
async def test_a_preview_says_whether_there_is_more(
    most: int, limited: bool, truncated: bool, audiences: Audiences, generator: Any, target: Target
) -> None:
    generator.truncated = limited
    preview = await audiences.preview(target, most, Limits())
    assert preview.people.num_rows == most
    assert preview.truncated == truncated


@pytest.mark.parametrize("batch_rows", [1, 2, 3, 9, 100])
@pytest.mark.parametrize("most", [1, 2, 3, 4, 5, 6])
async def test_the_ledger_of_a_preview_ends_where_its_people_do(
    most: int, batch_rows: int, audiences: Audiences, generator: Any, target: Target
) -> None:
    """Up to the first person who is not shown, whatever else came in the same batch."""
    generator.batch_rows = batch_rows
    preview = await audiences.preview(target, most, Limits())
    rows_read = {1: 2, 2: 5, 3: 6, 4: 8}.get(most, 9)
    generator.rows = MIXED[:rows_read]
    assert preview.ledger == (await audiences.count(target, Limits())).ledger
    assert preview.ledger.rows_read == rows_read
    assert preview.ledger.delivered.people == preview.people.num_rows == min(most, 5)
    assert [row["profile_id"] for row in preview.people.to_pylist()] == [0, 1, 3, 2, 5][:most]
    assert preview.truncated == (most < 5)


async def test_a_preview_gives_its_memory_back(generator: Any, target: Target, fake: Any) -> None:
    scratch = Scratch(memory_bytes=1 << 22)
    for _ in range(5):
        await Audiences(fake, scratch).preview(target, 2, Limits())
    assert scratch.region(1 << 22).in_memory


async def test_a_preview_of_nobody_has_columns(audiences: Audiences, generator: Any, target: Target) -> None:
    generator.rows = []
    preview = await audiences.preview(target, 5, Limits())
    assert (preview.people.num_rows, preview.people.schema.names) == (0, list(COLUMNS))


async def test_an_exact_count_is_the_streams_ledger(audiences: Audiences, generator: Any, target: Target) -> None:
    count = await audiences.count(target, Limits())
    summary = (await read(audiences, AudienceRequest(target)))[-1]
    assert count.ledger == summary.ledger
    assert (count.people, count.rows) == (5, 9)


async def test_an_estimate_is_the_planners_and_has_no_ledger(
    audiences: Audiences, generator: Any, target: Target
) -> None:
    count = await audiences.estimate(target, Limits())
    assert (count.people, count.rows, count.ledger) == (7, 7, None)


async def test_a_segment_is_looked_up_by_its_key_at_every_call(
    audiences: Audiences, generator: Any, communities: DataSource, fake: Any
) -> None:
    await audiences.count(Target(communities, segment_key="7"), Limits())
    assert [request.query.role for request in fake.requests] == [Role.DISCOVERY, Role.GENERATOR]
    assert fake.requests[-1].values == {"community_id": 7}
    with pytest.raises(DirectFlowError) as refusal:
        await audiences.count(Target(communities, segment_key="8"), Limits())
    assert refusal.value.reason == "SEGMENT_NOT_FOUND"


async def test_the_data_sources_contact_rules_apply(audiences: Audiences, generator: Any, target: Target) -> None:
    lenient = replace(target.data_source, contact_rules=ContactRules(check_format=False))
    count = await audiences.count(replace(target, data_source=lenient), Limits())
    assert count.people == 6
