"""Every definition of one collection, in memory: what calls read, also while the store is away."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from structlog.typing import FilteringBoundLogger

from directflow_runtime.definitions.document import Change, Document, Heartbeat, SnapshotEnd

_Definition = TypeVar("_Definition")


@dataclass(frozen=True, slots=True)
class Saved(Generic[_Definition]):
    """A definition, and the document that holds it."""

    definition: _Definition
    document: Document


class DefinitionCache(Generic[_Definition]):
    """The newest revision of each definition, as a watch tells it."""

    def __init__(
        self,
        read: Callable[[Document], _Definition],
        log: FilteringBoundLogger,
        fixed: Mapping[str, _Definition] | None = None,
    ) -> None:
        """`read` raises ValueError for a body that this version cannot read; the last one that it could is kept.

        `fixed` stand in the settings: they have no document, and no saved definition takes their name.
        """
        self._read = read
        self._log = log
        self._fixed = dict(fixed or {})
        self._saved: dict[str, Saved[_Definition]] = {}
        self._unreadable: set[str] = set()
        """Names of documents whose newest revision this version cannot read."""
        self._revisions: dict[str, int] = {}
        """Of everything that was heard of, deletions too: news may arrive twice, and not in order."""
        self._snapshot: set[str] | None = set()
        self._loaded = asyncio.Event()
        self.revision = 0
        """Everything up to it is known; where a watch goes on."""

    def find(self, name: str) -> _Definition | None:
        """The definition of that name."""
        fixed = self._fixed.get(name)
        if fixed is not None:
            return fixed
        saved = self._saved.get(name)
        return None if saved is None else saved.definition

    def saved(self, name: str) -> Saved[_Definition] | None:
        """The saved definition of that name; None for one that stands in the settings."""
        return None if name in self._fixed else self._saved.get(name)

    def is_fixed(self, name: str) -> bool:
        """True for a definition of the settings: nobody can change it while the process lives."""
        return name in self._fixed

    def is_unreadable(self, name: str) -> bool:
        """True where a newer version saved something that this one cannot read; `find` knows what was there before."""
        return name in self._unreadable

    def under(self, workspace: str) -> Iterator[Saved[_Definition]]:
        """The saved definitions of a workspace (an id), in no order."""
        prefix = f"workspaces/{workspace}/"
        return (saved for name, saved in self._saved.items() if name.startswith(prefix) and name not in self._fixed)

    def fixed_under(self, workspace: str) -> Mapping[str, _Definition]:
        """The definitions of a workspace that stand in the settings."""
        prefix = f"workspaces/{workspace}/"
        return {name: definition for name, definition in self._fixed.items() if name.startswith(prefix)}

    def __len__(self) -> int:
        """Definitions, those of the settings too."""
        return len(self._fixed.keys() | self._saved.keys())

    async def loaded(self) -> None:
        """Returns when the store, or its absence, has been told once."""
        await self._loaded.wait()

    @property
    def is_loaded(self) -> bool:
        """False until then: what is not here may still be in the store."""
        return self._loaded.is_set()

    def there_is_no_store(self) -> None:
        """The gateway has no store: what stands in the settings is all."""
        self._loaded.set()

    def restart(self) -> None:
        """The next watch begins with a snapshot; until its end, what is known is served."""
        self.revision = 0
        self._snapshot = set()
        self._revisions.clear()

    def accept(self, change: Change) -> None:
        """Takes one message of a watch."""
        match change:
            case Document():
                self.put(change)
                if self._snapshot is None:
                    self.revision = max(self.revision, change.revision)
                else:
                    self._snapshot.add(change.name)
            case SnapshotEnd(revision):
                self._end_snapshot(revision)
            case Heartbeat(revision):
                if self._snapshot is None:
                    self.revision = max(self.revision, revision)

    def put(self, document: Document) -> None:
        """Takes what was just saved here, before the watch tells it: who saves reads his own writing."""
        if document.revision <= self._revisions.get(document.name, 0):
            return
        self._revisions[document.name] = document.revision
        self._unreadable.discard(document.name)
        if document.deleted:
            self._saved.pop(document.name, None)
            return
        try:
            self._saved[document.name] = Saved(self._read(document), document)
        except ValueError as error:
            self._unreadable.add(document.name)
            self._log.error("a definition cannot be read", resource=document.name, revision=document.revision,
                            exc_info=error)  # fmt: skip

    def _end_snapshot(self, revision: int) -> None:
        told, self._snapshot = self._snapshot or set(), None
        for name in [name for name in self._saved if name not in told and self._revisions.get(name, 0) <= revision]:
            del self._saved[name]
        self._unreadable &= told
        self.revision = revision
        self._loaded.set()
