"""What is asked of the query gateway for it, in terms of our own: the port that `explanation.gateway` fills."""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

import pyarrow as pa

from directflow_segments.data_sources import Query, Value
from directflow_segments.queries import Header, Rows, Summary


class ConjunctOutcome(Enum):
    """What a conjunct is for a row."""

    TRUE = "TRUE"
    FALSE = "FALSE"
    NULL = "NULL"
    UNKNOWN = "UNKNOWN"
    """Evaluating it alone fails, or there is no row."""


@dataclass(frozen=True, slots=True)
class Conjunct:
    """One top-level part of the author's WHERE, and its place in the template."""

    text: str = field(repr=False)
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class RowQuestion:
    """The rows of a query for one key."""

    query: Query
    values: Mapping[str, Value] = field(repr=False)
    key_column: str
    key: str = field(repr=False)
    columns: tuple[str, ...]
    """Of the rows; those that the query does not have are left out."""


@dataclass(frozen=True, slots=True)
class ExplainedRow:
    """The answer: all of one snapshot."""

    rows: pa.RecordBatch = field(repr=False)
    truncated: bool
    """True: there are more rows with this key."""
    conjuncts: tuple[Conjunct, ...]
    candidate_rows: int
    """Rows that FROM has for the key, before WHERE."""
    nearest: tuple[tuple[ConjunctOutcome, ...], ...]
    """What the conjuncts are for some of them, those first with most of TRUE."""
    unexplained: str
    """Why there are no conjuncts: a sentence without values."""


@dataclass(frozen=True, slots=True)
class DifferenceQuestion:
    """The rows of two queries of one connection, side by side."""

    first: Query
    second: Query
    values: Mapping[str, Value] = field(repr=False)
    """Of both."""
    key_column: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DifferenceHeader(Header):
    """What is known before the first row."""

    first_columns: tuple[str, ...]
    """Those of the asked columns that the first query has."""
    second_columns: tuple[str, ...]


class ExplainingGateway(Protocol):
    """Every method raises DirectFlowError as our own caller may see it."""

    async def explain(self, question: RowQuestion) -> ExplainedRow:
        """The rows with one key, and why."""

    def difference(self, question: DifferenceQuestion) -> AsyncGenerator[DifferenceHeader | Rows | Summary]:
        """A DifferenceHeader, then Rows, then a Summary; see QueryGateway on streams. Columns of the rows: SIDE, the
        key as text, then those asked for that any of the two has, as text. By the key's bytes, then by side."""


SIDE = "_df_side"
"""1 or 2: whose row it is."""
