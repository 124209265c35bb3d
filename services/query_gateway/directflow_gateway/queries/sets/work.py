"""What is done with the tuples of a call: the port between the order of the work and the work itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import psycopg
from directflow_runtime.errors import DirectFlowError

from directflow_gateway.execution import Rows, SqlStatement
from directflow_gateway.queries.sets.costs import Step
from directflow_gateway.queries.sets.tuples import BoundTuples
from directflow_gateway.sql.set_form import Elements, SetStatement, array_text

Chunk = Sequence[int]
"""Numbers of different tuples, rising: a range as long as nothing is taken out."""
MOST_ARRAY_CHARACTERS = 4 * 1024 * 1024
"""Of all arrays of one statement, about, unless it is for a single tuple."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How far a statement for many came."""

    complete: int
    """So many tuples of the chunk, from its beginning, have what they come to."""
    error: psycopg.Error | None = None
    worked_s: float = 0.0
    """How long it took, where it came to its end."""


class Parts(Protocol):
    """Parts of a chunk, of which each may decide on those that come next."""

    @property
    def chunk(self) -> Chunk:
        """All that there are parts of."""

    def following(self) -> range | None:
        """The next one to be run, as places in the chunk; None when there is none as yet. Never raises."""

    def ended(self, ended: Ended) -> None:
        """How far the first one came that has not ended. Never raises."""


class Work(Protocol):
    """Runs statements for chunks of tuples and keeps what they come to."""

    @property
    def transfers(self) -> bool:
        """Whether what is transferred belongs to the costs: rows do, letters do not."""

    async def run(self, step: Step, chunk: Chunk) -> Ended:
        """A chunk in the step's form; the transaction is usable afterwards. Raises Unresponsive, AllowanceExceeded, and
        DirectFlowError for a lost connection."""

    async def run_in_order(self, parts: Parts, limit_s: float) -> None:
        """Each part as a LATERAL, tuple after tuple, keeping all that stands before an error."""

    def took(self, index: int, rows: Rows) -> None:
        """Keeps what the author's own statement came to for a tuple."""

    def failed(self, index: int, error: DirectFlowError) -> None:
        """Keeps why a tuple has no outcome."""


def statement_for(text: SetStatement, bound: BoundTuples, types: Sequence[str], chunk: Chunk) -> SqlStatement:
    """The text with the arrays of these tuples."""
    arrays = [array_text(cells(bound.columns[n], chunk), types[n - 1]) for n in text.arrays]
    return SqlStatement(text.text, (*arrays, *(bound.scalars[n] for n in text.scalars)))


class PartStatements:
    """The same for parts of a chunk. What stands behind a failure is sent again: the elements are written once."""

    def __init__(self, text: SetStatement, bound: BoundTuples, types: Sequence[str], chunk: Chunk) -> None:
        self._arrays = [Elements(cells(bound.columns[n], chunk), types[n - 1]) for n in text.arrays]
        self._scalars = [bound.scalars[n] for n in text.scalars]

    def parameters(self, part: range) -> list[str | None]:
        """Of the statement for these places of the chunk."""
        return [*(elements.array_text(part.start, part.stop) for elements in self._arrays), *self._scalars]


def cells(column: Sequence[str | None], chunk: Chunk) -> Sequence[str | None]:
    """The texts of these tuples."""
    if isinstance(chunk, range):
        return column[chunk.start : chunk.stop]
    return [column[index] for index in chunk]
