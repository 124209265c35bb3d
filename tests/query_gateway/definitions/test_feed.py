"""One look at the counter serves everybody, and a look that fails once ends nothing."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from directflow_gateway.definitions.feed import LOST_AFTER_S, POLL_S, RevisionFeed
from directflow_runtime.errors import DirectFlowError, StatusCode


class Counter:
    """The store's counter, with a gate in front."""

    def __init__(self) -> None:
        self.revision = 1
        self.looks = 0
        self.failure: Exception | None = None
        self.open = asyncio.Event()
        self.open.set()

    async def read(self) -> int:
        self.looks += 1
        revision = self.revision
        await self.open.wait()
        if self.failure is not None:
            raise self.failure
        return revision


@pytest.fixture
def counter() -> Counter:
    return Counter()


@pytest.fixture
async def feed(counter: Counter) -> AsyncIterator[RevisionFeed]:
    feed = RevisionFeed(counter.read)
    yield feed
    await feed.aclose()


async def within(seconds: float, condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  conditions of any kind have no event
            await asyncio.sleep(0.01)


async def test_many_who_ask_at_once_share_a_look(counter: Any, feed: Any) -> None:
    counter.open.clear()
    first = asyncio.create_task(feed.latest())
    await within(5, lambda: counter.looks == 1)
    counter.revision = 2  # after the first look began
    others = [asyncio.create_task(feed.latest()) for _ in range(50)]
    await asyncio.sleep(0)
    counter.open.set()

    assert await first == 1
    assert await asyncio.gather(*others) == [2] * 50
    assert counter.looks == 2


async def test_one_who_leaves_takes_the_look_from_nobody(counter: Any, feed: Any) -> None:
    counter.open.clear()
    leaving, staying = asyncio.create_task(feed.latest()), asyncio.create_task(feed.latest())
    await within(5, lambda: counter.looks == 1)
    leaving.cancel()
    counter.open.set()
    assert await staying == 1


async def test_what_is_committed_here_is_told_without_a_look(counter: Any, feed: Any) -> None:
    waiting = asyncio.create_task(feed.beyond(1, 0, 10))
    await asyncio.sleep(0)
    feed.learn(2)
    assert await waiting
    assert counter.looks == 0
    assert not await feed.beyond(2, 0, 0.01)


async def test_a_look_that_began_before_a_commit_is_no_return_to_the_past(counter: Any, feed: Any) -> None:
    await feed.latest()
    counter.open.clear()
    looking = asyncio.create_task(feed.latest())
    await within(5, lambda: counter.looks == 2)
    feed.learn(5)
    counter.open.set()
    await looking
    assert (feed.revision, feed.generation) == (5, 0)


async def test_a_store_that_went_back_is_another_generation(counter: Any, feed: Any) -> None:
    counter.revision = 9
    await feed.latest()
    counter.revision = 4
    await feed.latest()
    with pytest.raises(DirectFlowError) as raised:
        await feed.beyond(9, 0, 10)
    assert raised.value.reason == "COMPACTED"
    assert not await feed.beyond(4, feed.generation, 0.01)


@pytest.mark.parametrize(
    "failure", [DirectFlowError(StatusCode.RESOURCE_EXHAUSTED, "POOL_SATURATED", "busy"), ZeroDivisionError()]
)
async def test_watches_end_when_looks_have_failed_for_a_while_and_not_before(
    counter: Any, feed: Any, failure: Exception
) -> None:
    feed.start()
    await within(5, lambda: feed.revision == 1)
    counter.failure, since, looks = failure, time.monotonic(), counter.looks
    with pytest.raises(DirectFlowError) as raised:
        await feed.beyond(1, 0, 10)
    assert (raised.value.code, raised.value.reason) == (StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE")
    assert time.monotonic() - since >= LOST_AFTER_S - POLL_S
    assert counter.looks - looks > 1

    counter.failure = None
    counter.revision = 2
    await feed.latest()
    assert await feed.beyond(1, 0, 10)
