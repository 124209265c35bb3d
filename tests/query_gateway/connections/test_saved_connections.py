"""The book over a cache that somebody feeds: settings first, then what was saved, and how credentials are bound."""

from dataclasses import replace
from typing import Any

import pytest
from directflow_gateway.connections import (
    Binding,
    Connection,
    ConnectionDefinition,
    Connections,
    CredentialKind,
    SslMode,
)
from directflow_runtime.definitions.cache import DefinitionCache
from directflow_runtime.definitions.document import Document, SnapshotEnd
from directflow_runtime.errors import DirectFlowError, StatusCode
from structlog.testing import CapturingLogger

CONNECTION = Connection(workspace="acme", id="main", host="db.example.com", database="app", user="reader")
DEFINITION = ConnectionDefinition(CONNECTION)
UNBOUND = replace(DEFINITION, binding=Binding.UNBOUND)


class Saved:
    """A cache, and what its store would tell."""

    def __init__(self) -> None:
        log: Any = CapturingLogger()
        self._definitions: dict[int, ConnectionDefinition] = {}
        self.cache: DefinitionCache[ConnectionDefinition] = DefinitionCache(
            lambda document: self._definitions[document.revision], log
        )

    def tell(self, revision: int, definition: ConnectionDefinition, *, deleted: bool = False) -> None:
        self.cache.accept(self.document(revision, definition, deleted=deleted))

    def document(self, revision: int, definition: ConnectionDefinition, *, deleted: bool = False) -> Document:
        self._definitions[revision] = definition
        return Document(definition.connection.name, revision=revision, deleted=deleted)


@pytest.fixture
def saved() -> Saved:
    return Saved()


def refusal(book: Connections, name: str = CONNECTION.name) -> DirectFlowError:
    with pytest.raises(DirectFlowError) as raised:
        book.get(name)
    return raised.value


