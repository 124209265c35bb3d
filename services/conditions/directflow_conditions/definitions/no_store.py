"""What stands in for the store where all definitions are those of the settings file."""

from collections.abc import AsyncGenerator

from directflow_runtime.definitions.document import Change, Document
from directflow_runtime.definitions.store import RevisionPage
from directflow_runtime.errors import DirectFlowError, StatusCode


class NoStore:
    """A DocumentStore that keeps nothing: each method raises UNIMPLEMENTED."""

    async def get(self, name: str, revision: int = 0) -> Document | None:
        """Raises UNIMPLEMENTED."""
        raise _no_store()

    async def put(self, document: Document, request_id: str = "") -> Document:
        """Raises UNIMPLEMENTED."""
        raise _no_store()

    async def delete(self, name: str, etag: str = "", author: str = "") -> int:
        """Raises UNIMPLEMENTED."""
        raise _no_store()

    async def revisions(self, name: str, page_size: int, page_token: str) -> RevisionPage:
        """Raises UNIMPLEMENTED."""
        raise _no_store()

    def watch(self, after_revision: int) -> AsyncGenerator[Change]:
        """Raises UNIMPLEMENTED."""
        raise _no_store()


def _no_store() -> DirectFlowError:
    message = "this service serves the definitions of its settings file alone ([definitions] from_store = false)"
    return DirectFlowError(StatusCode.UNIMPLEMENTED, "UNIMPLEMENTED", message)
