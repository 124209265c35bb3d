"""Pages of segments: every segment once, in the discovery query's order, or ABORTED."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from directflow_runtime.errors import DirectFlowError, StatusCode
from directflow_segments import listing, segments
from directflow_segments.data_sources import DataSource, Role
from directflow_segments.listing import Page, PageRequest, list_segments
from directflow_segments.segments import find_segment

COLUMNS = {"id": "bigint", "community_name": "text", "user_count": "bigint"}
ROWS = [{"id": n, "community_name": f"Community {n}", "user_count": 1000 - n} for n in range(1, 8)]


@pytest.fixture
def discovery(fake: Any, script: Callable[..., Any]) -> Any:
    fake.scripts[Role.DISCOVERY] = script(list(ROWS), **COLUMNS)
    return fake.scripts[Role.DISCOVERY]


def keys(page: Page) -> list[str]:
    return [segment.key for segment in page.segments]


async def all_pages(fake: Any, request: PageRequest) -> list[Page]:
    pages = [await list_segments(fake, request)]
    while pages[-1].next_token:
        pages.append(await list_segments(fake, replace(request, token=pages[-1].next_token)))
    return pages


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
async def test_pages_show_every_segment_once_in_order(
    size: int, fake: Any, discovery: Any, communities: DataSource
) -> None:
    pages = await all_pages(fake, PageRequest(communities, b"request", size))
    assert [key for page in pages for key in keys(page)] == [str(n) for n in range(1, 8)]
    assert all(len(page.segments) == size for page in pages[:-1])


async def test_cells_come_in_the_schemas_order(fake: Any, discovery: Any, communities: DataSource) -> None:
    page = await list_segments(fake, PageRequest(communities, b"request"))
    assert page.segments[0].cells == (1, "Community 1", 999)
    assert page.schema.names == list(COLUMNS)


async def test_live_counts_may_change_between_pages(fake: Any, discovery: Any, communities: DataSource) -> None:
    first = await list_segments(fake, PageRequest(communities, b"request", 3))
    discovery.rows = [row | {"user_count": 5} for row in ROWS]
    second = await list_segments(fake, PageRequest(communities, b"request", 3, first.next_token))
    assert keys(second) == ["4", "5", "6"]


async def test_segments_behind_the_page_may_change(fake: Any, discovery: Any, communities: DataSource) -> None:
    first = await list_segments(fake, PageRequest(communities, b"request", 3))
    discovery.rows = [*ROWS[:3], ROWS[6], ROWS[3]]
    second = await list_segments(fake, PageRequest(communities, b"request", 3, first.next_token))
    assert keys(second) == ["7", "4"]


@pytest.mark.parametrize(
    "rows", [[ROWS[1], ROWS[0], *ROWS[2:]], ROWS[1:], [*ROWS[:1], *ROWS[2:]], ROWS[:2], [ROWS[5], *ROWS], []]
)
async def test_another_order_of_what_was_shown_aborts(
    rows: list[Any], fake: Any, discovery: Any, communities: DataSource
) -> None:
    first = await list_segments(fake, PageRequest(communities, b"request", 3))
    discovery.rows = rows
    with pytest.raises(DirectFlowError) as refusal:
        await list_segments(fake, PageRequest(communities, b"request", 3, first.next_token))
    assert (refusal.value.code, refusal.value.reason) == (StatusCode.ABORTED, "PAGE_ORDER_CHANGED")


@pytest.mark.parametrize("token", ["x", "ü", "AAAA", "=" * 40, "A" * 44])
async def test_a_token_that_is_none_of_ours_is_refused_before_anything_is_asked(
    token: str, fake: Any, discovery: Any, communities: DataSource
) -> None:
    with pytest.raises(DirectFlowError) as refusal:
        await list_segments(fake, PageRequest(communities, b"request", 3, token))
    assert (refusal.value.code, refusal.value.reason) == (StatusCode.INVALID_ARGUMENT, "PAGE_TOKEN_INVALID")
    assert fake.requests == []


async def test_a_token_of_another_request_is_refused(fake: Any, discovery: Any, communities: DataSource) -> None:
    first = await list_segments(fake, PageRequest(communities, b"request", 3))
    with pytest.raises(DirectFlowError) as refusal:
        await list_segments(fake, PageRequest(communities, b"another", 3, first.next_token))
    assert refusal.value.reason == "PAGE_TOKEN_INVALID"


async def test_a_token_is_small_however_much_was_served(fake: Any, discovery: Any, communities: DataSource) -> None:
    discovery.rows = [row | {"id": n, "community_name": "x" * 500} for n, row in enumerate(ROWS * 200)]
    page = await list_segments(fake, PageRequest(communities, b"request", 1000))
    assert len(page.next_token) < 80


@pytest.mark.parametrize(("text", "found"), [("COMMUNITY 3", ["3"]), ("996", ["4"]), ("", None), ("none", [])])
async def test_the_filter_looks_into_every_visible_column_and_ignores_case(
    text: str, found: list[str] | None, fake: Any, discovery: Any, communities: DataSource
) -> None:
    page = await list_segments(fake, PageRequest(communities, b"request", filter=text))
    assert keys(page) == ([str(n) for n in range(1, 8)] if found is None else found)


async def test_pages_of_a_filtered_list_go_on_within_the_filter(
    fake: Any, discovery: Any, communities: DataSource
) -> None:
    discovery.rows = [row | {"community_name": "odd" if row["id"] % 2 else "even"} for row in ROWS]
    pages = await all_pages(fake, PageRequest(communities, b"request", 2, filter="odd"))
    assert [keys(page) for page in pages] == [["1", "3"], ["5", "7"]]


async def test_a_page_of_wide_rows_ends_early(
    fake: Any, discovery: Any, communities: DataSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "MOST_PAGE_BYTES", 250)
    discovery.rows = [row | {"community_name": "x" * 80} for row in ROWS[:3]] + [
        ROWS[3] | {"community_name": "x" * 999}
    ]
    pages = await all_pages(fake, PageRequest(communities, b"request", 100))
    assert [keys(page) for page in pages] == [["1"], ["2"], ["3"], ["4"]]


async def test_the_cap_is_asked_for_and_what_lies_beyond_is_told(
    fake: Any, discovery: Any, communities: DataSource
) -> None:
    discovery.truncated = True
    page = await list_segments(fake, PageRequest(communities, b"request"))
    assert page.truncated
    assert fake.requests[0].limits.max_rows == segments.MOST_SEGMENTS
    assert fake.requests[0].limits.truncate


async def test_rows_without_a_key_are_no_segments(fake: Any, discovery: Any, communities: DataSource) -> None:
    discovery.rows = [ROWS[0], ROWS[1] | {"id": None}, ROWS[2]]
    assert keys(await list_segments(fake, PageRequest(communities, b"request"))) == ["1", "3"]


async def test_a_discovery_query_without_its_key_column_breaks_the_contract(
    fake: Any, discovery: Any, communities: DataSource
) -> None:
    with pytest.raises(DirectFlowError, match='"slug"') as refusal:
        await list_segments(fake, PageRequest(replace(communities, key_column="slug"), b"request"))
    assert refusal.value.reason == "CONTRACT_BROKEN"
    assert fake.closed == 1


async def test_discovery_variables_come_from_the_caller(fake: Any, discovery: Any, communities: DataSource) -> None:
    source = replace(communities, discovery_sql="SELECT id FROM communities WHERE region = '<%= region %>'")
    await list_segments(fake, PageRequest(source, b"request", variables={"region": "north"}))
    assert fake.requests[0].values == {"region": "north"}
    with pytest.raises(DirectFlowError) as refusal:
        await list_segments(fake, PageRequest(source, b"request"))
    assert refusal.value.reason == "VARIABLE_MISSING"


async def test_a_segment_is_found_by_its_key_as_text(fake: Any, discovery: Any, communities: DataSource) -> None:
    found, segment = await find_segment(fake, communities, "3", {})
    assert found.row(segment) == {"id": 3, "community_name": "Community 3", "user_count": 997}


async def test_a_segment_that_is_gone_is_not_found(fake: Any, discovery: Any, communities: DataSource) -> None:
    with pytest.raises(DirectFlowError) as refusal:
        await find_segment(fake, communities, "99", {})
    assert (refusal.value.code, refusal.value.reason) == (StatusCode.NOT_FOUND, "SEGMENT_NOT_FOUND")


async def test_two_segments_with_one_key_break_the_contract(fake: Any, discovery: Any, communities: DataSource) -> None:
    discovery.rows = [ROWS[0], ROWS[0]]
    with pytest.raises(DirectFlowError) as refusal:
        await find_segment(fake, communities, "1", {})
    assert refusal.value.reason == "CONTRACT_BROKEN"
