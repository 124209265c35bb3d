"""What segments asks of the query gateway, in terms of its own: the port that `gateway` fills."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Protocol

import pyarrow as pa

from directflow_segments.data_sources import Query, Value


@dataclass(frozen=True, slots=True)
class Limits:
    """What a call lowers of the connection's limits; 0 lowers nothing."""

    max_rows: int = 0
    max_bytes: int = 0
    """Of row text, as the gateway receives it."""
    statement_timeout_s: float = 0.0
    max_age_s: float = 0.0
    truncate: bool = False
    """True: a limit of rows or bytes ends the stream in good order instead of failing it."""


@dataclass(frozen=True, slots=True)
class RowsRequest:
    """The rows of a query for one set of values."""

    query: Query
    values: Mapping[str, Value] = field(repr=False)
    limits: Limits = field(default_factory=Limits)
    columns: tuple[str, ...] = ()
    """Only these; empty: all."""
    order_by: str = ""
    """Order by this column, NULL first, text by its bytes."""
    after: str | None = field(default=None, repr=False)
    """With `order_by`: only rows whose column is greater."""


@dataclass(frozen=True, slots=True)
class Header:
    """What is known before the first row. Each field's metadata has `pg_type` and `pg_oid`."""

    schema: pa.Schema
    encoded_schema: bytes
    """The same as an Arrow IPC message."""
    snapshot_time: datetime
    """In UTC."""
    estimated_rows: int


@dataclass(frozen=True, slots=True)
class Rows:
    """A run of rows."""

    rows: pa.RecordBatch
    encoded: bytes = field(repr=False)
    """The same as an Arrow IPC message."""
    offset: int
    """Rows before these, as the gateway counts."""


@dataclass(frozen=True, slots=True)
class Summary:
    """The counts of a finished stream."""

    row_count: int
    byte_count: int
    truncated: bool


class Outcome(Enum):
    """What one person's query came to."""

    ROW = "row"
    NO_ROW = "no row"
    MULTIPLE_ROWS = "multiple rows"
    """The first was sent."""
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class PersonError:
    """Why one person's query came to ERROR."""

    index: int
    reason: str
    message: str
    """One sentence without values."""


@dataclass(frozen=True, slots=True)
class PeopleRequest:
    """The first row of a query for each of many people."""

    query: Query
    variable: str
    """The variable that a person's id is the value of."""
    profile_ids: Sequence[str] = field(repr=False)
    values: Mapping[str, Value] = field(repr=False)
    """Equal for all."""


@dataclass(frozen=True, slots=True)
class PeopleRows:
    """The rows of some people."""

    rows: Rows
    indexes: tuple[int, ...]
    """Index in `profile_ids` of each row's person; rising."""


@dataclass(frozen=True, slots=True)
class PeopleSummary:
    """What every person came to."""

    outcomes: tuple[Outcome, ...]
    errors: tuple[PersonError, ...]
    row_count: int


class QueryGateway(Protocol):
    """The way to the customer's database. Every method raises DirectFlowError as our own caller may see it.

    The streams are async generators: use them under `aclosing`, or the customer's database goes on working for nobody.
    What they yield is not proven complete: that is what `proven` is for.
    """

    def rows(self, request: RowsRequest) -> AsyncGenerator[Header | Rows | Summary]:
        """A Header, then Rows, then a Summary."""

    def people(self, request: PeopleRequest) -> AsyncGenerator[Header | PeopleRows | PeopleSummary]:
        """A Header, then PeopleRows, then a PeopleSummary."""

    async def estimate(self, request: RowsRequest) -> int:
        """The planner's estimate of the rows."""
