"""EngagementService over real gRPC: what the store is handed, and what the caller is told is durable."""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import pytest
from directflow.conditions.v1 import engagement_service_pb2 as pb
from directflow.engagement.v1 import engagement_pb2
from directflow.gateway.v1 import engagement_store_service_pb2 as wire
from directflow_conditions.engagement.servicer import MOST_IN_FLIGHT
from directflow_runtime.errors import DirectFlowError, FieldViolation, StatusCode
from directflow_runtime.remote import RemoteError, remote_error

ACME = "workspaces/acme"
SECONDS = 10.0
Engagement = Callable[..., Awaitable[Any]]
MakeEvent = Callable[..., engagement_pb2.Event]


async def failure(call: Awaitable[Any]) -> RemoteError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return remote_error(caught.value)


def record(*events: engagement_pb2.Event, parent: str = ACME) -> pb.RecordEngagementRequest:
    return pb.RecordEngagementRequest(parent=parent, events=events)


def shape(message: Any) -> list[tuple[Any, ...]]:
    return [
        (field.number, field.name, field.type, field.is_repeated, field.message_type and shape(field.message_type))
        for field in message.fields
    ]


@pytest.mark.parametrize("outer", [pb.RecordEngagementRequest, pb.StreamEngagementRequest])
def test_the_stores_request_has_the_very_fields_of_the_callers(outer: Any) -> None:
    assert shape(outer.DESCRIPTOR) == shape(wire.AppendEventsRequest.DESCRIPTOR)


# --- RecordEngagement ---------------------------------------------------------------------------------------------


async def test_events_reach_the_store_as_they_are_and_its_counts_the_caller(
    engagement: Engagement, store: Any, event: MakeEvent
) -> None:
    stub = await engagement()
    store.append = wire.AppendEventsResponse(accepted_count=2, duplicate_count=1)
    events = [event("e1", message_id="m", flow_id="f", flow_run_id="r", link_id="l"), event("e2", machine_open=True)]
    response = await stub.RecordEngagement(record(*events), timeout=SECONDS)
    assert response == pb.RecordEngagementResponse(accepted_count=2, duplicate_count=1)
    assert store.requests == [wire.AppendEventsRequest(parent=ACME, events=events)]


async def test_what_the_store_refuses_is_told_by_index_and_the_rest_is_recorded(
    engagement: Engagement, store: Any, event: MakeEvent
) -> None:
    stub = await engagement()
    refused = [
        wire.EventError(index=0, reason="EVENT_INVALID", message="profile_id is missing"),
        wire.EventError(index=2, reason="EVENT_TIME_OUT_OF_RANGE", message="before the retention begins"),
    ]
    store.append = wire.AppendEventsResponse(accepted_count=1, errors=refused)
    broken = engagement_pb2.Event(event_id="e1", type=99)
    response = await stub.RecordEngagement(record(broken, event("e2"), event("e3")), timeout=SECONDS)
    assert response.accepted_count == 1
    assert [(error.index, error.reason, error.message) for error in response.errors] == [
        (0, "EVENT_INVALID", "profile_id is missing"),
        (2, "EVENT_TIME_OUT_OF_RANGE", "before the retention begins"),
    ]
    assert store.requests[0].events[0] == broken


async def test_a_reason_that_this_api_does_not_have_becomes_one_that_it_has(
    engagement: Engagement, store: Any, event: MakeEvent
) -> None:
    stub = await engagement()
    store.append = wire.AppendEventsResponse(errors=[wire.EventError(reason="POOL_SATURATED", message="busy")])
    (error,) = (await stub.RecordEngagement(record(event()), timeout=SECONDS)).errors
    assert error.reason == "GATEWAY_REFUSED"


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (wire.AppendEventsResponse(accepted_count=1), "an event is missing"),
        (wire.AppendEventsResponse(accepted_count=2, errors=[wire.EventError(index=1)]), "an event is there twice"),
    ],
)
async def test_an_answer_that_does_not_add_up_acknowledges_nothing(
    engagement: Engagement, store: Any, event: MakeEvent, answer: Any, why: str
) -> None:
    stub = await engagement()
    store.append = answer
    error = await failure(stub.RecordEngagement(record(event("e1"), event("e2")), timeout=SECONDS))
    assert (error.code, error.reason) == (StatusCode.INTERNAL, "INTERNAL"), why


