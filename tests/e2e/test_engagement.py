"""Engagement through both hops as processes: what is acknowledged is durable, once, and nobody else's business."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from directflow.conditions.v1 import engagement_service_pb2 as pb
from directflow.engagement.v1 import engagement_pb2
from directflow_cli.commands.both_ways import both_ways
from directflow_cli.dev import directflow_database
from directflow_cli.dev.postgres import PostgresServer
from directflow_runtime.errors import DirectFlowError, StatusCode
from directflow_runtime.remote import remote_error

CALL_S = 30.0
DEMO = "workspaces/demo"
NO_CONDITIONS = "# none\n"


def event(event_id: str, days_ago: float = 1.0, **changes: Any) -> engagement_pb2.Event:
    given = {"type": engagement_pb2.EVENT_TYPE_OPENED, "profile_id": "p1", "channel": "email", **changes}
    made = engagement_pb2.Event(event_id=event_id, **given)
    made.occur_time.FromDatetime(datetime.now(UTC) - timedelta(days=days_ago))
    return made


async def record(client: Any, *events: engagement_pb2.Event, parent: str = DEMO) -> pb.RecordEngagementResponse:
    return await client.engagement.RecordEngagement(
        pb.RecordEngagementRequest(parent=parent, events=events), timeout=CALL_S
    )


async def listed(client: Any, profile: str, parent: str = DEMO, **options: Any) -> list[engagement_pb2.Event]:
    request = pb.ListEngagementRequest(parent=parent, profile_id=profile, **options)
    events: list[engagement_pb2.Event] = []
    while True:
        page = await client.engagement.ListEngagement(request, timeout=CALL_S)
        events += page.events
        request.page_token = page.next_page_token
        if not page.next_page_token:
            return events


async def test_what_is_recorded_is_listed_newest_first_with_every_field(platform: Any, client: Any) -> None:
    full = event(
        "full-1",
        3,
        profile_id="full",
        type=engagement_pb2.EVENT_TYPE_BOUNCED,
        bounce_kind=engagement_pb2.BOUNCE_KIND_SOFT,
        message_id="m",
        campaign_id="c",
        flow_id="f",
        flow_run_id="r",
        link_id="l",
    )
    machine = event("full-2", 2, profile_id="full", machine_open=True)
    newest = event("full-3", 1, profile_id="full", channel="")
    assert (await record(client, machine, newest, full)).accepted_count == 3
    events = await listed(client, "full")
    assert [one.event_id for one in events] == ["full-3", "full-2", "full-1"]
    for found, sent in zip(events, (newest, machine, full), strict=True):
        sent.occur_time.nanos -= sent.occur_time.nanos % 1000
        assert found == sent


async def test_pages_of_a_list_join_without_a_gap(platform: Any, client: Any) -> None:
    await record(client, *(event(f"page-{number}", number / 100, profile_id="pages") for number in range(25)))
    events = await listed(client, "pages", page_size=10)
    assert [one.event_id for one in events] == [f"page-{number}" for number in range(25)]


async def test_an_event_that_is_sent_again_changes_nothing_also_with_another_time_and_type(
    platform: Any, client: Any
) -> None:
    first = event("again", 2, profile_id="again")
    assert (await record(client, first)).duplicate_count == 0
    other = event("again", 1, profile_id="again", type=engagement_pb2.EVENT_TYPE_CLICKED)
    answer = await record(client, other, event("again-2", profile_id="again"))
    assert (answer.accepted_count, answer.duplicate_count, list(answer.errors)) == (2, 1, [])
    kinds = {one.event_id: one.type for one in await listed(client, "again")}
    assert kinds == {"again": engagement_pb2.EVENT_TYPE_OPENED, "again-2": engagement_pb2.EVENT_TYPE_OPENED}


async def test_events_that_are_none_are_told_by_index_and_the_others_are_recorded(platform: Any, client: Any) -> None:
    without_time = event("broken-4", profile_id="broken")
    without_time.ClearField("occur_time")
    events = [
        event("broken-0", profile_id="broken"),
        event("", profile_id="broken"),
        event("broken-2", profile_id=""),
        event("broken-3", profile_id="broken", type=99),
        without_time,
        event("broken-5", 5_000, profile_id="broken"),
        event("broken-6", -30, profile_id="broken"),
        event("broken-7", profile_id="broken", bounce_kind=engagement_pb2.BOUNCE_KIND_HARD),
        event("x" * 129, profile_id="broken"),
        event("broken-\0", profile_id="broken"),
        event("broken-10", profile_id="broken"),
    ]
    answer = await record(client, *events)
    assert answer.accepted_count == 2
    assert {error.index: error.reason for error in answer.errors} == {
        **dict.fromkeys((1, 2, 3, 4, 7, 8, 9), "EVENT_INVALID"),
        **dict.fromkeys((5, 6), "EVENT_TIME_OUT_OF_RANGE"),
    }
    assert all(error.message for error in answer.errors)
    assert {one.event_id for one in await listed(client, "broken")} == {"broken-0", "broken-10"}


async def test_a_stream_is_acknowledged_message_by_message(platform: Any, client: Any) -> None:
    async def messages() -> AsyncIterator[pb.StreamEngagementRequest]:
        for number in range(20):
            events = [event(f"stream-{number}-{one}", profile_id=f"s{one % 7}") for one in range(number + 1)]
            yield pb.StreamEngagementRequest(parent=DEMO if number == 0 else "", events=events)

    call = client.engagement.StreamEngagement(messages(), timeout=CALL_S)
    assert [answer.accepted_count async for answer in call] == list(range(1, 21))
    (count,) = platform.own("SELECT count(*) FROM directflow.engagement_events WHERE event_id LIKE 'stream-%%'")
    assert count == (210,)


async def test_a_workspace_sees_its_own_events_only(platform: Any, client: Any) -> None:
    await record(client, event("mine", profile_id="shared"))
    await record(client, event("theirs", profile_id="shared"), parent="workspaces/other")
    assert [one.event_id for one in await listed(client, "shared")] == ["mine"]
    assert [one.event_id for one in await listed(client, "shared", "workspaces/other")] == ["theirs"]


@pytest.mark.parametrize(
    ("request_message", "field"),
    [
        (pb.ListEngagementRequest(parent=DEMO, profile_id="p", page_token="made up"), "page_token"),
        (pb.ListEngagementRequest(parent=DEMO, profile_id="x" * 129), "profile_id"),
        (pb.ListEngagementRequest(parent=DEMO, profile_id="p", page_size=1_001), "page_size"),
    ],
)
async def test_a_list_that_nobody_can_have_is_the_callers_fault(
    platform: Any, client: Any, request_message: Any, field: str
) -> None:
    error = await platform.failure(client.engagement.ListEngagement(request_message, timeout=CALL_S))
    assert (error.code, error.reason) == (StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST"), error
    assert [violation.field for violation in error.violations] == [field]


async def test_no_event_is_in_a_log_or_a_span(platform: Any, client: Any) -> None:
    planted = {name: f"planted-{name}" for name in ("profile_id", "channel", "message_id", "link_id")}
    await record(client, event("planted-event", **planted), event("planted-refused", bounce_kind=1, **planted))
    await listed(client, "planted-profile_id")
    await platform.failure(client.engagement.ListEngagement(
        pb.ListEngagementRequest(parent=DEMO, profile_id="planted-profile_id", page_token="planted-token"),
        timeout=CALL_S,
    ))  # fmt: skip
    await asyncio.sleep(0.3)  # the spans of the last call are exported in the background
    for service in ("gateway", "conditions"):
        assert "planted" not in platform.log(service)
    spans = [span for trace in platform.spans.trace_ids() for span in platform.spans.trace(trace)]
    assert [span for span in spans if "AppendEvents" in span.name]
    assert not [span for span in spans if "planted" in repr(span)]


async def test_a_gateway_without_a_database_says_so(serve: Any, postgres: PostgresServer, connect: Any) -> None:
    with serve(postgres, postgres.create_database(), conditions=NO_CONDITIONS) as at:
        error = await at.failure(record(connect(at), event("e")))
    assert (error.code, error.reason) == (StatusCode.FAILED_PRECONDITION, "GATEWAY_REFUSED")
    assert error.metadata["gateway_reason"] == "STORE_NOT_CONFIGURED"


@contextmanager
def alone(serve: Any, postgres: PostgresServer) -> Iterator[Any]:
    """conditions and gateway with a DirectFlow database of the test's own."""
    own = directflow_database.create(postgres, postgres.create_database().replace("db_", "own_"))
    with serve(postgres, postgres.create_database(), conditions=NO_CONDITIONS, directflow=own) as at:
        yield at


