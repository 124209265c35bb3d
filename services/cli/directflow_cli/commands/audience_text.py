"""An audience as text: JSON lines, a JSON array, or the first people in a table."""

from typing import TYPE_CHECKING, Any, Final

from directflow_cli.commands.cells import columns_of_arrow
from directflow_cli.commands.destination import Abandonable
from directflow_cli.commands.output import json_line, print_table, row_record

if TYPE_CHECKING:
    import pyarrow as pa

SHOWN_IN_TABLE: Final = 20


class JsonLinesSink:
    """One object a person and line."""

    def __init__(self, file: Abandonable) -> None:
        self._file = file

    def begin(self, schema: "pa.Schema") -> None:
        """There is no header line."""

    def write(self, batch: "pa.RecordBatch") -> None:
        self._file.write(b"".join(line.encode() + b"\n" for line in _lines(batch)))

    def end(self) -> None:
        """There is no last line; the exit code says that it is complete."""


class JsonSink:
    """One array of objects. Without its closing bracket, which `end` writes, no parser takes it."""

    def __init__(self, file: Abandonable) -> None:
        self._file = file
        self._separator = "[\n"

    def begin(self, schema: "pa.Schema") -> None:
        """The bracket comes with the first person: an empty audience is `[]`."""

    def write(self, batch: "pa.RecordBatch") -> None:
        for line in _lines(batch):
            self._file.write(f"{self._separator}{line}".encode())
            self._separator = ",\n"

    def end(self) -> None:
        self._file.write(b"[]\n" if self._separator == "[\n" else b"\n]\n")


class TableSink:
    """The first people, for a look; the ledger counts the rest."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._rows: list[tuple[Any, ...]] = []
        self._unshown = 0

    def begin(self, schema: "pa.Schema") -> None:
        self._names = list(schema.names)

    def write(self, batch: "pa.RecordBatch") -> None:
        shown = batch.slice(0, max(0, SHOWN_IN_TABLE - len(self._rows)))
        self._rows.extend(zip(*columns_of_arrow(shown), strict=True))
        self._unshown += batch.num_rows - shown.num_rows

    def end(self) -> None:
        title = f"{len(self._rows)} people, and {self._unshown:,} more" if self._unshown else None
        print_table(self._names, self._rows, title)


def _lines(batch: "pa.RecordBatch") -> Any:
    names = list(batch.schema.names)
    return (json_line(row_record(names, row)) for row in zip(*columns_of_arrow(batch), strict=True))
