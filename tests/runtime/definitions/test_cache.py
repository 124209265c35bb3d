"""The cache makes definitions of what a watch tells, twice and out of order too, and serves what it has meanwhile."""

import asyncio
from typing import Any

import pytest
from directflow_runtime.definitions.cache import DefinitionCache
from directflow_runtime.definitions.document import Document, Heartbeat, SnapshotEnd
from directflow_runtime.logging import get_logger
from structlog.testing import capture_logs
from structlog.typing import FilteringBoundLogger

ONE, TWO, OTHER = "workspaces/acme/things/one", "workspaces/acme/things/two", "workspaces/acme-2/things/one"


def read(document: Document) -> str:
    return document.body.decode()  # a UnicodeDecodeError is a ValueError


def log() -> FilteringBoundLogger:
    return get_logger("test")


@pytest.fixture
def cache() -> DefinitionCache[str]:
    """Loaded, with one definition of revision 5."""
    cache = DefinitionCache(read, log())
    cache.accept(Document(ONE, b"first", revision=5))
    cache.accept(SnapshotEnd(7))
    return cache


async def test_it_is_loaded_at_the_end_of_the_first_snapshot() -> None:
    cache = DefinitionCache(read, log())
    loading = asyncio.create_task(cache.loaded())
    cache.accept(Document(ONE, b"first", revision=5))
    await asyncio.sleep(0)
    assert not loading.done()
    assert cache.find(ONE) == "first"
    assert cache.revision == 0

    cache.accept(SnapshotEnd(7))
    await asyncio.wait_for(loading, 5)

    assert cache.revision == 7


async def test_no_store_counts_as_loaded_with_nothing() -> None:
    cache = DefinitionCache(read, log(), {ONE: "fixed"})
    cache.there_is_no_store()
    await asyncio.wait_for(cache.loaded(), 5)
    assert cache.find(ONE) == "fixed"


def test_a_change_replaces_and_a_tombstone_removes(cache: Any) -> None:
    cache.accept(Document(ONE, b"second", revision=8))
    assert (cache.find(ONE), cache.revision) == ("second", 8)
    cache.accept(Document(ONE, revision=9, deleted=True))
    assert (cache.find(ONE), cache.saved(ONE), cache.revision, len(cache)) == (None, None, 9, 0)


def test_a_heartbeat_moves_the_position_forward_only(cache: Any) -> None:
    cache.accept(Heartbeat(20))
    cache.accept(Heartbeat(12))
    assert cache.revision == 20


def test_what_was_saved_here_is_there_before_the_watch_tells_it(cache: Any) -> None:
    cache.put(Document(ONE, b"mine", revision=12))
    assert cache.find(ONE) == "mine"
    assert cache.revision == 7  # others' changes in between are not known yet
    cache.accept(Document(ONE, b"theirs, older", revision=11))
    assert cache.find(ONE) == "mine"
    cache.accept(Document(ONE, b"mine", revision=12))
    cache.accept(Document(ONE, b"theirs, newer", revision=13))
    assert cache.find(ONE) == "theirs, newer"


def test_what_was_deleted_here_does_not_come_back_with_old_news(cache: Any) -> None:
    cache.put(Document(ONE, revision=12, deleted=True))
    cache.accept(Document(ONE, b"older", revision=11))
    assert cache.find(ONE) is None


def test_a_save_during_a_snapshot_outlives_it() -> None:
    cache = DefinitionCache(read, log())
    cache.put(Document(TWO, b"mine", revision=9))
    cache.accept(Document(ONE, b"first", revision=5))
    cache.accept(SnapshotEnd(7))
    assert cache.find(TWO) == "mine"


def test_a_new_snapshot_replaces_everything_and_serves_meanwhile(cache: Any) -> None:
    cache.accept(Document(TWO, b"two", revision=8))
    cache.restart()
    assert cache.revision == 0
    assert cache.find(ONE) == "first"

    cache.accept(Document(TWO, b"two, of the backup", revision=3))
    assert cache.find(ONE) == "first"
    cache.accept(SnapshotEnd(4))

    assert cache.find(ONE) is None
    assert cache.find(TWO) == "two, of the backup"
    assert cache.revision == 4


def test_what_cannot_be_read_keeps_what_could(cache: Any) -> None:
    with capture_logs() as lines:
        cache.accept(Document(ONE, b"\xff of a newer version", revision=8))
    assert cache.find(ONE) == "first"
    assert [(line["log_level"], line["resource"], line["revision"]) for line in lines] == [("error", ONE, 8)]
    assert cache.revision == 8
    cache.accept(Document(ONE, b"readable", revision=9))
    assert cache.find(ONE) == "readable"


def test_a_definition_of_the_settings_is_shadowed_by_nothing() -> None:
    cache = DefinitionCache(read, log(), {ONE: "fixed"})
    cache.accept(Document(ONE, b"saved", revision=5))
    cache.accept(Document(TWO, b"two", revision=6))
    cache.accept(SnapshotEnd(7))
    assert cache.find(ONE) == "fixed"
    assert cache.saved(ONE) is None
    assert cache.is_fixed(ONE)
    assert [saved.definition for saved in cache.under("acme")] == ["two"]
    assert cache.fixed_under("acme") == {ONE: "fixed"}
    assert len(cache) == 2


def test_a_workspace_has_its_own_alone(cache: Any) -> None:
    cache.accept(Document(OTHER, b"other", revision=8))
    assert [saved.document.name for saved in cache.under("acme")] == [ONE]
    assert [saved.document.name for saved in cache.under("acme-2")] == [OTHER]
