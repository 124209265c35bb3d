"""The life of the resources of one collection: checked, saved under etags, listed, rolled back, deleted."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final, Generic, TypeVar

from directflow_runtime.calls import current_call
from directflow_runtime.definitions.cache import DefinitionCache, Saved
from directflow_runtime.definitions.document import Document
from directflow_runtime.definitions.kind import Checked, DefinitionKind
from directflow_runtime.definitions.paging import page_after, page_size
from directflow_runtime.definitions.store import DocumentStore
from directflow_runtime.errors import DirectFlowError, FieldViolation, StatusCode

ATTEMPTS: Final = 5
"""Of a save without an etag, which means whatever is there: others may save in between."""

_Definition = TypeVar("_Definition")
_Report = TypeVar("_Report")


@dataclass(frozen=True, slots=True)
class Page(Generic[_Definition]):
    """Some resources in the order of their names."""

    items: tuple[Saved[_Definition], ...]
    next_page_token: str


@dataclass(frozen=True, slots=True)
class Revision(Generic[_Definition]):
    """What was saved at one time; no definition where it was deleted, or cannot be read any more."""

    definition: _Definition | None
    document: Document


class Resources(Generic[_Definition, _Report]):
    """Everything that can be done with the resources of a collection. Who may do it is settled before.

    Reads come from the cache, so they work while the store is away, and may be a second old on other replicas; a save
    from what was read then fails with ETAG_MISMATCH, and loses nothing.
    """

    def __init__(
        self,
        kind: DefinitionKind[_Definition, _Report],
        store: DocumentStore,
        cache: DefinitionCache[_Definition],
    ) -> None:
        self._kind = kind
        self._store = store
        self._cache = cache

    def get(self, name: str) -> Saved[_Definition]:
        """The newest revision that can be read. Raises the kind's NOT_FOUND; DEFINITION_BROKEN where none can."""
        saved = self._cache.saved(name)
        if saved is not None:
            return saved
        fixed = self._cache.find(name)
        if fixed is None:
            raise unreadable(self._kind.title, name) if self._cache.is_unreadable(name) else self._not_found(name)
        return Saved(fixed, Document(name))

    def page(self, parent: str, text: str, size: int, token: str) -> Page[_Definition]:
        """Those of a workspace whose id contains `text`, letter case ignored. Raises PAGE_TOKEN_INVALID."""
        workspace, wanted = parent.split("/")[1], text.lower()
        found = [Saved(one, Document(name)) for name, one in self._cache.fixed_under(workspace).items()]
        found += self._cache.under(workspace)
        found = [saved for saved in found if wanted in saved.document.id.lower()]
        found.sort(key=_name)
        shown, following = page_after(found, _name, page_size(size), token, parent, wanted, weight=_bytes)
        return Page(tuple(shown), following)

    async def create(
        self, name: str, definition: _Definition, *, validate_only: bool = False, request_id: str = ""
    ) -> Saved[_Definition]:
        """Saves a new resource. Raises ALREADY_EXISTS, DEFINITION_BROKEN with all problems, what the store raises."""
        self._refuse_fixed(name)
        before = await self._store.get(name)
        repeated = request_id and not validate_only
        if before is not None and not before.deleted and not repeated:
            raise already_exists(self._kind.title, name)
        # Settled over what is there, though the store will refuse what is no repetition: whoever only claims one must
        # not be checked as the first of his name, for a connection's check hands out its credential.
        return await self._save(name, definition, before, "", validate_only, request_id)

    async def update(
        self, name: str, definition: _Definition, etag: str = "", *, validate_only: bool = False, request_id: str = "",
        over_unreadable: bool = False,
    ) -> Saved[_Definition]:  # fmt: skip
        """Saves a new revision; without an etag over whatever is there, but for what a newer version saved: nobody has
        seen that here, unless `over_unreadable`. Raises NOT_FOUND, ETAG_MISMATCH, as create."""
        self._refuse_fixed(name)
        for attempt in range(ATTEMPTS):
            before = await self._present(name)
            if self._readable(before) is None and not over_unreadable:
                raise unreadable(self._kind.title, name)
            # An earlier call of this request_id may have moved the etag on: the store tells.
            if etag and etag != before.etag and (validate_only or not request_id):
                raise etag_mismatch(name)
            try:
                return await self._save(name, definition, before, etag or before.etag, validate_only, request_id)
            except DirectFlowError as error:
                if etag or error.reason != "ETAG_MISMATCH" or attempt == ATTEMPTS - 1:
                    raise
        raise etag_mismatch(name)  # pragma: no cover - the loop returns or raises

    async def delete(self, name: str, etag: str = "", *, validate_only: bool = False) -> None:
        """Deletes it. Raises NOT_FOUND, ETAG_MISMATCH, RESOURCE_IN_USE with the names of its users."""
        self._refuse_fixed(name)
        before = await self._present(name)
        if etag and etag != before.etag:
            raise etag_mismatch(name)
        if validate_only:
            return
        try:
            revision = await self._store.delete(name, etag, current_call().identity)
        except DirectFlowError as error:
            raise self._as_ours(error, name) from error
        self._cache.put(Document(name, revision=revision, deleted=True))

    async def revisions(self, name: str, size: int, token: str) -> tuple[list[Revision[_Definition]], str]:
        """What was saved under this name, newest first, and the token of the next page."""
        self._refuse_fixed(name)
        try:
            page = await self._store.revisions(name, page_size(size), token)
        except DirectFlowError as error:
            raise self._as_ours(error, name) from error
        return [Revision(self._readable(document), document) for document in page.documents], page.next_page_token

    async def rollback(
        self, name: str, revision: int, etag: str = "", *, validate_only: bool = False
    ) -> Saved[_Definition]:
        """Makes what an old revision held the newest one, after the same checks as any save."""
        self._refuse_fixed(name)
        old = await self._store.get(name, revision)
        definition = None if old is None else self._readable(old)
        if definition is None:
            message = f"{name} has no revision {revision} that can be restored"
            violation = FieldViolation("revision", message, "NO_SUCH_REVISION")
            raise DirectFlowError(StatusCode.NOT_FOUND, self._kind.not_found, message, violations=[violation])
        newest = await self._store.get(name)
        if newest is not None and newest.deleted and not etag:
            return await self.create(name, definition, validate_only=validate_only)
        return await self.update(name, definition, etag, validate_only=validate_only, over_unreadable=True)

    async def _save(
        self, name: str, definition: _Definition, before: Document | None, etag: str, validate_only: bool,
        request_id: str,
    ) -> Saved[_Definition]:  # fmt: skip
        settled = self._kind.settle(definition, before)
        replaced = None if before is None or before.deleted else self._readable(before)
        checked = await self._kind.check(settled, replaced)
        document = self._document(name, settled, checked, etag)
        if validate_only:
            # With errors as well: a status holds 6 KiB of problems, and whoever only asks wants all of them. Without
            # etag and revision: nothing was saved.
            return Saved(self._kind.read(document), replace(document, etag=""))
        if checked.errors:
            raise broken(self._kind.title, checked)
        try:
            put = await self._store.put(document, request_id)
        except DirectFlowError as error:
            raise self._as_ours(error, name) from error
        self._cache.put(put)
        return Saved(self._kind.read(put), put)

    def _document(self, name: str, definition: _Definition, checked: Checked[_Report], etag: str) -> Document:
        return Document(
            name,
            self._kind.write(definition, checked),
            self._kind.content_type(),
            etag,
            references=tuple(dict.fromkeys(self._kind.references(definition))),
            statements=tuple(dict.fromkeys(self._kind.statements(definition))),
            author=current_call().identity,
        )

    async def _present(self, name: str) -> Document:
        document = await self._store.get(name)
        if document is None or document.deleted:
            raise self._not_found(name)
        return document

    def _readable(self, document: Document) -> _Definition | None:
        if document.deleted:
            return None
        try:
            return self._kind.read(document)
        except ValueError:
            return None

    def _refuse_fixed(self, name: str) -> None:
        if self._cache.is_fixed(name):
            message = f"the {self._kind.title} {name} stands in the settings file of the service: change it there"
            raise DirectFlowError(StatusCode.FAILED_PRECONDITION, "DEFINITION_BROKEN", message)

    def _not_found(self, name: str) -> DirectFlowError:
        return DirectFlowError(StatusCode.NOT_FOUND, self._kind.not_found, f"there is no {self._kind.title} {name}")

    def _as_ours(self, error: DirectFlowError, name: str) -> DirectFlowError:
        return self._not_found(name) if error.reason == "DOCUMENT_NOT_FOUND" else error


