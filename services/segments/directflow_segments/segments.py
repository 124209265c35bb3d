"""Segments: rows of the discovery query, read again at every call, within a cap."""

from collections.abc import Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field

import pyarrow as pa
from directflow_runtime.errors import DirectFlowError, StatusCode

from directflow_segments.cells import cells_of
from directflow_segments.data_sources import DataSource, Role, Scalar, Value
from directflow_segments.mapping import Given, map_variables
from directflow_segments.proven import proven
from directflow_segments.queries import Header, Limits, QueryGateway, Rows, RowsRequest, Summary

MOST_SEGMENTS = 10_000
MOST_BYTES = 32 * 1024 * 1024
_CAP = Limits(max_rows=MOST_SEGMENTS, max_bytes=MOST_BYTES, truncate=True)


@dataclass(frozen=True, slots=True)
class Segment:
    """One row of the discovery query."""

    key: str
    """The key column's value as text."""
    cells: tuple[Scalar, ...] = field(repr=False)
    """In the schema's order."""


@dataclass(frozen=True, slots=True)
class Discovery:
    """What the discovery query returned."""

    schema: pa.Schema
    segments: tuple[Segment, ...] = field(repr=False)
    truncated: bool
    """True: there are more rows than are read."""

    def row(self, segment: Segment) -> dict[str, Scalar]:
        """A segment's cells by column."""
        return dict(zip(self.schema.names, segment.cells, strict=True))


async def discover(gateway: QueryGateway, data_source: DataSource, variables: Mapping[str, Value]) -> Discovery:
    """Runs the discovery query. Rows without a key are no segments: nobody could ask for them again."""
    query = data_source.query(Role.DISCOVERY)
    values = map_variables(data_source, query, Given(caller=variables)).values
    schema, truncated = pa.schema([]), False
    segments: list[Segment] = []
    async with aclosing(proven(gateway.rows(RowsRequest(query, values, _CAP)))) as messages:
        async for message in messages:
            match message:
                case Header():
                    schema = message.schema
                    _refuse_without_key(schema, data_source)
                case Rows():
                    segments.extend(_segments(message.rows, data_source.key_column))
                case Summary():
                    truncated = message.truncated
    return Discovery(schema, tuple(segments), truncated)


async def find_segment(
    gateway: QueryGateway, data_source: DataSource, key: str, variables: Mapping[str, Value]
) -> tuple[Discovery, Segment]:
    """The segment with this key, looked up now; SEGMENT_NOT_FOUND. Two with one key are CONTRACT_BROKEN."""
    discovery = await discover(gateway, data_source, variables)
    matching = [segment for segment in discovery.segments if segment.key == key]
    if len(matching) > 1:
        raise DirectFlowError(
            StatusCode.FAILED_PRECONDITION,
            "CONTRACT_BROKEN",
            f"The discovery query returns {len(matching)} rows with one value of its key column "
            f'"{data_source.key_column}".',
        )
    if not matching:
        raise DirectFlowError(
            StatusCode.NOT_FOUND, "SEGMENT_NOT_FOUND", f"{data_source.name} has no segment with this key any more."
        )
    return discovery, matching[0]


def _segments(rows: pa.RecordBatch, key_column: str) -> Iterator[Segment]:
    columns = [cells_of(column) for column in rows.columns]
    key_index = rows.schema.get_field_index(key_column)
    for cells in zip(*columns, strict=True):
        if cells[key_index] is not None:
            yield Segment(as_text(cells[key_index]), cells)


def as_text(cell: Scalar) -> str:
    """A cell as PostgreSQL would take it back, near enough to read and to compare."""
    return str(cell).lower() if isinstance(cell, bool) else "" if cell is None else str(cell)


def _refuse_without_key(schema: pa.Schema, data_source: DataSource) -> None:
    if schema.get_field_index(data_source.key_column) < 0:
        raise DirectFlowError(
            StatusCode.FAILED_PRECONDITION,
            "CONTRACT_BROKEN",
            f'The discovery query must return its key column "{data_source.key_column}", once.',
        )
