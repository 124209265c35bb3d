"""The conditions that are saved, as the check of a new one needs them."""

import asyncio
from collections.abc import Iterable
from typing import Final

from directflow_runtime.definitions.cache import DefinitionCache
from directflow_runtime.definitions.document import Document
from directflow_runtime.definitions.store import DocumentStore

from directflow_conditions.condition import Condition
from directflow_conditions.definitions.definition import Definition

LOOK_UPS: Final = 8
"""At once, of one check."""


class SavedConditions:
    """The cache, and behind it the store: what was saved at another replica may not have been heard of yet."""

    def __init__(self, cache: DefinitionCache[Definition], store: DocumentStore) -> None:
        self._cache = cache
        self._store = store

    def find(self, name: str) -> Condition | None:
        """The condition of that resource name, or None."""
        found = self._cache.find(name)
        return None if found is None else found.condition

    def names(self, workspace: str) -> Iterable[str]:
        """Names of all that are known of a workspace."""
        yield from self._cache.fixed_under(workspace)
        yield from (saved.document.name for saved in self._cache.under(workspace))

    async def learn(self, names: Iterable[str]) -> None:
        """Asks the store for each; the cache takes what is there. Raises what the store raises."""
        places = asyncio.Semaphore(LOOK_UPS)
        for document in await asyncio.gather(*(self._look_up(name, places) for name in names)):
            if document is not None:
                self._cache.put(document)

    async def _look_up(self, name: str, places: asyncio.Semaphore) -> Document | None:
        async with places:
            return await self._store.get(name)
