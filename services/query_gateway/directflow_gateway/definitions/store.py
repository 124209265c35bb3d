"""The store of documents, in DirectFlow's own database."""

import time
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import psycopg
from directflow_runtime.calls import ALL_WORKSPACES, Call, call_scope, current_call
from directflow_runtime.definitions.document import Change, Document
from directflow_runtime.definitions.paging import number_at, position, token_at
from directflow_runtime.definitions.store import RevisionPage
from psycopg.pq.abc import PGresult

from directflow_gateway.definitions import failures, reading, saving
from directflow_gateway.definitions.feed import RevisionFeed
from directflow_gateway.definitions.names import ALL, CollectionName, DocumentName
from directflow_gateway.definitions.settings import DefinitionSettings
from directflow_gateway.definitions.watching import HEARTBEAT_S, watch
from directflow_gateway.directflow_database import DatabaseRole, DirectFlowDatabase, Transaction
from directflow_gateway.directflow_database.failures import is_unprepared, is_worth_repeating, of_server
from directflow_gateway.execution.wire import Statement
from directflow_gateway.queries.application_name import application_name

READ_S: Final = 10.0
"""Longest that one read or save takes, where the call has more time, or there is none."""
LOOK_S: Final = 5.0
REQUESTS_KEPT: Final = "24 hours"
FIRST: Final = 2**63 - 1
"""Revisions are listed downwards; a page begins below it."""
ITSELF: Final = "directflow-gateway"

_FORGET = Statement(
    "DELETE FROM directflow.definition_requests WHERE save_time < pg_catalog.now() - $1::interval", (REQUESTS_KEPT,)
)


@dataclass(frozen=True, slots=True)
class DocumentPage:
    """Some documents by name."""

    documents: tuple[Document, ...]
    next_page_token: str