async def test_every_event_that_was_acknowledged_is_there_when_the_gateway_is_killed(
    serve: Any, postgres: PostgresServer, connect: Callable[..., Any]
) -> None:
    acknowledged, ended = 0, DirectFlowError(StatusCode.OK, "", "")
    with alone(serve, postgres) as at:
        client = connect(at)

        async def messages() -> AsyncGenerator[pb.StreamEngagementRequest]:
            for number in range(1_000_000):
                events = [event(f"k-{number}-{one}", profile_id=f"k{one}") for one in range(200)]
                yield pb.StreamEngagementRequest(parent=DEMO, events=events)

        call = client.engagement.StreamEngagement(timeout=60)
        try:
            async with aclosing(both_ways(call, messages())) as answers:
                async for answer in answers:
                    acknowledged += answer.accepted_count
                    if acknowledged == 2_000:
                        at.kill("gateway")
        except grpc.aio.AioRpcError as error:
            ended = remote_error(error)
        ids = {row[0] for row in at.own("SELECT event_id FROM directflow.engagement_events")}
    expected = {f"k-{number}-{one}" for number in range(acknowledged // 200) for one in range(200)}
    assert (ended.code, ended.reason) == (StatusCode.UNAVAILABLE, "GATEWAY_UNAVAILABLE")
    assert acknowledged >= 2_000
    assert expected <= ids
