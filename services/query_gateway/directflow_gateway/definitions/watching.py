"""A watch: a snapshot of the store at one revision, then every change behind it in the order of revisions.

Rows of revisions never change, and none becomes visible behind a later one (see `saving`). So a snapshot needs no
transaction that stays open while a slow client reads: it is asked for page by page, as of its revision.
"""

import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Final

from directflow_runtime.definitions.document import Change, Document, Heartbeat, SnapshotEnd

from directflow_gateway.definitions.failures import compacted
from directflow_gateway.definitions.feed import RevisionFeed

HEARTBEAT_S: Final = 10.0

ReadPage = Callable[[bool, int, int], Awaitable[tuple[list[Document], bool]]]
"""Of the snapshot or of the changes, behind a revision and up to another: documents, and whether there are more."""


async def watch(
    feed: RevisionFeed, read_page: ReadPage, after_revision: int, heartbeat_s: float = HEARTBEAT_S
) -> AsyncGenerator[Change]:
    """Never ends by itself. Raises COMPACTED, and STORE_UNAVAILABLE when the store goes away."""
    latest, generation = await feed.latest(), feed.generation
    if after_revision > latest:
        raise compacted()
    position = after_revision
    if position == 0:
        async with aclosing(_pages(read_page, True, 0, latest)) as documents:
            async for document in documents:
                yield document
        yield SnapshotEnd(latest)
        position = latest
    else:
        yield Heartbeat(position)
    told = time.monotonic()
    while True:
        if await feed.beyond(position, generation, told + heartbeat_s - time.monotonic()):
            until = feed.revision
            async with aclosing(_pages(read_page, False, position, until)) as documents:
                async for document in documents:
                    yield document
                    told = time.monotonic()
            position = until
        # Others' changes do not put it off: they are no message to this one.
        if time.monotonic() >= told + heartbeat_s:
            yield Heartbeat(position)
            told = time.monotonic()


async def _pages(read_page: ReadPage, snapshot: bool, after: int, until: int) -> AsyncGenerator[Document]:
    more = True
    while more:
        documents, more = await read_page(snapshot, after, until)
        for document in documents:
            yield document
            after = document.revision
