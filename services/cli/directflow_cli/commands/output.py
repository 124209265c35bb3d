"""Results on stdout: a table for people, JSON for programs."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from directflow_cli.commands.cells import Cell, json_cell
from directflow_cli.commands.options import OutputFormat
from directflow_cli.commands.printable import printable

NULL_IN_TABLE = "∅"
"""NULL is told from an empty text."""
WIDEST = 10_000
"""Terminal cells of a table in a pipe."""


def write_records(output: OutputFormat, records: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Several things: a table with `columns`, a JSON array, or a JSON object a line."""
    match output:
        case OutputFormat.TABLE:
            print_table(columns, ([record.get(name) for name in columns] for record in records))
        case OutputFormat.JSON:
            write_json([_plain(record) for record in records])
        case OutputFormat.JSONL:
            for record in records:
                write_json_line(record)


def write_document(output: OutputFormat, document: Mapping[str, Any]) -> None:
    """One thing: a table of its fields, or one JSON object."""
    match output:
        case OutputFormat.TABLE:
            print_table(("field", "value"), document.items())
        case OutputFormat.JSON:
            write_json(_plain(document))
        case OutputFormat.JSONL:
            write_json_line(document)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], title: str | None = None) -> None:
    """A table as wide as it needs to be: a value is never cut because a pipe has no width."""
    console = Console(highlight=False)
    if title:
        sys.stdout.write(f"{title}\n")  # rich would wrap it to the table's width
    table = Table()
    for name in columns:
        table.add_column(Text(printable(name)))
    for row in rows:
        table.add_row(*(Text(cell_text(cell)) for cell in row))
    if not sys.stdout.isatty():
        wide = console.options.update(width=WIDEST, max_width=WIDEST)
        console.width = max(console.width, Measurement.get(console, wide, table).maximum)
    console.print(table)


def cell_text(cell: Any) -> str:
    """A cell for a person."""
    if cell is None:
        return NULL_IN_TABLE
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return printable(cell if isinstance(cell, str) else str(cell))


def write_json(value: Any) -> None:
    """An indented JSON document."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def write_json_line(record: Mapping[str, Any]) -> None:
    """One line of JSON."""
    sys.stdout.write(json_line(record) + "\n")


def json_line(record: Mapping[str, Any]) -> str:
    """One line of JSON, without the newline."""
    return json.dumps(_plain(record), ensure_ascii=False, allow_nan=False)


def row_record(names: Sequence[str], cells: Sequence[Cell]) -> dict[str, Cell]:
    """One row by column name."""
    return dict(zip(names, cells, strict=True))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else json_cell(value)
