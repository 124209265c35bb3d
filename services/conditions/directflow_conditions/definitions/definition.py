"""A condition as it is saved: what evaluation needs of it, and what its author wrote."""

from dataclasses import dataclass, field

from directflow_runtime.definitions.cache import DefinitionCache
from directflow_runtime.definitions.resources import unreadable

from directflow_conditions.condition import Condition


@dataclass(frozen=True, slots=True)
class Definition:
    """A condition, and the resource that it was read from.

    The author gets back what he wrote, with nothing filled in: a file that is applied twice shows no difference.
    """

    condition: Condition
    written: bytes = field(repr=False)
    """The serialised resource, without its name and etag; what checking it said may still stand in it."""


class CachedDefinitions:
    """The conditions of a cache, as evaluation asks for them: the same object until a new revision comes."""

    def __init__(self, cache: DefinitionCache[Definition]) -> None:
        self._find = cache.find
        self._is_unreadable = cache.is_unreadable

    def find(self, name: str) -> Condition | None:
        """The condition of that resource name, or None. Raises DEFINITION_BROKEN for one that a newer version saved:
        to whoever evaluates it, "there is no such condition" would be a lie."""
        found = self._find(name)
        if found is not None:
            return found.condition
        if self._is_unreadable(name):
            raise unreadable("condition", name)
        return None
