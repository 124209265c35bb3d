"""Rows of a libpq result as raw bytes, by psycopg's C code. With wire.py the only place that needs its inner names."""

from psycopg import pq
from psycopg.adapt import Transformer
from psycopg.pq.abc import PGresult

BYTEA_OID = 17
"""Its binary loader hands over the cell's bytes as they are. Asked for on purpose, for cells in text format: bytes go
into Arrow without being decoded to `str` and encoded again, which is the dearest part of a row."""

RawRow = tuple[bytes | None, ...]


class RawRows:
    """Turns the results of one statement into rows; all results have the same columns."""

    def __init__(self) -> None:
        self._transformer = Transformer()
        self._ready = False

    def read(self, result: PGresult) -> list[RawRow]:
        """The rows of a result, NULL as None. The result is cleared: its memory goes before the rows are worked on."""
        self._transformer.set_pgresult(result, set_loaders=False)
        if not self._ready:
            self._transformer.set_loader_types([BYTEA_OID] * result.nfields, pq.Format.BINARY)
            self._ready = True
        rows = self._transformer.load_rows(0, result.ntuples, tuple)
        result.clear()
        return rows
