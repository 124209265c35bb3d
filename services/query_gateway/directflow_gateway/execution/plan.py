"""How a statement's rows are to be received: chunk size, columns, form."""

import enum
from dataclasses import dataclass
from typing import Protocol

CHUNK_BYTES = 1024 * 1024
MOST_CHUNK_ROWS = 64
"""libpq holds a chunk in memory until it is whole, however wide its rows turn out to be, and the size cannot change
while the statement runs. 64 rows cost 2 % more time than 4,000, and 64 rows of 200 kB that the planner took for 32
bytes are 13 MB instead of 800."""


class Wire(Protocol):
    """A member of `description.WireType`."""

    @property
    def name(self) -> str: ...


class ResultColumn(Protocol):
    """What is used of `description.ColumnType`."""

    @property
    def name(self) -> str: ...
    @property
    def pg_type(self) -> str: ...
    @property
    def oid(self) -> int: ...
    @property
    def wire(self) -> Wire: ...


class ValueForm(enum.Enum):
    """Whether cells become Arrow values or stay text."""

    TYPED = "typed"
    TEXT = "text"
    """Every column is a string, exactly as PostgreSQL prints it."""


@dataclass(frozen=True, slots=True)
class StreamPlan:
    """What Describe and the planner know of the result."""

    columns: tuple[ResultColumn, ...]
    width: int = 0
    """The planner's average row width in bytes; 0 when nobody asked it."""
    form: ValueForm = ValueForm.TYPED

    @property
    def chunk_rows(self) -> int:
        """Rows that libpq collects before it hands them over: about 1 MiB by the planner's width."""
        return max(1, min(MOST_CHUNK_ROWS, CHUNK_BYTES // max(1, self.width)))


@dataclass(slots=True)
class StreamProgress:
    """How far a stream is. Bytes are those of cell text as received from PostgreSQL."""

    rows: int = 0
    bytes: int = 0
    first_row_s: float | None = None
    """Seconds from sending the statement to its first row; None before."""
    truncated: bool = False
    """A limit with `truncate` ended the stream: there are more rows."""
