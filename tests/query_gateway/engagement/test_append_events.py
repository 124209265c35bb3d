"""AppendEvents: what is recorded once, what is refused, and that the rest of a batch does not suffer for it."""

import asyncio
from typing import Any

import pytest
from directflow.engagement.v1 import engagement_pb2
from directflow.gateway.v1 import engagement_store_service_pb2 as pb
from directflow_runtime.errors import StatusCode

DAY_S = 86_400


async def test_an_event_comes_back_as_it_was_sent(store: Any, event: Any) -> None:
    sent = event(
        type="BOUNCED",
        event_id='a "quoted", {braced} \\ id\n\t',
        profile_id="NULL",
        channel="e,mail",
        message_id="好",
        campaign_id="c",
        flow_id="f",
        flow_run_id="r",
        link_id="'; DROP TABLE directflow.engagement_events; --",
        bounce_kind="BOUNCE_KIND_SOFT",
    )
    machine = event(ago_s=61, machine_open=True, profile_id="NULL")

    answer = await store.append(sent, machine)

    assert (answer.accepted_count, answer.duplicate_count, list(answer.errors)) == (2, 0, [])
    assert list((await store.events_of("NULL")).events) == [sent, machine]


async def test_the_first_one_recorded_stays_whatever_the_second_one_says(store: Any, event: Any) -> None:
    first = event(event_id="same", ago_s=40 * DAY_S)
    await store.append(first)

    again = await store.append(first)
    other_time = await store.append(event(event_id="same", ago_s=5))
    other_person = await store.append(event(event_id="same", type="CLICKED", profile_id="bob"), event(event_id="new"))

    assert [(a.accepted_count, a.duplicate_count) for a in (again, other_time, other_person)] == [
        (1, 1),
        (1, 1),
        (2, 1),
    ]
    assert first in (await store.events_of("ada")).events
    assert not (await store.events_of("bob")).events


async def test_an_event_twice_in_one_call_is_recorded_once(store: Any, event: Any) -> None:
    answer = await store.append(event(event_id="same", ago_s=1), event(event_id="same", ago_s=2), event())

    assert (answer.accepted_count, answer.duplicate_count) == (3, 1)
    assert len((await store.events_of("ada")).events) == 2


async def test_event_ids_of_two_workspaces_have_nothing_to_do_with_each_other(store: Any, event: Any) -> None:
    await store.append(event(event_id="same"), workspace="one")

    answer = await store.append(event(event_id="same"), workspace="two")

    assert answer.duplicate_count == 0


BROKEN = {
    "event_id": {"event_id": ""},
    "profile_id": {"profile_id": ""},
    "event_id too long": {"event_id": "x" * 129},
    "link_id too long": {"link_id": "x" * 129},
    "a NUL in message_id": {"message_id": "a\0b"},
    "bounce_kind without BOUNCED": {"bounce_kind": "BOUNCE_KIND_HARD"},
    "BOUNCED without bounce_kind": {"type": "BOUNCED"},
    "machine_open of a click": {"type": "CLICKED", "machine_open": True},
    "a flow event without flow": {"type": "FLOW_ENTERED"},
    "unsubscribed from no channel": {"type": "UNSUBSCRIBED", "channel": ""},
    "unspecified type": {"type": "UNSPECIFIED"},
    "no time": {"occur_time": None},
    "no such nanosecond": {"occur_time": {"seconds": 1, "nanos": -1}},
}


async def test_an_unsound_event_is_refused_alone(store: Any, event: Any) -> None:
    unknown = event()
    unknown.type = 99
    batch = [event(), *(event(**broken) for broken in BROKEN.values()), unknown, event()]

    answer = await store.append(*batch)

    assert (answer.accepted_count, answer.duplicate_count) == (2, 0)
    assert [error.index for error in answer.errors] == list(range(1, len(BROKEN) + 2))
    assert {error.reason for error in answer.errors} == {"EVENT_INVALID"}
    fields = [error.message.split(":")[0] for error in answer.errors]
    assert fields[:5] == ["event_id", "profile_id", "event_id", "link_id", "message_id"]
    assert not any("x" * 9 in error.message for error in answer.errors)


