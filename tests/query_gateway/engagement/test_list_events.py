"""ListEvents: one person's events, newest first, page after page."""

from typing import Any

import pytest
from directflow_runtime.errors import StatusCode

DAY_S = 86_400
TYPES = ("SENT", "OPENED", "CLICKED")


async def pages(store: Any, profile_id: str, size: int) -> list[list[str]]:
    found, token = [], ""
    while True:
        page = await store.events_of(profile_id, page_size=size, page_token=token)
        found.append([event.event_id for event in page.events])
        token = page.next_page_token
        if not token:
            return found


@pytest.mark.parametrize("size", [1, 7, 25, 50])
async def test_pages_hold_every_event_once_newest_first(store: Any, event: Any, size: int) -> None:
    # Over three months, of several types, and some at the same moment.
    events = [event(ago_s=n // 3 * 4 * DAY_S, type=TYPES[n % 3]) for n in range(50)]
    await store.append(*events, event(profile_id="somebody else"))

    found = await pages(store, "ada", size)

    assert {len(page) for page in found[:-1]} <= {size}
    assert 0 < len(found[-1]) <= size
    listed = [event_id for page in found for event_id in page]
    assert sorted(listed) == sorted(one.event_id for one in events)
    times = {one.event_id: one.occur_time.ToMicroseconds() for one in events}
    assert [times[event_id] for event_id in listed] == sorted(times.values(), reverse=True)


async def test_what_is_recorded_between_two_pages_shifts_nothing(store: Any, event: Any) -> None:
    await store.append(*(event(ago_s=n * 60, event_id=f"e{n}") for n in range(1, 5)))
    first = await store.events_of("ada", page_size=2)

    await store.append(event(ago_s=1, event_id="newer"))

    second = await store.events_of("ada", page_size=2, page_token=first.next_page_token)
    assert [one.event_id for one in (*first.events, *second.events)] == ["e1", "e2", "e3", "e4"]


async def test_a_page_holds_a_hundred_unless_it_is_asked_for_another_number(store: Any, event: Any) -> None:
    await store.append(*(event() for _ in range(101)))

    assert len((await store.events_of("ada")).events) == 100


async def test_a_person_without_events_has_an_empty_page(store: Any) -> None:
    page = await store.events_of("nobody")
    assert (list(page.events), page.next_page_token) == ([], "")


async def test_a_token_belongs_to_its_person_and_workspace(store: Any, event: Any) -> None:
    await store.append(event(), event())
    token = (await store.events_of("ada", page_size=1)).next_page_token

    for call in (
        store.events_of("bob", page_token=token),
        store.events_of("ada", workspace="other", page_token=token),
        store.events_of("ada", page_token=token[:-4] + "AAAA"),
        store.events_of("ada", page_token="not base64!"),
    ):
        error = await store.failure(call)
        assert (error.code, error.reason) == (StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
        assert [violation.field for violation in error.violations] == ["page_token"]


@pytest.mark.parametrize("wrong", [{"page_size": -1}, {"page_size": 1001}])
async def test_a_page_size_out_of_range_is_refused(store: Any, wrong: dict[str, Any]) -> None:
    error = await store.failure(store.events_of("ada", **wrong))
    assert [violation.field for violation in error.violations] == ["page_size"]
