"""A definition as the store keeps it, and what a watch of the store tells."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Document:
    """One revision."""

    name: str
    """`workspaces/{workspace}/{collection}/{id}`."""
    body: bytes = field(repr=False, default=b"")
    content_type: str = ""
    etag: str = ""
    """Changes with every revision. In a put: the revision that the writer has seen; empty creates."""
    revision: int = 0
    references: tuple[str, ...] = ()
    """Documents that this one uses: they cannot be deleted while it does."""
    statements: tuple[bytes, ...] = field(repr=False, default=())
    """Digests of the statements that it allows to run; see `statement_digest`."""
    author: str = ""
    """Who saved it: a label for people, never used to decide."""
    save_time: datetime | None = None
    deleted: bool = False
    """This revision is a deletion."""

    @property
    def workspace(self) -> str:
        """The workspace's id."""
        return self.name.split("/", 2)[1]

    @property
    def id(self) -> str:
        """The last part of the name."""
        return self.name.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class SnapshotEnd:
    """Every document of the snapshot has been told; it shows the store at this revision."""

    revision: int


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Everything up to this revision has been told."""

    revision: int


Change = Document | SnapshotEnd | Heartbeat