class DefinitionStore:
    """Every collection. One for the process, whose feed is started and closed by app.py.

    Each method may raise STORE_UNAVAILABLE, DEADLINE_EXCEEDED, STATEMENT_TIMEOUT and POOL_SATURATED.
    """

    def __init__(
        self,
        database: DirectFlowDatabase,
        settings: DefinitionSettings,
        ready: Callable[[], Awaitable[None]],
        fixed: Collection[str] = (),
    ) -> None:
        """`ready` raises while the database is not prepared. `fixed` are names that the gateway's settings hold: they
        may be referred to, and are no documents."""
        self._database = database
        self._settings = settings
        self._ready = ready
        self._fixed = frozenset(fixed)
        self._missing = False
        self.feed = RevisionFeed(self._revision, self._lost)

    # --- documents -----------------------------------------------------------------------------------------------

    async def get(self, name: DocumentName, full_name: str, revision: int = 0) -> Document | None:
        """The newest revision, a deletion too, or a certain one; None where there is none."""
        values = (name.workspace, full_name, str(revision))
        return reading.one_of(await self._read("get document", name.workspace, Statement(reading.ONE, values)))

    async def put(self, name: DocumentName, document: Document, request_id: str = "") -> Document:
        """Saves a new revision; it is durable when this returns. An empty etag creates.

        Raises ALREADY_EXISTS, ETAG_MISMATCH, REFERENCE_NOT_FOUND, WORKSPACE_OVER_LIMIT.
        """
        request = _request(name, document.name, request_id, document.etag, document.author)
        checked = tuple(one for one in document.references if one not in self._fixed)
        content = saving.Content(
            document.body, document.content_type, document.references, document.statements, checked
        )
        most = self._settings.documents_per_collection
        verdict = await self._save("put document", name.workspace, *saving.put(request, content, most))
        if verdict.said == "REPLAYED":
            return await self._replayed(name, document.name, verdict.revision)
        if verdict.said != "SAVED":
            raise _refusal(verdict, name, document.name, most)
        etag = f"{verdict.revision}-{saving.digest_of(document.body)}"
        save_time = reading.time_of(verdict.save_time_us)
        return replace(document, etag=etag, revision=verdict.revision, save_time=save_time, deleted=False)

    async def delete(
        self, name: DocumentName, full_name: str, etag: str = "", author: str = "", request_id: str = ""
    ) -> int:
        """Leaves a tombstone; its revision. Raises DOCUMENT_NOT_FOUND, ETAG_MISMATCH, RESOURCE_IN_USE."""
        request = _request(name, full_name, request_id, etag, author)
        verdict = await self._save("delete document", name.workspace, *saving.delete(request))
        if verdict.said not in ("SAVED", "REPLAYED"):
            raise _refusal(verdict, name, full_name, 0)
        return verdict.revision

    async def revisions(self, name: DocumentName, full_name: str, size: int, token: str) -> RevisionPage:
        """Every revision, newest first, deletions too. Raises DOCUMENT_NOT_FOUND, PAGE_TOKEN_INVALID."""
        below = number_at(token, "revisions", full_name) if token else FIRST
        statement = Statement(reading.REVISIONS, (name.workspace, full_name, str(below), str(size)))
        documents, more = reading.page_of(await self._read("list revisions", name.workspace, statement))
        if not documents and not token:
            raise failures.not_found(full_name)
        following = token_at(str(documents[-1].revision), "revisions", full_name) if more else ""
        return RevisionPage(tuple(documents), following)

    async def list_documents(
        self, parent: CollectionName, workspaces: Collection[str], size: int, token: str
    ) -> DocumentPage:
        """The newest revisions by name; under `-` those of `workspaces`. Raises PAGE_TOKEN_INVALID."""
        request = ("documents", parent.workspace, parent.collection)
        begin, end = _range(parent)
        after = position(token, *request) if token else begin
        statement = Statement(reading.LIST, (parent.collection, after, end, str(size)))
        asked = sorted(workspaces) if parent.workspace == ALL else [parent.workspace]
        result = await self._read_watched("list documents", asked, statement)
        documents, more = reading.page_of(result)
        return DocumentPage(tuple(documents), token_at(documents[-1].name, *request) if more else "")

    # --- watches -------------------------------------------------------------------------------------------------

    def watch(
        self, collection: str, workspaces: Collection[str], after_revision: int, heartbeat_s: float = HEARTBEAT_S
    ) -> AsyncGenerator[Change]:
        """A collection in these workspaces, `*` being all; see `DocumentStore.watch`."""
        return watch(self.feed, partial(self._page, collection, sorted(workspaces)), after_revision, heartbeat_s)

    def watch_statements(self, grace_s: float, after_revision: int) -> AsyncGenerator[Change]:
        """Every collection without bodies. The snapshot holds what was overtaken less than `grace_s` ago as well."""
        return watch(self.feed, partial(self._statements, f"{grace_s:.3f} s"), after_revision)

    async def forget(self) -> None:
        """Forgets request ids that are too old; part of the upkeep."""
        deadline = time.monotonic() + READ_S
        transaction = Transaction(DatabaseRole.OWNER, "forget requests", "DELETE", deadline)
        await self._database.run(transaction, _FORGET)

    # --- the narrow part -----------------------------------------------------------------------------------------

    async def _page(
        self, collection: str, workspaces: Sequence[str], snapshot: bool, after: int, until: int
    ) -> tuple[list[Document], bool]:
        text = reading.SNAPSHOT if snapshot else reading.CHANGES
        statement = Statement(text, (collection, str(after), str(until)))
        return reading.page_of(await self._read_watched("watch documents", workspaces, statement))

    async def _statements(self, grace: str, snapshot: bool, after: int, until: int) -> tuple[list[Document], bool]:
        text = reading.STATEMENT_SNAPSHOT if snapshot else reading.STATEMENT_CHANGES
        statement = Statement(text, (grace, str(after), str(until)))
        return reading.statements_of(await self._read_watched("watch statements", [ALL_WORKSPACES], statement))

    async def _replayed(self, name: DocumentName, full_name: str, revision: int) -> Document:
        document = await self.get(name, full_name, revision)
        if document is None:
            raise failures.not_found(full_name)
        return document

    async def _save(self, summary: str, workspace: str, *statements: Statement) -> saving.Verdict:
        with _serving() as call:
            await self._ready()
            transaction = _transaction(call, DatabaseRole.WRITER, summary, "INSERT", workspace)
            _, result = await self._database.run(transaction, *statements)
        verdict = saving.verdict_of(result)
        self.feed.learn(verdict.revision)
        return verdict

    async def _read(self, summary: str, workspace: str, statement: Statement) -> PGresult:
        with _serving() as call:
            await self._ready()
            transaction = _transaction(call, DatabaseRole.READER, summary, "SELECT", workspace)
            (result,) = await self._database.run(transaction, statement)
        return result

    async def _read_watched(self, summary: str, workspaces: Sequence[str], statement: Statement) -> PGresult:
        with _serving() as call:
            await self._ready()
            transaction = _transaction(call, DatabaseRole.READER, summary, "SELECT", "")
            _, result = await self._database.run(transaction, reading.watched(workspaces), statement)
        return result

    async def _revision(self) -> int:
        """Not through `run`: five spans a second would be nothing but noise. The task that looks serves no call."""
        deadline = time.monotonic() + LOOK_S
        with call_scope(_own_call(deadline)):
            await self._ready()
        try:
            try:
                return await self._counter(deadline)
            except psycopg.Error as error:
                if not is_worth_repeating(error):
                    raise
                return await self._counter(deadline)
        except psycopg.Error as error:
            self._missing = is_unprepared(error)
            raise of_server(error) from None

    async def _counter(self, deadline: float) -> int:
        # The writer's sessions: nothing runs long on them, where evaluations may hold all of the reader's for seconds.
        async with self._database.session(DatabaseRole.WRITER, deadline) as session:
            (result,) = await session.wire.run(reading.COUNTER)
        return int(result.get_value(0, 0) or 0)

    def _lost(self) -> None:
        if self._missing:
            self._database.unprepared = True


