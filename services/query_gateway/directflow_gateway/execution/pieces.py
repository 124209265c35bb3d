"""Rows become columns: a few hundred at a time, while they are still in the processor's cache."""

from dataclasses import dataclass
from itertools import chain
from typing import Self

import pyarrow as pa
import pyarrow.compute as pc

from directflow_gateway.execution.raw_rows import RawRow

BINARY = pa.binary()


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
