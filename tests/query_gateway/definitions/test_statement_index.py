"""What may run: the statements of the newest revisions, and of what they replaced for a little longer."""

import asyncio

import pytest
from directflow_gateway.definitions.statement_index import StatementIndex
from directflow_runtime.definitions.document import Document, Heartbeat, SnapshotEnd

from tests.clock import Clock

ONE, TWO = "workspaces/acme/dataSources/one", "workspaces/acme/dataSources/two"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def index(clock: Clock) -> StatementIndex:
    index = StatementIndex(60, clock)
    index.accept(Document(ONE, revision=1, statements=(b"a",)))
    index.accept(SnapshotEnd(1))
    return index


def test_a_statement_is_known_in_its_own_workspace(index: StatementIndex) -> None:
    assert index.knows("acme", b"a")
    assert not index.knows("other", b"a")
    assert not index.knows("acme", b"b")


def test_what_a_newer_revision_drops_runs_on_for_the_grace(index: StatementIndex, clock: Clock) -> None:
    index.accept(Document(ONE, revision=2, statements=(b"b",)))
    clock.now += 59
    assert index.knows("acme", b"a")
    clock.now += 1
    assert not index.knows("acme", b"a")
    assert index.knows("acme", b"b")


def test_what_is_deleted_runs_on_for_the_grace(index: StatementIndex, clock: Clock) -> None:
    index.accept(Document(ONE, revision=2, deleted=True))
    assert index.knows("acme", b"a")
    clock.now += 60
    assert not index.knows("acme", b"a")


def test_what_another_document_holds_too_stays(index: StatementIndex, clock: Clock) -> None:
    index.accept(Document(TWO, revision=2, statements=(b"a",)))
    index.accept(Document(ONE, revision=3, deleted=True))
    clock.now += 60
    assert index.knows("acme", b"a")


def test_what_a_newer_revision_keeps_stays(index: StatementIndex, clock: Clock) -> None:
    index.accept(Document(ONE, revision=2, statements=(b"a", b"b")))
    clock.now += 60
    assert index.knows("acme", b"a")


def test_what_leaves_twice_has_the_later_grace(index: StatementIndex, clock: Clock) -> None:
    index.accept(Document(ONE, revision=2, statements=()))
    clock.now += 30
    index.accept(Document(ONE, revision=3, statements=(b"a",)))
    index.accept(Document(ONE, revision=4, statements=()))
    clock.now += 59
    index.accept(Heartbeat(4))
    assert index.knows("acme", b"a")
    clock.now += 1
    assert not index.knows("acme", b"a")


def test_an_old_revision_that_comes_late_changes_nothing(index: StatementIndex, clock: Clock) -> None:
    index.accept(Document(ONE, revision=3, statements=(b"c",)))
    index.accept(Document(ONE, revision=2, statements=(b"b",)))
    assert not index.knows("acme", b"b")


def test_a_new_snapshot_drops_what_it_does_not_hold_after_the_grace(index: StatementIndex, clock: Clock) -> None:
    index.accept(Document(TWO, revision=900, statements=(b"b",)))
    index.restart()
    assert index.knows("acme", b"a")
    assert index.knows("acme", b"b")

    index.accept(Document(ONE, revision=1, statements=(b"c",)))
    index.accept(SnapshotEnd(1))

    assert index.knows("acme", b"c")
    clock.now += 60
    assert not index.knows("acme", b"a")
    assert not index.knows("acme", b"b")


def test_nothing_is_kept_of_what_left(index: StatementIndex, clock: Clock) -> None:
    for revision in range(2, 1000):
        index.accept(Document(ONE, revision=revision, statements=(b"%d" % revision,)))
        clock.now += 10
    assert len(index._until) <= 7
    assert len(index._leaving) <= 7
    assert len(index._counts) == 1


async def test_who_waits_for_a_revision_is_told_when_it_is_known(index: StatementIndex) -> None:
    waiting = asyncio.create_task(index.reached(5))
    index.accept(Document(ONE, revision=4, statements=()))
    await asyncio.sleep(0)
    assert not waiting.done()
    index.accept(Heartbeat(5))
    async with asyncio.timeout(5):
        await waiting
