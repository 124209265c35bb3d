"""What saving, deleting and watching may answer."""

from collections.abc import Sequence
from typing import Final

from directflow_runtime.errors import DirectFlowError, StatusCode

LONGEST_LIST: Final = 250
"""Characters of a list of names: an error travels in HTTP/2 headers, and a value that is too long would be cut within a
name. (The store tells twenty at most.)"""


def not_found(name: str) -> DirectFlowError:
    """No document, no such revision, or a deleted one."""
    return DirectFlowError(StatusCode.NOT_FOUND, "DOCUMENT_NOT_FOUND", f"there is no document {name}")


def already_exists(name: str) -> DirectFlowError:
    """A create of what is there."""
    return DirectFlowError(StatusCode.ALREADY_EXISTS, "ALREADY_EXISTS", f"{name} is there already; update it instead")


def etag_mismatch(name: str) -> DirectFlowError:
    """Somebody else was faster, or it was deleted."""
    message = f"somebody saved or deleted {name} since you read it: read it again, and make your change there"
    return DirectFlowError(StatusCode.ABORTED, "ETAG_MISMATCH", message)


def reference_not_found(name: str, missing: Sequence[str], count: int) -> DirectFlowError:
    """It uses what is not there; `missing` are the first of `count`."""
    shown = _shown(missing)
    message = f"{name} uses what is not there: {_listed(shown, count)}"
    metadata = {"references": ",".join(shown), "reference_count": str(count)}
    return DirectFlowError(StatusCode.FAILED_PRECONDITION, "REFERENCE_NOT_FOUND", message, metadata=metadata)


def in_use(name: str, users: Sequence[str], count: int) -> DirectFlowError:
    """Others use it; `users` are the first of `count`."""
    shown = _shown(users)
    message = f"{name} is used by {_listed(shown, count)}: change or delete these first"
    metadata = {"users": ",".join(shown), "user_count": str(count)}
    return DirectFlowError(StatusCode.FAILED_PRECONDITION, "RESOURCE_IN_USE", message, metadata=metadata)


def too_many(collection: str, limit: int) -> DirectFlowError:
    """The workspace has as many documents as it may."""
    message = f"the workspace has {limit:,} {collection}, which is the most that this gateway keeps for one"
    return DirectFlowError(
        StatusCode.RESOURCE_EXHAUSTED, "WORKSPACE_OVER_LIMIT", message, metadata={"limit": str(limit)}
    )


def compacted() -> DirectFlowError:
    """The store has never come to that revision: it was restored from a backup."""
    message = "the store does not know this revision: begin again with a snapshot"
    return DirectFlowError(StatusCode.OUT_OF_RANGE, "COMPACTED", message)


def _shown(names: Sequence[str]) -> list[str]:
    """As `dataSources/members`, for all are of one workspace; as many as fit."""
    short = [name.split("/", 2)[2] for name in names]
    while len(",".join(short)) > LONGEST_LIST:
        short.pop()
    return short


def _listed(shown: Sequence[str], count: int) -> str:
    more = f" and {count - len(shown)} more" if count > len(shown) else ""
    return ", ".join(shown) + more
