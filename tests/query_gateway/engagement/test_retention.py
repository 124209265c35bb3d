"""Partitions come when they are needed and go when the retention ends; who left a channel stays known."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from directflow_cli.dev.postgres import PostgresServer
from directflow_gateway.directflow_database import DirectFlowDatabase, DirectFlowDatabaseSettings
from directflow_gateway.engagement.anchors import NOWHERE
from directflow_gateway.engagement.asked import People
from directflow_gateway.engagement.events import Event, EventType
from directflow_gateway.engagement.partitions import Retained, months_of
from directflow_gateway.engagement.predicates import EventPredicate, SubscriptionPredicate, SubscriptionState
from directflow_gateway.engagement.store import EngagementStore
from directflow_gateway.execution import Watchdog
from directflow_runtime.calls import Call, call_scope
from opentelemetry.trace import NoOpTracer

DAY_US = 86_400 * 10**6
PARTITIONS = "SELECT relname FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid WHERE relkind = 'r' ORDER BY 1"


def us(year: int, month: int, day: int) -> int:
    return int(datetime(year, month, day, tzinfo=UTC).timestamp()) * 10**6


class Clock:
    def __init__(self, now_us: int) -> None:
        self.now_us = now_us

    def __call__(self) -> int:
        return self.now_us


def event(event_id: str, occurred_us: int, type: EventType = EventType.OPENED) -> Event:
    return Event(event_id, type, "ada", "email", "", "", "", "", "", False, 0, occurred_us)


@pytest.fixture
def clock() -> Clock:
    return Clock(us(2030, 3, 20))


@pytest.fixture
async def make_kept(
    postgres: PostgresServer, own_database: Any, clock: Clock
) -> AsyncIterator[Callable[..., EngagementStore]]:
    """`make_kept()`: a store that keeps 60 days, under a clock that the test turns; the same database each time."""
    section = DirectFlowDatabaseSettings.model_validate(own_database(postgres, retention_days=60))
    watchdog, databases = Watchdog(), []

    def make() -> EngagementStore:
        databases.append(DirectFlowDatabase(section, watchdog, NoOpTracer()))
        return EngagementStore(databases[-1], clock)

    call = Call(time.monotonic() + 60, "test", frozenset({"*"}), "0" * 32, "0" * 16, "t/T")
    with call_scope(call):
        yield make
    for database in databases:
        await database.aclose()
    watchdog.close()


@pytest.fixture
async def kept(make_kept: Callable[..., EngagementStore]) -> EngagementStore:
    store = make_kept()
    await store.prepare()
    return store


@pytest.fixture
def partitions(kept: EngagementStore, postgres: PostgresServer) -> Callable[[], list[str]]:
    def read() -> list[str]:
        found = postgres.psql(PARTITIONS, database=kept._database.settings.database).splitlines()
        return [name.removeprefix("engagement_events_") for name in found]

    return read


async def number(store: EngagementStore, evaluated_us: int) -> int:
    people = People(["ada"], [NOWHERE], evaluated_us)
    return (await store.evaluate("demo", [EventPredicate(EventType.OPENED)], people)).counts[0]


async def has_left(store: EngagementStore, clock: Clock) -> bool:
    left = SubscriptionPredicate("email", SubscriptionState.UNSUBSCRIBED)
    return (await store.evaluate("demo", [left], People(["ada"], [NOWHERE], clock.now_us))).outcomes == [True]


async def test_partitions_are_made_ahead_and_when_an_event_needs_one(kept: Any, partitions: Any) -> None:
    assert partitions() == ["2030_03", "2030_04", "2030_05"]

    await kept.append("demo", [event("old", us(2030, 1, 25)), event("edge", us(2030, 2, 1) - 1)])

    assert "2030_01" in partitions()
    assert "2030_02" not in partitions()


async def test_a_month_goes_when_nothing_of_it_is_kept(kept: Any, partitions: Any, clock: Clock) -> None:
    await kept.append("demo", [event("a", us(2030, 1, 25)), event("b", us(2030, 2, 25))])
    clock.now_us = us(2030, 4, 1)
    await kept.tend()
    assert "2030_01" in partitions(), "60 days before 1 April is 31 January"
    assert await number(kept, clock.now_us) == 2

    clock.now_us = us(2030, 4, 2)
    await kept.tend()
    await kept.tend()

    assert "2030_01" not in partitions()
    assert "2030_02" in partitions()
    assert await number(kept, clock.now_us) == 1


async def test_identities_go_with_their_events_and_not_before(kept: Any, clock: Clock, postgres: Any) -> None:
    await kept.append("demo", [event("a", us(2030, 1, 25)), event("b", us(2030, 2, 25))])
    query = "SELECT count(*) FROM directflow.engagement_identities"

    def identities() -> str:
        return str(postgres.psql(query, database=kept._database.settings.database))

    clock.now_us = us(2030, 3, 30)  # 25 January is out of time, and its month is still there
    await kept.tend()
    again = await kept.append("demo", [event("a", us(2030, 3, 1))])
    assert (again.duplicates, identities()) == (1, "2")

    clock.now_us = us(2030, 4, 5)
    await kept.tend()
    assert identities() == "1"


async def test_who_left_stays_known_after_the_retention(kept: Any, clock: Clock) -> None:
    await kept.append("demo", [event("gone", us(2030, 2, 1), EventType.UNSUBSCRIBED)])
    clock.now_us = us(2032, 2, 1)
    await kept.tend()

    assert await has_left(kept, clock)


async def test_who_left_before_the_retention_is_known_and_nothing_else_is_kept_of_it(
    kept: Any, clock: Clock, partitions: Any, postgres: Any
) -> None:
    left = event("left", us(1994, 5, 1), EventType.UNSUBSCRIBED)
    before = partitions()

    appended = await kept.append("demo", [left, event("opened", us(1994, 5, 1)), event("new", clock.now_us)])

    assert (appended.accepted, [(index, why.reason) for index, why in appended.refused]) == (
        2,
        [(1, "EVENT_TIME_OUT_OF_RANGE")],
    )
    assert await has_left(kept, clock)
    assert partitions() == before
    query = "SELECT string_agg(event_id, ',') FROM directflow.engagement_events"
    assert postgres.psql(query, database=kept._database.settings.database) == "new"


async def test_what_is_older_than_the_retention_is_known_for_as_long_as_what_came_with_it(
    kept: Any, clock: Clock
) -> None:
    left = event("left", us(1994, 5, 1), EventType.UNSUBSCRIBED)
    back = event("left", us(1995, 5, 1), EventType.RESUBSCRIBED)
    assert (await kept.append("demo", [left, left])).duplicates == 1
    await kept.tend()
    clock.now_us = us(2030, 5, 1)
    await kept.tend()

    again = await kept.append("demo", [left, back])

    assert (again.accepted, again.duplicates) == (2, 2)
    assert await has_left(kept, clock), "of equal ids the first one stays"


async def test_moves_from_before_the_retention_arrive_in_any_order(kept: Any, clock: Clock) -> None:
    await kept.append("demo", [event("back", us(2030, 3, 1), EventType.RESUBSCRIBED)])
    await kept.append("demo", [event("left", us(1994, 5, 1), EventType.UNSUBSCRIBED)])
    assert not await has_left(kept, clock)

    await kept.append("demo", [event("left again", us(2030, 3, 2), EventType.UNSUBSCRIBED)])
    await kept.append("demo", [event("back long ago", us(1995, 5, 1), EventType.RESUBSCRIBED)])
    assert await has_left(kept, clock)


async def test_the_edge_of_the_retention_decides_between_an_event_and_a_state_alone(
    kept: Any, clock: Clock, postgres: Any
) -> None:
    earliest = Retained.at(clock.now_us, 60).earliest_us
    types = (EventType.UNSUBSCRIBED, EventType.COMPLAINED)

    await kept.append("demo", [event(f"{type} {us}", us, type) for type in types for us in (earliest - 1, earliest)])

    query = "SELECT event_id FROM directflow.engagement_events ORDER BY 1"
    found = postgres.psql(query, database=kept._database.settings.database).splitlines()
    assert found == sorted(f"{type} {earliest}" for type in types)


async def test_a_partition_that_somebody_dropped_comes_back(
    kept: Any, make_kept: Any, partitions: Any, postgres: Any, clock: Clock
) -> None:
    await kept.append("demo", [event("a", clock.now_us)])
    postgres.psql("DROP TABLE directflow.engagement_events_2030_03", database=kept._database.settings.database)
    other = make_kept()  # another replica, that has made it before
    other._months.add((2030, 3))
    with pytest.raises(Exception, match="cannot be used"):
        await other.append("demo", [event("b", clock.now_us)])
    assert other._database.unprepared

    await other.prepare()

    assert (await other.append("demo", [event("b", clock.now_us)])).duplicates == 0
    assert "2030_03" in partitions()


async def test_replicas_make_and_drop_partitions_at_the_same_moment(
    make_kept: Any, partitions: Any, clock: Clock
) -> None:

    replicas = [make_kept() for _ in range(4)]
    await asyncio.gather(*(replica.prepare() for replica in replicas))
    await asyncio.gather(
        *(replica.append("demo", [event(f"{n}", us(2030, 2, 1))]) for n, replica in enumerate(replicas))
    )
    clock.now_us = us(2031, 1, 1)

    await asyncio.gather(*(replica.tend() for replica in replicas))

    assert partitions()[0] == "2031_01"


def test_the_retention_reaches_back_to_the_microsecond() -> None:
    retained = Retained.at(us(2030, 3, 2), 60)
    assert retained.earliest_us == us(2030, 1, 1)
    assert not retained.is_over((2030, 1))
    assert retained.is_over((2029, 12))
    assert months_of([us(2030, 1, 1) - 1, us(2030, 1, 1), us(2030, 2, 28)]) == {(2029, 12), (2030, 1), (2030, 2)}
