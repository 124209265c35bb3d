"""The gateway does not trust text: a statement runs when somebody saved it, or when its caller may define.

So whoever takes over a caller that may not define can ask for nothing that no author of that workspace has saved.
"""

import asyncio
from collections.abc import AsyncGenerator
from typing import Final

from directflow_runtime.calls import current_call
from directflow_runtime.definitions.document import Change
from directflow_runtime.definitions.following import Following
from directflow_runtime.definitions.statement_digest import DigestedVariable, statement_digest
from directflow_runtime.errors import DirectFlowError, StatusCode
from directflow_runtime.logging import get_logger

from directflow_gateway.definitions.statement_index import StatementIndex
from directflow_gateway.definitions.store import DefinitionStore
from directflow_gateway.definitions.watching import HEARTBEAT_S
from directflow_gateway.directflow_database.failures import unavailable
from directflow_gateway.queries.statement import Statement

CATCH_UP_S: Final = 5.0
SILENCE_S: Final = 3.5 * HEARTBEAT_S


class _Statements:
    """What the index follows: the statements of every collection."""

    def __init__(self, store: DefinitionStore, grace_s: float) -> None:
        self._store = store
        self._grace_s = grace_s

    def watch(self, after_revision: int) -> AsyncGenerator[Change]:
        """See `DefinitionStore.watch_statements`."""
        return self._store.watch_statements(self._grace_s, after_revision)


class Provenance:
    """One for the process. `start` it, and `aclose` it before the store's feed."""

    def __init__(self, store: DefinitionStore | None = None, grace_s: float = 60.0) -> None:
        """Without a store no statement is known. `grace_s`: how long those of an overtaken revision run on."""
        self._store = store
        self._index = StatementIndex(grace_s)
        self._following: Following | None = None
        if store is not None:
            statements = _Statements(store, grace_s)
            self._following = Following(self._index, statements, get_logger(__name__), SILENCE_S)

    def start(self) -> None:
        """Begins to follow the store, where there is one."""
        if self._following is not None:
            self._following.start()

    async def aclose(self) -> None:
        """Stops following."""
        if self._following is not None:
            await self._following.aclose()

    def silent_for_s(self) -> float:
        """See `Following.silent_for_s`; 0 without a store."""
        return 0.0 if self._following is None else self._following.silent_for_s()

    async def loaded(self) -> None:
        """Returns when everything has been heard of once; at once without a store."""
        if self._store is not None:
            await self._index.loaded()

    async def require(self, statement: Statement) -> None:
        """Refuses a statement that nobody saved: PERMISSION_DENIED (STATEMENT_UNKNOWN).

        Before that the store is asked how far it is, for it may have been saved on another replica a moment ago; many
        who ask at once share that look. Raises STORE_UNAVAILABLE when that cannot be told.
        """
        if current_call().may_define:
            return
        if self._store is None:
            raise _unknown("this gateway has no database of its own and knows no saved definition")
        workspace = statement.connection.split("/")[1]
        digest = digest_of(statement)
        if self._index.knows(workspace, digest):
            return
        await self._catch_up(self._store)
        if not self._index.knows(workspace, digest):
            raise _unknown("no saved definition of the workspace holds this statement")

    async def _catch_up(self, store: DefinitionStore) -> None:
        try:
            async with asyncio.timeout(min(CATCH_UP_S, current_call().remaining())):
                await self._index.reached(await store.feed.latest())
        except TimeoutError:
            raise unavailable("BEHIND") from None


def digest_of(statement: Statement) -> bytes:
    """What whoever saved the statement has stored of it."""
    variables = [DigestedVariable(one.name, one.kind.value, one.is_list) for one in statement.variables]
    return statement_digest(statement.connection, statement.role.value, statement.template, variables)


def _unknown(why: str) -> DirectFlowError:
    message = f"{why}; only identities that may define can run any other"
    return DirectFlowError(StatusCode.PERMISSION_DENIED, "STATEMENT_UNKNOWN", message)
