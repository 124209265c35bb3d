"""Which statements a saved definition allows to run.

Whoever saves a definition, and the gateway that runs its statements, must come to the same digest, or nothing runs.
"""

import hashlib
from collections.abc import Iterable
from typing import NamedTuple


class DigestedVariable(NamedTuple):
    """A variable of the template, and how its value is bound."""

    name: str
    kind: str
    """"text", "integer", "number", "boolean", "date", "timestamp" or "uuid"."""
    is_list: bool


def statement_digest(connection: str, role: str, template: str, variables: Iterable[DigestedVariable]) -> bytes:
    """16 bytes that stand for a statement: where it runs, what for ("generator"), its text and its variables' kinds.

    A variable that is not named is a text, so naming it as one makes no difference; neither does the order.
    """
    kinds = sorted(f"{v.name}:{v.kind}:{v.is_list}" for v in variables if v.is_list or v.kind != "text")
    digest = hashlib.blake2b(digest_size=16)
    for part in (connection, role, template, *kinds):
        # The length in front keeps ("ab", "c") and ("a", "bc") apart.
        encoded = part.encode("utf-8", "surrogatepass")
        digest.update(len(encoded).to_bytes(8) + encoded)
    return digest.digest()