@pytest.mark.parametrize(
    ("request_message", "field"),
    [
        (pb.RecordEngagementRequest(parent=ACME), "events"),
        (pb.RecordEngagementRequest(parent=ACME, events=[engagement_pb2.Event()] * 10_001), "events"),
        (pb.RecordEngagementRequest(events=[engagement_pb2.Event()]), "parent"),
        (pb.RecordEngagementRequest(parent="acme", events=[engagement_pb2.Event()]), "parent"),
    ],
)
async def test_a_request_that_is_none_is_refused_by_field_and_stores_nothing(
    engagement: Engagement, store: Any, request_message: Any, field: str
) -> None:
    stub = await engagement()
    error = await failure(stub.RecordEngagement(request_message, timeout=SECONDS))
    assert (error.code, error.reason) == (StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert [violation.field for violation in error.violations] == [field]
    assert store.requests == []


async def test_bytes_that_are_no_message_are_the_callers_fault(engagement: Engagement, store: Any) -> None:
    stub = await engagement()
    stub.RecordEngagement._request_serializer = lambda _: b"\xff\xff\xff"
    error = await failure(stub.RecordEngagement(record(), timeout=SECONDS))
    assert (error.code, error.reason) == (StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")


async def test_nobody_records_for_a_workspace_that_is_not_theirs(
    engagement: Engagement, store: Any, event: MakeEvent
) -> None:
    caller = {"name": "development", "services": ["directflow.conditions.v1."], "workspaces": ["acme"]}
    stub = await engagement(identity={"allow_development": True, "callers": [caller]})
    foreign = record(event(), parent="workspaces/other")
    listing = pb.ListEngagementRequest(parent="workspaces/other", profile_id="7")
    for call in (
        stub.RecordEngagement(foreign, timeout=SECONDS),
        stub.ListEngagement(listing, timeout=SECONDS),
        stub.StreamEngagement(iter([foreign]), timeout=SECONDS).read(),
    ):
        error = await failure(call)
        assert (error.code, error.reason) == (StatusCode.PERMISSION_DENIED, "IDENTITY_NOT_ALLOWED")
    assert store.requests == []


@pytest.mark.parametrize(
    ("inner", "code", "reason"),
    [
        (
            DirectFlowError(StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE", "away", retry_after=2.0),
            StatusCode.UNAVAILABLE,
            "GATEWAY_UNAVAILABLE",
        ),
        (
            DirectFlowError(StatusCode.FAILED_PRECONDITION, "STORE_NOT_CONFIGURED", "no database"),
            StatusCode.FAILED_PRECONDITION,
            "GATEWAY_REFUSED",
        ),
        (ValueError("a defect"), StatusCode.INTERNAL, "INTERNAL"),
    ],
)
async def test_an_error_of_the_store_is_passed_on_under_our_reason(
    engagement: Engagement, store: Any, event: MakeEvent, inner: Exception, code: StatusCode, reason: str
) -> None:
    stub = await engagement()
    store.append = inner
    error = await failure(stub.RecordEngagement(record(event()), timeout=SECONDS))
    assert (error.code, error.reason, error.domain) == (code, reason, "conditions.directflow")
    assert error.retry_after == getattr(inner, "retry_after", None)
    assert error.metadata["gateway_reason"] == getattr(inner, "reason", "INTERNAL")


async def test_a_store_that_was_away_for_a_moment_is_asked_again(
    engagement: Engagement, store: Any, event: MakeEvent
) -> None:
    stub = await engagement()

    def at_the_second_attempt(request: wire.AppendEventsRequest) -> wire.AppendEventsResponse:
        if len(store.requests) == 1:
            raise DirectFlowError(StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE", "away")
        return wire.AppendEventsResponse(accepted_count=1)

    store.append = at_the_second_attempt
    assert (await stub.RecordEngagement(record(event()), timeout=SECONDS)).accepted_count == 1
    assert len(store.requests) == 2


async def test_no_event_is_ever_logged(engagement: Engagement, store: Any, event: MakeEvent, log: io.StringIO) -> None:
    stub = await engagement()
    store.append = ValueError("a defect")
    await failure(stub.RecordEngagement(record(event("planted-id", profile_id="planted-person")), timeout=SECONDS))
    store.append = wire.AppendEventsResponse(accepted_count=1)
    await stub.RecordEngagement(record(event("planted-id", profile_id="planted-person")), timeout=SECONDS)
    assert "planted" not in log.getvalue()
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert ACME in [line.get("resource") for line in lines]


# --- StreamEngagement ---------------------------------------------------------------------------------------------


async def test_messages_are_acknowledged_in_order_whichever_is_durable_first(
    engagement: Engagement, store: Any, event: MakeEvent
) -> None:
    stub = await engagement()
    second_is_done = asyncio.Event()

    async def slow_first(request: wire.AppendEventsRequest) -> wire.AppendEventsResponse:
        if len(request.events) == 1:
            await second_is_done.wait()
        second_is_done.set()
        return wire.AppendEventsResponse(accepted_count=len(request.events))

    store.append = slow_first
    messages = [pb.StreamEngagementRequest(parent=ACME, events=[event()] * count) for count in (1, 2, 3)]
    answers = [answer.accepted_count async for answer in stub.StreamEngagement(iter(messages), timeout=SECONDS)]
    assert answers == [1, 2, 3]


async def test_a_caller_may_wait_for_each_acknowledgement_before_it_sends_more(
    engagement: Engagement, store: Any, event: MakeEvent
) -> None:
    stub = await engagement()
    call = stub.StreamEngagement(timeout=SECONDS)
    for count in (1, 2, 3):
        await call.write(pb.StreamEngagementRequest(parent=ACME if count == 1 else "", events=[event()] * count))
        assert (await call.read()).accepted_count == count
    await call.done_writing()
    assert await call.read() == grpc.aio.EOF
    assert [request.parent for request in store.requests] == [ACME] * 3


async def test_the_store_never_has_more_than_four_messages_of_a_stream(
    engagement: Engagement, store: Any, event: MakeEvent
) -> None:
    stub = await engagement()
    go_on, most_at_once = asyncio.Event(), 0
    under_way = 0

    async def count(request: wire.AppendEventsRequest) -> wire.AppendEventsResponse:
        nonlocal under_way, most_at_once
        under_way += 1
        most_at_once = max(most_at_once, under_way)
        if under_way == MOST_IN_FLIGHT:
            go_on.set()
        await go_on.wait()
        await asyncio.sleep(0.01)
        under_way -= 1
        return wire.AppendEventsResponse(accepted_count=1)

    store.append = count
    messages = [pb.StreamEngagementRequest(parent=ACME, events=[event()])] * 40
    answers = [answer async for answer in stub.StreamEngagement(iter(messages), timeout=SECONDS)]
    assert (len(answers), most_at_once) == (40, MOST_IN_FLIGHT)


@pytest.mark.parametrize(
    ("second", "field"),
    [
        ({"parent": "workspaces/other"}, "parent"),
        ({"events": []}, "events"),
    ],
)
async def test_a_message_that_is_none_ends_the_stream_behind_the_acknowledgements_before_it(
    engagement: Engagement, store: Any, event: MakeEvent, second: dict[str, Any], field: str
) -> None:
    stub = await engagement()
    messages = [
        pb.StreamEngagementRequest(parent=ACME, events=[event()]),
        pb.StreamEngagementRequest(**{"events": [event()], **second}),
    ]
    call = stub.StreamEngagement(iter(messages), timeout=SECONDS)
    assert (await call.read()).accepted_count == 1
    error = await failure(call.read())
    assert (error.code, error.reason) == (StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert [violation.field for violation in error.violations] == [field]
    assert len(store.requests) == 1


async def test_a_store_that_goes_away_ends_the_stream_and_acknowledges_nothing_more(
    engagement: Engagement, store: Any, event: MakeEvent
) -> None:
    stub = await engagement()

    def once(request: wire.AppendEventsRequest) -> wire.AppendEventsResponse:
        if request.events[0].event_id != "first":
            raise DirectFlowError(StatusCode.FAILED_PRECONDITION, "STORE_NOT_CONFIGURED", "no database")
        return wire.AppendEventsResponse(accepted_count=1)

    store.append = once
    messages = [pb.StreamEngagementRequest(parent=ACME, events=[event(name)]) for name in ("first", "second", "third")]
    call = stub.StreamEngagement(iter(messages), timeout=SECONDS)
    assert (await call.read()).accepted_count == 1
    assert (await failure(call.read())).metadata["gateway_reason"] == "STORE_NOT_CONFIGURED"


async def test_a_caller_that_leaves_leaves_no_call_to_the_store_behind(
    engagement: Engagement, store: Any, event: MakeEvent
) -> None:
    stub = await engagement()
    begun = asyncio.Event()

    async def hang(request: wire.AppendEventsRequest) -> wire.AppendEventsResponse:
        begun.set()
        await asyncio.sleep(60)
        raise AssertionError("nobody waited that long")

    store.append = hang

    async def for_ever() -> AsyncIterator[pb.StreamEngagementRequest]:
        while True:
            yield pb.StreamEngagementRequest(parent=ACME, events=[event()])

    call = stub.StreamEngagement(for_ever(), timeout=60)
    await asyncio.wait_for(begun.wait(), SECONDS)
    call.cancel()
    await asyncio.wait_for(store.cancelled.wait(), SECONDS)


async def test_a_stream_without_a_message_is_an_empty_success(engagement: Engagement, store: Any) -> None:
    stub = await engagement()
    assert [answer async for answer in stub.StreamEngagement(iter([]), timeout=SECONDS)] == []


# --- ListEngagement -----------------------------------------------------------------------------------------------


async def test_a_page_of_events_and_its_tokens_pass_through(
    engagement: Engagement, store: Any, event: MakeEvent
) -> None:
    stub = await engagement()
    store.page = wire.ListEventsResponse(events=[event("e2"), event("e1")], next_page_token="next")
    request = pb.ListEngagementRequest(parent=ACME, profile_id="7", page_size=2, page_token="this")
    response = await stub.ListEngagement(request, timeout=SECONDS)
    assert response == pb.ListEngagementResponse(events=[event("e2"), event("e1")], next_page_token="next")
    assert store.requests == [wire.ListEventsRequest(parent=ACME, profile_id="7", page_size=2, page_token="this")]


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"page_size": 1001}, "page_size"), ({"page_size": -1}, "page_size"), ({"profile_id": ""}, "profile_id")],
)
async def test_a_page_that_nobody_can_have_is_refused_here(
    engagement: Engagement, store: Any, changes: dict[str, Any], field: str
) -> None:
    stub = await engagement()
    request = pb.ListEngagementRequest(**{"parent": ACME, "profile_id": "7", **changes})
    error = await failure(stub.ListEngagement(request, timeout=SECONDS))
    assert (error.code, [violation.field for violation in error.violations]) == (StatusCode.INVALID_ARGUMENT, [field])
    assert store.requests == []


async def test_a_token_that_the_store_does_not_know_is_the_callers_fault(engagement: Engagement, store: Any) -> None:
    stub = await engagement()
    violation = FieldViolation("page_token", "is not one of this request")
    store.page = DirectFlowError(
        StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", "page_token: not one of this request", violations=[violation]
    )
    request = pb.ListEngagementRequest(parent=ACME, profile_id="7", page_token="made up")
    error = await failure(stub.ListEngagement(request, timeout=SECONDS))
    assert (error.code, error.reason, error.domain) == (
        StatusCode.INVALID_ARGUMENT,
        "INVALID_REQUEST",
        "conditions.directflow",
    )
    assert [violation.field for violation in error.violations] == ["page_token"]
