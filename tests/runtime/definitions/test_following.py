"""A cache is kept up to date by one watch after the other, whatever ends them."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from directflow_runtime.definitions import following
from directflow_runtime.definitions.cache import DefinitionCache
from directflow_runtime.definitions.document import Change, Document, SnapshotEnd
from directflow_runtime.definitions.following import Following
from directflow_runtime.errors import DirectFlowError, StatusCode
from directflow_runtime.logging import get_logger
from structlog.testing import capture_logs

ONE, TWO = "workspaces/acme/things/one", "workspaces/acme/things/two"
AWAY = DirectFlowError(StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE", "away")
SILENCE_S = 5.0

Until = Callable[[Callable[[], bool]], Awaitable[None]]


def new_cache() -> DefinitionCache[bytes]:
    return DefinitionCache(lambda document: document.body, get_logger("test"))


@pytest.fixture
def cache() -> DefinitionCache[bytes]:
    return new_cache()


@pytest.fixture
async def follow(cache: Any) -> AsyncIterator[Callable[..., None]]:
    """`follow(store, silence_s=...)`: until the end of the test."""
    started: list[Following] = []

    def start(store: Any, silence_s: float = SILENCE_S) -> None:
        started.append(Following(cache, store, get_logger("test"), silence_s))
        started[-1].start()

    yield start
    for one in started:
        await one.aclose()


async def test_it_loads_and_then_hears_of_every_change(memory: Any, cache: Any, follow: Any, until: Until) -> None:
    put = await memory.put(Document(ONE, b"1"))
    follow(memory)
    await asyncio.wait_for(cache.loaded(), 5)
    assert cache.find(ONE) == b"1"
    await memory.put(Document(ONE, b"2", etag=put.etag))
    await until(lambda: cache.find(ONE) == b"2")
    await memory.delete(ONE)
    await until(lambda: cache.find(ONE) is None)


async def test_it_serves_while_the_store_is_away_and_goes_on_where_it_was(
    memory: Any, cache: Any, follow: Any, until: Until
) -> None:
    put = await memory.put(Document(ONE, b"1"))
    follow(memory)
    await cache.loaded()
    with capture_logs() as lines:
        memory.go_away(AWAY)
        await until(lambda: len(memory.watches) > 3)
        assert cache.find(ONE) == b"1"
    memory.go_away(None)
    await memory.put(Document(ONE, b"2", etag=put.etag))
    await until(lambda: cache.find(ONE) == b"2")

    assert memory.watches[0] == 0
    assert set(memory.watches[1:]) == {put.revision}
    assert [line["cause"] for line in lines] == ["STORE_UNAVAILABLE"]  # once, not once an attempt


async def test_it_asks_less_often_the_longer_it_fails_and_soon_again_after_a_success(
    memory: Any, cache: Any, follow: Any, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    sleep = asyncio.sleep

    async def record(seconds: float) -> None:
        pauses.append(seconds)
        await sleep(0.001)

    monkeypatch.setattr(following.asyncio, "sleep", record)
    monkeypatch.setattr(following, "STEADY_S", 0.0)
    memory.go_away(AWAY)
    follow(memory)
    async with asyncio.timeout(5):
        while len(pauses) < 10:
            await sleep(0.001)
        memory.go_away(None)
        await cache.loaded()
        failed = len(pauses)
        memory.go_away(AWAY)
        while len(pauses) <= failed:
            await sleep(0.001)

    assert pauses[0] <= following.FIRST_PAUSE_S
    assert following.LONGEST_PAUSE_S / 2 <= pauses[9] <= following.LONGEST_PAUSE_S
    assert pauses[failed] <= following.FIRST_PAUSE_S


async def test_a_store_that_went_back_is_loaded_anew(memory: Any, cache: Any, follow: Any, until: Until) -> None:
    await memory.put(Document(ONE, b"1"))
    await memory.put(Document(TWO, b"2"))
    follow(memory)
    await cache.loaded()
    memory.restore(1)
    await until(lambda: cache.find(TWO) is None)
    assert cache.find(ONE) == b"1"
    await until(lambda: cache.revision == 1)


@pytest.mark.parametrize(
    "error",
    [
        DirectFlowError(StatusCode.FAILED_PRECONDITION, "STORE_NOT_CONFIGURED", ""),
        DirectFlowError(
            StatusCode.FAILED_PRECONDITION, "GATEWAY_REFUSED", "", metadata={"gateway_reason": "STORE_NOT_CONFIGURED"}
        ),
    ],
)
async def test_a_gateway_without_a_store_counts_as_loaded(memory: Any, cache: Any, follow: Any, error: Any) -> None:
    memory.go_away(error)
    follow(memory)
    await asyncio.wait_for(cache.loaded(), 5)
    await asyncio.sleep(0.3)
    assert len(memory.watches) == 1  # it is asked again, but not every second


class Scripted:
    """Watches that do one thing each, the last one again and again."""

    def __init__(self, *scripts: Callable[[], AsyncGenerator[Change]]) -> None:
        self._scripts = list(scripts)
        self.begun = 0

    def watch(self, after_revision: int) -> AsyncGenerator[Change]:
        self.begun += 1
        return (self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0])()


async def snapshot() -> AsyncGenerator[Change]:
    yield Document(TWO, b"2", revision=6)
    yield SnapshotEnd(7)
    await asyncio.Event().wait()


async def only_the_first_word() -> AsyncGenerator[Change]:
    yield SnapshotEnd(7)
    raise AWAY


async def test_a_store_that_fails_after_its_first_word_is_asked_ever_less_often_and_logged_once(
    cache: Any, follow: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    enough, sleep = asyncio.Event(), asyncio.sleep

    async def record(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 10:
            enough.set()
        await sleep(0.001)

    monkeypatch.setattr(following.asyncio, "sleep", record)
    with capture_logs() as lines:
        follow(Scripted(only_the_first_word))
        await asyncio.wait_for(enough.wait(), 5)

    assert following.LONGEST_PAUSE_S / 2 <= pauses[9] <= following.LONGEST_PAUSE_S
    assert [line["cause"] for line in lines] == ["STORE_UNAVAILABLE"]


async def test_a_watch_that_falls_silent_is_begun_again(cache: Any, follow: Any, until: Until) -> None:
    async def silent() -> AsyncGenerator[Change]:
        await asyncio.Event().wait()
        yield SnapshotEnd(0)

    store = Scripted(silent, snapshot)
    with capture_logs() as lines:
        follow(store, silence_s=0.1)
        await asyncio.wait_for(cache.loaded(), 5)
    assert "the watch fell silent" in [line.get("cause") for line in lines]


async def test_a_watch_that_ends_is_begun_again(cache: Any, follow: Any) -> None:
    async def ending() -> AsyncGenerator[Change]:
        return
        yield

    follow(Scripted(ending, snapshot))
    await asyncio.wait_for(cache.loaded(), 5)


async def test_a_defect_of_either_side_does_not_end_the_task(cache: Any, follow: Any) -> None:
    async def defect() -> AsyncGenerator[Change]:
        raise ZeroDivisionError
        yield

    with capture_logs() as lines:
        follow(Scripted(defect, defect, snapshot))
        await asyncio.wait_for(cache.loaded(), 5)
    assert [line["log_level"] for line in lines] == ["error", "error"]


async def test_what_was_deleted_between_a_snapshot_that_broke_off_and_the_next_is_not_kept(
    cache: Any, follow: Any
) -> None:
    async def broken_off() -> AsyncGenerator[Change]:
        yield Document(ONE, b"1", revision=5)
        raise AWAY

    follow(Scripted(broken_off, snapshot))
    await asyncio.wait_for(cache.loaded(), 5)
    assert cache.find(ONE) is None
    assert cache.find(TWO) == b"2"


async def test_it_ends_when_it_is_closed(memory: Any, cache: Any) -> None:
    one = Following(cache, memory, get_logger("test"), SILENCE_S)
    one.start()
    await cache.loaded()
    async with asyncio.timeout(5):
        await one.aclose()
    begun = len(memory.watches)
    memory.go_away(AWAY)
    await asyncio.sleep(0.2)
    assert len(memory.watches) == begun
