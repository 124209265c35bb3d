"""Which statements saved definitions allow to run. In memory: every call asks, also while the store is away."""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass

from directflow_runtime.definitions.document import Change, Document, Heartbeat, SnapshotEnd


@dataclass(frozen=True, slots=True)
class _Allowed:
    """What the newest revision of a document allows."""

    revision: int
    workspace: str
    statements: frozenset[bytes]


class StatementIndex:
    """By workspace; what a watch over every collection tells. It is a `Follower`."""

    def __init__(self, grace_s: float, now: Callable[[], float] = time.monotonic) -> None:
        """What a newer revision or a deletion took away runs on for `grace_s`: replicas that have not heard go on."""
        self._grace_s = grace_s
        self._now = now
        self._documents: dict[str, _Allowed] = {}
        self._counts: Counter[tuple[str, bytes]] = Counter()
        """How many documents allow it; two may hold the same statement."""
        self._leaving: deque[tuple[float, tuple[str, bytes]]] = deque()
        """In the order of time."""
        self._until: dict[tuple[str, bytes], float] = {}
        self._snapshot: set[str] | None = set()
        self._loaded = asyncio.Event()
        self._moved = asyncio.Event()
        self.revision = 0

    def knows(self, workspace: str, digest: bytes) -> bool:
        """True when a saved definition of the workspace holds this statement, or did until a moment ago."""
        key = (workspace, digest)
        return key in self._counts or self._until.get(key, 0.0) > self._now()

    async def loaded(self) -> None:
        """Returns when a first snapshot is complete."""
        await self._loaded.wait()

    async def reached(self, revision: int) -> None:
        """Returns when everything up to this revision is known."""
        while self.revision < revision:
            await self._moved.wait()

    def accept(self, change: Change) -> None:
        """Takes one message of a watch."""
        match change:
            case Document():
                self._put(change)
                if self._snapshot is None:
                    self._move(change.revision)
                else:
                    self._snapshot.add(change.name)
            case SnapshotEnd(revision):
                told, self._snapshot = self._snapshot or set(), None
                for name in self._documents.keys() - told:
                    self._release(self._documents.pop(name))
                self._move(revision)
                self._loaded.set()
            case Heartbeat(revision):
                if self._snapshot is None:
                    self._move(revision)
        self._forget()

    def restart(self) -> None:
        """The next watch begins with a snapshot; until its end, what is known is served."""
        self.revision = 0
        self._snapshot = set()
        # The store went back, so its numbers say nothing of what we know from before.
        self._documents = {
            name: _Allowed(0, allowed.workspace, allowed.statements) for name, allowed in self._documents.items()
        }

    def there_is_no_store(self) -> None:
        """Never told: without a store there is no index."""

    def _put(self, document: Document) -> None:
        before = self._documents.get(document.name)
        if before is not None and document.revision <= before.revision:
            return
        if document.deleted:
            self._documents.pop(document.name, None)
        else:
            allowed = _Allowed(document.revision, document.workspace, frozenset(document.statements))
            self._documents[document.name] = allowed
            self._counts.update((allowed.workspace, digest) for digest in allowed.statements)
        if before is not None:
            self._release(before)

    def _release(self, allowed: _Allowed) -> None:
        until = self._now() + self._grace_s
        for digest in allowed.statements:
            key = (allowed.workspace, digest)
            self._counts[key] -= 1
            if self._counts[key] > 0:
                continue
            del self._counts[key]
            self._until[key] = until
            self._leaving.append((until, key))

    def _forget(self) -> None:
        while self._leaving and self._leaving[0][0] <= self._now():
            until, key = self._leaving.popleft()
            if self._until.get(key) == until:  # else it left once more since
                del self._until[key]

    def _move(self, revision: int) -> None:
        if revision > self.revision:
            self.revision = revision
            self._moved.set()
            self._moved = asyncio.Event()
