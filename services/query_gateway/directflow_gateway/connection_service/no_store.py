"""What stands for the store of a gateway that was given no database: nothing was ever saved, and nothing can be."""

from collections.abc import AsyncGenerator
from typing import NoReturn

from directflow_runtime.definitions.document import Change, Document

from directflow_gateway.directflow_database.failures import not_configured


class NoStore:
    """A `DocumentStore` that raises STORE_NOT_CONFIGURED."""

    async def get(self, name: str, revision: int = 0) -> NoReturn:
        """Nothing to read."""
        raise not_configured()

    async def put(self, document: Document, request_id: str = "") -> NoReturn:
        """Nowhere to save."""
        raise not_configured()

    async def delete(self, name: str, etag: str = "", author: str = "") -> NoReturn:
        """Nothing to delete."""
        raise not_configured()

    async def revisions(self, name: str, page_size: int, page_token: str) -> NoReturn:
        """Nothing to list."""
        raise not_configured()

    async def watch(self, after_revision: int) -> AsyncGenerator[Change]:
        """Nothing to follow."""
        nothing: tuple[Change, ...] = ()
        for change in nothing:
            yield change
        raise not_configured()
