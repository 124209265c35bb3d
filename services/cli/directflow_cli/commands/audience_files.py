"""An audience as a file: CSV, Parquet, Arrow. NULL is told from an empty text in each of them."""

from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from directflow_cli.commands.cells import iso_texts
from directflow_cli.commands.destination import Abandonable


class CsvSink:
    """CSV (RFC 4180 with LF): texts are quoted, NULL is nothing at all between the commas. Timestamps are ISO 8601."""

    def __init__(self, file: Abandonable) -> None:
        self._file = file
        self._writer: Any = None

    def begin(self, schema: pa.Schema) -> None:
        printed = [field.with_type(_printed_type(field.type)) for field in schema]
        self._writer = pa.csv.CSVWriter(self._file, pa.schema(printed))

    def write(self, batch: pa.RecordBatch) -> None:
        # Arrow would print an infinite timestamp as the year -290308.
        columns = [iso_texts(column) if pa.types.is_timestamp(column.type) else column for column in batch.columns]
        self._writer.write_batch(pa.RecordBatch.from_arrays(columns, names=batch.schema.names))

    def end(self) -> None:
        self._writer.close()


class ParquetSink:
    """Parquet. Without its footer, which `end` writes, no reader takes it."""

    def __init__(self, file: Abandonable) -> None:
        self._file = file
        self._writer: Any = None

    def begin(self, schema: pa.Schema) -> None:
        self._writer = pa.parquet.ParquetWriter(pa.PythonFile(self._file, mode="w"), schema)

    def write(self, batch: pa.RecordBatch) -> None:
        self._writer.write_batch(batch)

    def end(self) -> None:
        self._writer.close()


class ArrowSink:
    """Arrow IPC: the file format into a file, the stream format into a pipe, as their readers expect."""

    def __init__(self, file: Abandonable, *, piped: bool) -> None:
        self._file = file
        self._piped = piped
        self._writer: Any = None

    def begin(self, schema: pa.Schema) -> None:
        open_writer = pa.ipc.new_stream if self._piped else pa.ipc.new_file
        self._writer = open_writer(self._file, schema)

    def write(self, batch: pa.RecordBatch) -> None:
        self._writer.write_batch(batch)

    def end(self) -> None:
        self._writer.close()


def _printed_type(kind: pa.DataType) -> pa.DataType:
    return pa.string() if pa.types.is_timestamp(kind) else kind
