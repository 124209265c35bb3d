"""Rows become columns: a few hundred at a time, while they are still in the processor's cache."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Self

import pyarrow as pa
import pyarrow.compute as pc

from directflow_gateway.execution.raw_rows import RawRow

BINARY = pa.binary()
PIECE_BYTES = 128 * 1024
MOST_PIECE_ROWS = 2_000
MOST_PENDING_BYTES = 512 * 1024
"""Rows that wait to become a piece: a few wide ones among narrow ones must not wait for two thousand."""


@dataclass(frozen=True, slots=True, repr=False)
class Piece:
    """Some rows as Arrow arrays of raw bytes, one a column."""

    row_count: int
    text_bytes: int
    """Bytes of all cells' text."""
    columns: list[pa.BinaryArray]

    @classmethod
    def of(cls, rows: list[RawRow], width: int) -> Self:
        """The columns of `rows`, each of which has `width` cells."""
        flat = list(chain.from_iterable(rows))
        # Slices of one flat list: zip(*rows) would make an iterator for every row.
        columns = [pa.array(flat[position::width], BINARY) for position in range(width)]
        return cls(len(rows), sum(map(_text_bytes, columns)), columns)

    def first(self, row_count: int) -> "Piece":
        """The first rows of this piece."""
        sizes = self.row_sizes()[:row_count]
        return Piece(row_count, pc.sum(sizes).as_py() or 0, [column.slice(0, row_count) for column in self.columns])

    def row_sizes(self) -> pa.Int64Array:
        """Bytes of text of every row."""
        sizes = pa.repeat(pa.scalar(0, pa.int64()), self.row_count)
        for column in self.columns:
            sizes = pc.add(sizes, pc.fill_null(pc.binary_length(column), 0))
        return sizes


def _text_bytes(column: pa.BinaryArray) -> int:
    data = column.buffers()[2]
    return data.size if data is not None else 0


class Cutter:
    """Cuts the rows of a stream into pieces of about 128 KiB."""

    def __init__(self, width: int) -> None:
        """`width`: cells of a row."""
        self._width = width
        self._pending: list[RawRow] = []
        self._piece_rows = 1  # the first row tells how wide they are
        self._cut_at = 0

    def add(self, rows: list[RawRow], bytes_read: int) -> Iterator[Piece]:
        """Takes rows; yields the pieces that are full now. `bytes_read`: from the beginning of the stream on the wire,
        the only measure of the pending rows that costs nothing."""
        self._pending += rows
        grown = bytes_read - self._cut_at
        if grown > MOST_PENDING_BYTES:
            self._piece_rows = min(self._piece_rows, max(1, len(self._pending) * PIECE_BYTES // grown))
            yield from self.rest()
        else:
            yield from self._cut(self._piece_rows)
        if not self._pending:
            self._cut_at = bytes_read

    def rest(self) -> Iterator[Piece]:
        """Everything that is pending."""
        yield from self._cut(1)

    def _cut(self, least_rows: int) -> Iterator[Piece]:
        """Pieces as long as at least so many rows are there."""
        while len(self._pending) >= least_rows:
            piece = Piece.of(self._pending[: self._piece_rows], self._width)
            del self._pending[: self._piece_rows]
            fitting = PIECE_BYTES * piece.row_count // max(1, piece.text_bytes)
            self._piece_rows = max(1, min(MOST_PIECE_ROWS, fitting))
            yield piece