class CollectionStore:
    """One collection as the port DocumentStore, for what is in this process."""

    def __init__(self, store: DefinitionStore, collection: str) -> None:
        self._store = store
        self._collection = collection

    async def get(self, name: str, revision: int = 0) -> Document | None:
        return await self._store.get(self._name(name), name, revision)

    async def put(self, document: Document, request_id: str = "") -> Document:
        return await self._store.put(self._name(document.name), document, request_id)

    async def delete(self, name: str, etag: str = "", author: str = "") -> int:
        return await self._store.delete(self._name(name), name, etag, author)

    async def revisions(self, name: str, page_size: int, page_token: str) -> RevisionPage:
        return await self._store.revisions(self._name(name), name, page_size, page_token)

    def watch(self, after_revision: int) -> AsyncGenerator[Change]:
        return self._store.watch(self._collection, [ALL_WORKSPACES], after_revision)

    def _name(self, name: str) -> DocumentName:
        found = DocumentName.of(name)
        if found is None or found.collection != self._collection:
            raise failures.not_found(name)
        return found


def _request(name: DocumentName, full_name: str, request_id: str, etag: str, author: str) -> saving.Request:
    # Our own where the caller has none: `run` sends a transaction again after a lost connection, and it may have been
    # committed.
    request_id = request_id or uuid.uuid4().hex
    with _serving() as call:
        return saving.Request(name.workspace, name.collection, full_name, call.identity, request_id, etag, author)


def _refusal(verdict: saving.Verdict, name: DocumentName, full_name: str, most: int) -> Exception:
    match verdict.said:
        case "ALREADY_EXISTS":
            return failures.already_exists(full_name)
        case "ETAG_MISMATCH":
            return failures.etag_mismatch(full_name)
        case "REFERENCE_NOT_FOUND":
            return failures.reference_not_found(full_name, verdict.names, verdict.count)
        case "RESOURCE_IN_USE":
            return failures.in_use(full_name, verdict.names, verdict.count)
        case "TOO_MANY":
            return failures.too_many(name.collection, most)
        case _:
            return failures.not_found(full_name)


def _range(parent: CollectionName) -> tuple[str, str]:
    """Names lie between these two; `0` follows the slash."""
    if parent.workspace == ALL:
        return "workspaces/", "workspaces0"
    prefix = f"workspaces/{parent.workspace}/{parent.collection}"
    return f"{prefix}/", f"{prefix}0"


@contextmanager
def _serving() -> Iterator[Call]:
    """The call that is served; what the gateway does by itself has one of its own."""
    try:
        call = current_call()
    except LookupError:
        call = _own_call(time.monotonic() + READ_S)
    with call_scope(call):
        yield call


def _own_call(deadline: float) -> Call:
    return Call(deadline, ITSELF, frozenset({ALL_WORKSPACES}), "0" * 32, "0" * 16, "", True)


def _transaction(call: Call, role: DatabaseRole, summary: str, operation: str, workspace: str) -> Transaction:
    deadline = min(call.deadline, time.monotonic() + READ_S)
    name = application_name(call.trace_id, f"/{summary.replace(' ', '-')}")
    return Transaction(role, summary, operation, deadline, workspace, name)