_name: Callable[[Saved[Any]], str] = lambda saved: saved.document.name  # noqa: E731
_bytes: Callable[[Saved[Any]], int] = lambda saved: len(saved.document.body)  # noqa: E731


def already_exists(title: str, name: str) -> DirectFlowError:
    """A create of what is there."""
    return DirectFlowError(
        StatusCode.ALREADY_EXISTS, "ALREADY_EXISTS", f"there is a {title} {name} already; update it instead"
    )


def etag_mismatch(name: str) -> DirectFlowError:
    """Somebody else was faster."""
    message = f"somebody saved {name} since you read it: read it again, and make your change there"
    return DirectFlowError(StatusCode.ABORTED, "ETAG_MISMATCH", message)


def unreadable(title: str, name: str) -> DirectFlowError:
    """A newer version was here, and this one is left over or has come back."""
    message = (
        f"the {title} {name} was saved by a newer version of DirectFlow, and this one can neither run, show nor change"
        " it: ask the newer one, or roll it back to an older revision"
    )
    return DirectFlowError(StatusCode.FAILED_PRECONDITION, "DEFINITION_BROKEN", message)


def broken(title: str, checked: Checked[Any]) -> DirectFlowError:
    """A definition that cannot be saved; all problems travel with it."""
    count, first = len(checked.errors), checked.errors[0]
    more = f" (and {count - 1} more)" if count > 1 else ""
    message = f"the {title} cannot be saved: {first.message}{more}"
    return DirectFlowError(StatusCode.FAILED_PRECONDITION, "DEFINITION_BROKEN", message, problems=checked.problems)
