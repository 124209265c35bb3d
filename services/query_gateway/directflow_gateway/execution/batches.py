"""Pieces become record batches of 256 KiB to 1 MiB."""

from collections.abc import Iterator, Sequence

import pyarrow as pa

from directflow_gateway.execution.casts import STRING, casts_of, schema_of
from directflow_gateway.execution.pieces import Piece
from directflow_gateway.execution.plan import ResultColumn, ValueForm

TARGET_BYTES = 512 * 1024
MOST_BYTES = 1024 * 1024 - 32 * 1024
"""A batch's buffers; the rest of the mebibyte is for the frame around them."""


class Batches:
    """Collects the pieces of one stream."""

    def __init__(self, columns: Sequence[ResultColumn], form: ValueForm) -> None:
        self.schema = schema_of(columns, form)
        self._casts = casts_of(columns, form)
        self._pieces: list[Piece] = []
        self._bytes = 0

    def add(self, piece: Piece) -> Iterator[pa.RecordBatch]:
        """Takes a piece; yields the batches that are full now."""
        if self._bytes + piece.text_bytes > MOST_BYTES:
            yield from self.rest()
        self._pieces.append(piece)
        self._bytes += piece.text_bytes
        if self._bytes >= TARGET_BYTES:
            yield from self.rest()

    def rest(self) -> Iterator[pa.RecordBatch]:
        """Everything that was taken and not yet given out."""
        pieces, self._pieces, self._bytes = self._pieces, [], 0
        if sum(piece.row_count for piece in pieces):
            yield from split(self._batch(pieces))

    def _batch(self, pieces: list[Piece]) -> pa.RecordBatch:
        if not self._casts:  # SELECT FROM t: rows without columns
            rows = pa.array([{}] * sum(piece.row_count for piece in pieces), pa.struct([]))
            return pa.RecordBatch.from_struct_array(rows)
        joined = [pa.concat_arrays(parts) for parts in zip(*(piece.columns for piece in pieces), strict=True)]
        # Bytes become text without a look at them: the server checks what it sends, whatever its own encoding.
        texts = [column.view(STRING) for column in joined]
        arrays = [cast(text) for cast, text in zip(self._casts, texts, strict=True)]
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)


def split(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """The batch in parts of at most MOST_BYTES, or of one row where that is larger. Nothing is copied."""
    if batch.nbytes <= MOST_BYTES or batch.num_rows == 1:
        yield batch
        return
    half = batch.num_rows // 2
    yield from split(batch.slice(0, half))
    yield from split(batch.slice(half))
