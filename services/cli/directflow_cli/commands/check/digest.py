"""The digest of a result that psql and `sort` can make as well.

SHA-256 over the rows in COPY's text format (values as PostgreSQL prints them, a tab between, `\\N` for NULL, a newline
after each row), sorted as bytes: `psql -c "COPY (...) TO STDOUT" | LC_ALL=C sort | sha256sum`.
"""

import hashlib
from collections.abc import Sequence
from typing import Final

_ESCAPES: Final = str.maketrans(
    {"\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}
)
_NULL: Final = "\\N"


class RowDigest:
    """Collects rows, then says their digest. It holds them all, since it has to sort them: bound the rows."""

    def __init__(self) -> None:
        self._lines: list[bytes] = []

    def add(self, columns: Sequence[Sequence[str | None]], row_count: int) -> None:
        """Adds a batch of rows, column by column. A result without columns still has rows: empty lines."""
        if not columns:
            self._lines.extend([b""] * row_count)
            return
        self._lines.extend(copy_line(row) for row in zip(*columns, strict=True))

    def __len__(self) -> int:
        return len(self._lines)

    def hexdigest(self) -> str:
        """64 hex digits."""
        digest = hashlib.sha256()
        for line in sorted(self._lines):
            digest.update(line)
            digest.update(b"\n")
        return digest.hexdigest()


def copy_line(cells: Sequence[str | None]) -> bytes:
    """One row as COPY ... TO STDOUT prints it, without the newline."""
    return "\t".join(_NULL if cell is None else cell.translate(_ESCAPES) for cell in cells).encode()