def test_before_the_store_was_heard_nobody_says_not_found(saved: Saved) -> None:
    book = Connections([], saved.cache)
    error = refusal(book)
    assert (error.code, error.reason) == (StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE")
    assert error.retry_after
    saved.cache.accept(SnapshotEnd(0))
    assert refusal(book).reason == "CONNECTION_NOT_FOUND"


async def test_a_connection_that_nobody_has_told_of_yet_is_looked_up_in_the_store_once(saved: Saved) -> None:
    saved.cache.accept(SnapshotEnd(0))
    asked: list[str] = []

    async def read(name: str) -> Document:
        asked.append(name)
        return saved.document(1, DEFINITION)

    book = Connections([], saved.cache, read)
    for _ in range(2):
        assert await book.known(CONNECTION.name) == CONNECTION
    assert asked == [CONNECTION.name]


@pytest.mark.parametrize(
    ("store", "reason"),
    [
        (None, "CONNECTION_NOT_FOUND"),
        ("DOCUMENT_NOT_FOUND", "CONNECTION_NOT_FOUND"),  # what is no name of a connection
        ("STORE_UNAVAILABLE", "STORE_UNAVAILABLE"),
    ],
)
async def test_what_the_store_does_not_know_is_not_found_and_where_it_is_away_nobody_says_so(
    saved: Saved, store: str | None, reason: str
) -> None:
    saved.cache.accept(SnapshotEnd(0))

    async def read(_: str) -> None:
        if store is not None:
            raise DirectFlowError(StatusCode.UNAVAILABLE, store, "")

    with pytest.raises(DirectFlowError) as raised:
        await Connections([], saved.cache, read).known(CONNECTION.name)
    assert raised.value.reason == reason


async def test_a_connection_that_was_deleted_a_moment_ago_is_not_found(saved: Saved) -> None:
    saved.cache.accept(SnapshotEnd(0))

    async def read(name: str) -> Document:
        return Document(name, revision=2, deleted=True)

    with pytest.raises(DirectFlowError) as raised:
        await Connections([], saved.cache, read).known(CONNECTION.name)
    assert raised.value.reason == "CONNECTION_NOT_FOUND"


def test_a_change_is_seen_by_the_next_call_and_a_deletion_too(saved: Saved) -> None:
    book = Connections([], saved.cache)
    saved.tell(1, DEFINITION)
    saved.cache.accept(SnapshotEnd(1))
    assert book.get(CONNECTION.name) == CONNECTION
    moved = replace(CONNECTION, database="other")
    saved.tell(2, ConnectionDefinition(moved))
    assert book.get(CONNECTION.name) == moved
    assert (book.is_current(moved), book.is_current(CONNECTION)) == (True, False)
    saved.tell(3, ConnectionDefinition(moved), deleted=True)
    assert refusal(book).reason == "CONNECTION_NOT_FOUND"
    assert not book.is_current(moved)


def test_a_connection_of_the_settings_is_known_at_once_and_is_not_shadowed(saved: Saved) -> None:
    fixed = replace(CONNECTION, database="fixed")
    book = Connections([fixed], saved.cache)
    saved.tell(1, DEFINITION)
    assert book.get(CONNECTION.name) == fixed
    assert book.in_workspace("acme") == (fixed,)


def test_an_unbound_connection_connects_to_nothing_and_says_who_must_do_what(saved: Saved) -> None:
    book = Connections([], saved.cache)
    saved.tell(1, UNBOUND)
    error = refusal(book)
    assert (error.code, error.reason) == (StatusCode.FAILED_PRECONDITION, "CREDENTIAL_UNBOUND")
    assert "ConfirmCredential" in error.message
    assert CONNECTION.host not in error.message
    assert not book.is_current(CONNECTION)


def test_two_workspaces_with_the_same_id_are_two_connections(saved: Saved) -> None:
    book = Connections([], saved.cache)
    other = replace(CONNECTION, workspace="other", host="other.example.com")
    saved.tell(1, DEFINITION)
    saved.tell(2, ConnectionDefinition(other))
    assert book.get("workspaces/acme/connections/main").host == "db.example.com"
    assert book.get("workspaces/other/connections/main").host == "other.example.com"
    saved.tell(3, ConnectionDefinition(other), deleted=True)
    assert book.get("workspaces/acme/connections/main") == CONNECTION


# --- the binding of a credential -----------------------------------------------------------------------------------

TARGETS = {
    "host": "evil.example.com",
    "port": 5433,
    "user": "admin",
    "sslmode": SslMode.REQUIRE,
    "ca_pem": "another authority",
    "credential_kind": CredentialKind.VAULT_STATIC,
}


def settled(new: ConnectionDefinition, last: ConnectionDefinition | None, *, known_before: bool = True) -> Binding:
    return new.settled(last, known_before=known_before).binding


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_another_target_unbinds_until_somebody_confirms(name: str) -> None:
    moved = ConnectionDefinition(replace(CONNECTION, **{name: TARGETS[name]}))
    assert settled(moved, DEFINITION) is Binding.UNBOUND
    assert settled(DEFINITION, moved) is Binding.UNBOUND  # back again: nobody knows what happened in between
    assert settled(replace(moved, confirming=True), DEFINITION) is Binding.BOUND


def test_everything_else_leaves_the_binding_as_it_is() -> None:
    other = ConnectionDefinition(replace(CONNECTION, database="other", host="DB.example.com"))
    assert settled(other, DEFINITION) is Binding.BOUND
    assert settled(other, UNBOUND) is Binding.UNBOUND


def test_a_caller_cannot_bind_by_saying_so() -> None:
    assert settled(replace(DEFINITION, binding=Binding.BOUND), UNBOUND) is Binding.UNBOUND


def test_a_first_connection_is_bound_and_one_after_something_unreadable_is_not() -> None:
    assert settled(DEFINITION, None, known_before=False) is Binding.BOUND
    assert settled(DEFINITION, None, known_before=True) is Binding.UNBOUND
