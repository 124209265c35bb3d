"""Names of documents and collections: `workspaces/{workspace}/{collection}/{id}`."""

import re
from typing import Final, NamedTuple, Self

from directflow_runtime.resource_names import ID

COLLECTION: Final = re.compile(r"[a-z][A-Za-z]{0,62}")
CONNECTIONS: Final = "connections"
"""The gateway's own collection: nobody reaches it through DefinitionService."""
ALL: Final = "-"
"""In the place of a workspace: all that the caller may see."""

_NAME: Final = re.compile(rf"workspaces/({ID})/({COLLECTION.pattern})/({ID})")
_PARENT: Final = re.compile(rf"workspaces/({ID}|{ALL})/({COLLECTION.pattern})")


class DocumentName(NamedTuple):
    """A name, taken apart."""

    workspace: str
    collection: str
    id: str

    @classmethod
    def of(cls, name: str) -> Self | None:
        """None for what is no name of a document."""
        found = _NAME.fullmatch(name)
        return cls(*found.groups()) if found else None


class CollectionName(NamedTuple):
    """The parent of a list, taken apart."""

    workspace: str
    """Or `-`."""
    collection: str

    @classmethod
    def of(cls, parent: str) -> Self | None:
        """None for what is no parent of documents."""
        found = _PARENT.fullmatch(parent)
        return cls(*found.groups()) if found else None
