"""JSON of any depth: the standard library's reader stops at the interpreter's recursion limit."""

import json
import re
from collections.abc import Iterator

from directflow_gateway.sql.tree import Json

_PIECE = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]|[^\s\[\]{},:"]+')


def decode(document: bytes) -> Json:
    """The value of a JSON document that is known to be well formed (libpg_query wrote it)."""
    try:
        return json.loads(document)  # type: ignore[no-any-return]
    except RecursionError:
        # 300 chained operators nest 600 levels, and an async server has some hundred frames on its stack already.
        return _decode_iteratively(match.group() for match in _PIECE.finditer(document))


def _decode_iteratively(pieces: Iterator[bytes]) -> Json:
    """Commas and colons are redundant for a well-formed document: in an object, keys and values alternate."""
    outer: list[list[Json]] = []
    current: list[Json] = []
    for piece in pieces:
        if piece in (b"{", b"["):
            outer.append(current)
            current = []
        elif piece in (b"}", b"]"):
            closed: Json = dict(zip(map(str, current[::2]), current[1::2], strict=True)) if piece == b"}" else current
            current = outer.pop()
            current.append(closed)
        else:
            current.append(json.loads(piece))
    return current[0]
