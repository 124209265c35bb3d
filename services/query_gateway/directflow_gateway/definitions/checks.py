"""What a request to the document store must keep, all violations at once; and whose a collection is."""

from collections.abc import Collection, Mapping
from typing import Final

from directflow_runtime.calls import current_call
from directflow_runtime.definitions.document import Document
from directflow_runtime.errors import DirectFlowError, FieldViolation, StatusCode
from directflow_runtime.identity import DEVELOPMENT

from directflow_gateway.definitions.names import CONNECTIONS, DocumentName

MOST_BODY_BYTES: Final = 1_048_576
MOST_REFERENCES: Final = 1_000
MOST_STATEMENTS: Final = 100
LONGEST_DIGEST: Final = 64
LONGEST_LABEL: Final = 256
"""Of content_type, author, etag and request_id."""
HEARTBEAT_S: Final = (1.0, 60.0)


class Ownership:
    """Which identity may use which collection."""

    def __init__(
        self, owners: Mapping[str, Collection[str]], readers: Mapping[str, Collection[str]] | None = None
    ) -> None:
        """The owners, and who else may read, by the collection's last part."""
        self._owners = dict(owners)
        self._readers = dict(readers or {})
        self.identities: Collection[str] = frozenset[str]().union(*self._owners.values())
        """Everybody who owns a collection."""

    def require(self, collection: str, *, to_read: bool = False) -> None:
        """Raises PERMISSION_DENIED (IDENTITY_NOT_ALLOWED) unless the collection is the caller's, or with `to_read` one
        that it may read. That there is no such collection is told to nobody."""
        identity, owners = current_call().identity, self._owners.get(collection)
        allowed = {*(owners or ()), DEVELOPMENT, *(self._readers.get(collection, ()) if to_read else ())}
        if owners is None or collection == CONNECTIONS or identity not in allowed:
            message = f"{identity} may not {'read' if to_read else 'save in'} this collection"
            raise DirectFlowError(StatusCode.PERMISSION_DENIED, "IDENTITY_NOT_ALLOWED", message)


def check_document(document: Document, request_id: str) -> None:
    """A document that is to be saved."""
    violations = [
        *_length("document.body", len(document.body), MOST_BODY_BYTES),
        *_length("document.references", len(document.references), MOST_REFERENCES),
        *_length("document.statements", len(document.statements), MOST_STATEMENTS),
        *_labels({
            "document.content_type": document.content_type,
            "document.author": document.author,
            "document.etag": document.etag,
            "request_id": request_id,
        }),
        *_references(document),
        *_digests(document),
    ]  # fmt: skip
    refuse(violations)


def check_delete(etag: str, author: str) -> None:
    """What comes with a deletion."""
    refuse(_labels({"etag": etag, "author": author}))


def check_watch(after_revision: int, heartbeat_s: float) -> None:
    """Where a watch begins, and its heartbeat; 0 is the default."""
    violations = []
    if after_revision < 0:
        violations.append(FieldViolation("after_revision", "0 or more", "OUT_OF_RANGE"))
    least, most = HEARTBEAT_S
    if heartbeat_s and not least <= heartbeat_s <= most:
        violations.append(FieldViolation("heartbeat_interval", f"{least:g} s to {most:g} s", "OUT_OF_RANGE"))
    refuse(violations)


def refuse(violations: list[FieldViolation]) -> None:
    """Raises INVALID_REQUEST where there are any."""
    if violations:
        raise invalid(violations)


def invalid(violations: list[FieldViolation]) -> DirectFlowError:
    """INVALID_REQUEST with all of them; at least one is needed."""
    first, more = violations[0], len(violations) - 1
    message = f"{first.field}: {first.description}" + (f", and {more} more" if more else "")
    return DirectFlowError(StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", message, violations=violations)


def _length(field: str, length: int, most: int) -> list[FieldViolation]:
    return [FieldViolation(field, f"at most {most:,}, not {length:,}", "TOO_LONG")] if length > most else []


def _labels(texts: Mapping[str, str]) -> list[FieldViolation]:
    return [violation for field, text in texts.items() for violation in _length(field, len(text), LONGEST_LABEL)]


def _references(document: Document) -> list[FieldViolation]:
    found = []
    for index, reference in enumerate(document.references[:MOST_REFERENCES]):
        name = DocumentName.of(reference)
        if name is None or name.workspace != document.workspace:
            field = f"document.references[{index}]"
            found.append(FieldViolation(field, "a document of the same workspace is needed", "RESOURCE_NAME"))
    return found


def _digests(document: Document) -> list[FieldViolation]:
    return [
        FieldViolation(f"document.statements[{index}]", f"1 to {LONGEST_DIGEST} bytes", "OUT_OF_RANGE")
        for index, digest in enumerate(document.statements[:MOST_STATEMENTS])
        if not 0 < len(digest) <= LONGEST_DIGEST
    ]
