"""Row, byte and single-row limits, enforced on every piece before any of it travels on."""

import time

import pyarrow as pa
import pyarrow.compute as pc
from directflow_runtime.errors import DirectFlowError, StatusCode

from directflow_gateway.connections import Limits
from directflow_gateway.execution.pieces import Piece
from directflow_gateway.execution.plan import StreamProgress


class Meter:
    """Counts what comes in against the limits of one statement."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._started = time.monotonic()
        self.progress = StreamProgress()

    def admit(self, piece: Piece) -> Piece:
        """The piece, or with `truncate` as much of it as the limits leave. Raises RESOURCE_EXHAUSTED."""
        if self.progress.first_row_s is None:
            self.progress.first_row_s = time.monotonic() - self._started
        if piece.text_bytes > self._limits.max_row_bytes:
            self._check_rows(piece)
        kept = self._within_rows(self._within_bytes(piece))
        self.progress.rows += kept.row_count
        self.progress.bytes += kept.text_bytes
        return kept

    def _check_rows(self, piece: Piece) -> None:
        if pc.max(piece.row_sizes()).as_py() > self._limits.max_row_bytes:
            raise row_too_large(self._limits)

    def _within_rows(self, piece: Piece) -> Piece:
        left = self._limits.max_rows - self.progress.rows
        if piece.row_count <= left:
            return piece
        return self._cut(piece, left, "ROW_LIMIT_EXCEEDED", "more rows than the limit", self._limits.max_rows)

    def _within_bytes(self, piece: Piece) -> Piece:
        left = self._limits.max_bytes - self.progress.bytes
        if piece.text_bytes <= left:
            return piece
        running = pc.cumulative_sum(piece.row_sizes())
        fitting = pc.sum(pc.less_equal(running, pa.scalar(left, pa.int64()))).as_py()
        return self._cut(piece, fitting, "BYTE_LIMIT_EXCEEDED", "more bytes than the limit", self._limits.max_bytes)

    def _cut(self, piece: Piece, rows: int, reason: str, message: str, limit: int) -> Piece:
        if not self._limits.truncate:
            raise _exhausted(reason, message, limit)
        self.progress.truncated = True
        return piece.first(rows)


def row_too_large(limits: Limits) -> DirectFlowError:
    """One row is larger than the limit, or many at once are far wider than planned: libpq would have to hold them."""
    return _exhausted("ROW_TOO_LARGE", "one row is larger than the limit", limits.max_row_bytes)


def _exhausted(reason: str, message: str, limit: int) -> DirectFlowError:
    return DirectFlowError(StatusCode.RESOURCE_EXHAUSTED, reason, message, metadata={"limit": str(limit)})