async def test_an_event_outside_of_the_time_that_is_kept_is_refused_alone(store: Any, event: Any) -> None:
    answer = await store.append(
        event(ago_s=401 * DAY_S),
        event(ago_s=399 * DAY_S),
        event(ago_s=-23 * 3600),
        event(ago_s=-25 * 3600),
        event(occur_time={"seconds": 253402300799}),
        event(occur_time={"seconds": -62135596800}),
        event(occur_time={"seconds": 2**62}),
    )

    assert answer.accepted_count == 2
    assert [(error.index, error.reason) for error in answer.errors] == [
        (index, "EVENT_TIME_OUT_OF_RANGE") for index in (0, 3, 4, 5, 6)
    ]


async def test_ten_thousand_events_of_thirteen_months_fit_one_call(store: Any, event: Any) -> None:
    events = [event(ago_s=n % 390 * DAY_S + n, profile_id=f"p{n % 100}") for n in range(10_000)]

    answer = await store.append(*events)

    assert (answer.accepted_count, answer.duplicate_count, list(answer.errors)) == (10_000, 0, [])
    opened = {"event": {"type": "EVENT_TYPE_OPENED"}}
    assert list((await store.evaluate([opened], [f"p{n}" for n in range(100)])).counts) == [100] * 100


async def test_bytes_that_are_no_message_are_refused(store: Any) -> None:
    call = store.channel.unary_unary("/directflow.gateway.v1.EngagementStoreService/AppendEvents")
    for garbage in (b"\xff", b"\x0a\x02\xc3\x28"):  # no field; no UTF-8
        error = await store.failure(call(garbage, timeout=10))
        assert (error.code, error.reason) == (StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")


@pytest.mark.parametrize("many", [0, 10_001])
async def test_a_call_takes_one_to_ten_thousand_events(store: Any, many: int) -> None:
    error = await store.failure(store.append(*[engagement_pb2.Event()] * many))

    assert (error.code, error.reason) == (StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert [violation.field for violation in error.violations] == ["events"]


@pytest.mark.parametrize("parent", ["", "workspaces/", "workspaces/a/b", "workspaces/ä", "connections/x"])
async def test_a_parent_that_is_no_workspace_is_refused(store: Any, event: Any, parent: str) -> None:
    request = pb.AppendEventsRequest(parent=parent, events=[event()])

    error = await store.failure(store.stub.AppendEvents(request, timeout=10))

    assert (error.code, error.reason) == (StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert [violation.field for violation in error.violations] == ["parent"]


async def test_writers_of_the_same_events_in_any_order_all_succeed_and_record_each_once(store: Any, event: Any) -> None:
    events = [event(profile_id=f"p{n % 7}", type=("UNSUBSCRIBED", "COMPLAINED", "OPENED")[n % 3]) for n in range(600)]
    orders = [events, events[::-1], events[300:] + events[:300], events[::2] + events[1::2]] * 3

    answers = await asyncio.gather(*(store.append(*order) for order in orders))

    assert {answer.accepted_count for answer in answers} == {600}
    assert sum(600 - answer.duplicate_count for answer in answers) == 600
    counted = "SELECT count(*), count(DISTINCT event_id) FROM directflow.engagement_events WHERE workspace = "
    assert store.rows(f"{counted}'{store.workspace}'") == [(600, 600)]


async def test_what_is_acknowledged_was_committed_synchronously(store: Any, event: Any) -> None:
    """The shared server answers commits before they are on disk by default: the transaction has to ask for it."""
    with store.admin() as admin:
        admin.execute(
            "CREATE FUNCTION seen() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            " EXECUTE format('COMMENT ON FUNCTION public.seen() IS %L', current_setting('synchronous_commit'));"
            " RETURN NULL; END $$; ALTER FUNCTION seen() SECURITY DEFINER"
        )
        await store.append(event())  # the first call waits for the tables
        table = "directflow.engagement_identities"
        admin.execute(f"CREATE TRIGGER seen AFTER INSERT ON {table} EXECUTE FUNCTION seen()")
        await store.append(event())
        admin.execute(f"DROP TRIGGER seen ON {table}")
        assert admin.execute("SELECT obj_description('seen()'::regprocedure)").fetchone() == ("on",)
