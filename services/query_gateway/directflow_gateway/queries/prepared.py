"""Statements that PostgreSQL has described and the guard has admitted, kept for the next call."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from directflow_gateway.connections import Connection
from directflow_gateway.description import Description
from directflow_gateway.queries.sets.plan import SetPlan
from directflow_gateway.queries.statement import Statement
from directflow_gateway.sql import CompiledStatement


@dataclass(frozen=True, repr=False)
class PreparedQuery:
    """A statement that may run: compiled, guarded, described and checked against the catalogue."""

    statement: Statement
    connection: Connection
    description: Description
    sets: SetPlan | None = None
    """How it runs for many tuples; only of conditions and preloads."""
    checked_at: float = field(default_factory=time.monotonic)
    """When the catalogue admitted it, on the monotonic clock."""

    @property
    def compiled(self) -> CompiledStatement:
        """What the server gets, after rewrites and with the types that Describe gave."""
        return self.description.compiled


CacheKey = tuple[str, str, str, str, bytes]
"""Workspace, connection id, the connection's etag, credential generation, statement digest: never SQL alone, for equal
text means other tables on another database and other rights under another role (SQL.md 3)."""


Compile = Callable[[], CompiledStatement]


class CompiledStatements:
    """A bounded memory of compilations. A compilation depends on nothing but what its key holds."""

    def __init__(self, capacity: int = 1_000) -> None:
        self._capacity = capacity
        self._entries: OrderedDict[tuple[bytes, frozenset[str]], CompiledStatement] = OrderedDict()

    async def get(self, statement: Statement, allowed: frozenset[str], compile_it: Compile) -> CompiledStatement:
        """The compilation of `statement` under these allowed functions; what is refused is not remembered."""
        key = (statement.digest(), allowed)
        compiled = self._entries.get(key)
        if compiled is None:
            # In a thread: parsing hands over to the thread with the large stack and waits for it.
            compiled = await asyncio.to_thread(compile_it)
        self._entries[key] = compiled
        self._entries.move_to_end(key)
        while len(self._entries) > self._capacity:
            self._entries.popitem(last=False)
        return compiled


class PreparedQueries:
    """A bounded memory of prepared queries, least recently used out first. Entries are asked about again after a time,
    because a customer may create a function that takes a built-in's name in the meantime."""

    def __init__(self, *, capacity: int = 1_000, trusted_for_s: float = 60.0) -> None:
        self._capacity = capacity
        self._trusted_for_s = trusted_for_s
        self._entries: OrderedDict[CacheKey, PreparedQuery] = OrderedDict()

    def get(self, key: CacheKey) -> PreparedQuery | None:
        """The entry while it is fresh enough to be trusted, else None."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        is_old = time.monotonic() - entry.checked_at > self._trusted_for_s
        if is_old or (entry.sets is not None and entry.sets.is_outdated):
            del self._entries[key]
            return None
        self._entries.move_to_end(key)
        return entry

    def put(self, key: CacheKey, prepared: PreparedQuery) -> None:
        """Remembers an entry; forgets the one that was not used for the longest time where there are too many."""
        self._entries[key] = prepared
        self._entries.move_to_end(key)
        while len(self._entries) > self._capacity:
            self._entries.popitem(last=False)

    def forget(self, key: CacheKey) -> None:
        """Drops an entry that the server no longer agrees with, such as after ALTER TABLE."""
        self._entries.pop(key, None)


def cache_key(connection: Connection, generation: str, statement: Statement) -> CacheKey:
    """The key of a statement on a connection under a credential."""
    return (connection.workspace, connection.id, connection.etag, generation, statement.digest())
