"""Counts people of two sides whose rows come together: by key, so that nobody has to be remembered.

A person is of a side when one row there has a contact point to deliver to, as in `audience.ledger`.
"""

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from directflow_runtime.errors import DirectFlowError, StatusCode

from directflow_segments.audience.contacts import Mask
from directflow_segments.audience.ledger import DELIVERED
from directflow_segments.audience.reachability import ContactCheck, ContactRules
from directflow_segments.audience.reader import KEY_COLUMN
from directflow_segments.explanation.questions import SIDE, DifferenceHeader

FIRST, SECOND = 1, 2


@dataclass(slots=True)
class Sides:
    """How many people are where."""

    both: int = 0
    first: int = 0
    """Only there."""
    second: int = 0
    first_ids: list[str] = field(default_factory=list, repr=False)
    """Some of those only there: the first by their keys."""
    second_ids: list[str] = field(default_factory=list, repr=False)


class SidesReader:
    """Reads batches in the order of their keys; `end` settles the last person."""

    def __init__(self, header: DifferenceHeader, rules: ContactRules, most_ids: int) -> None:
        """Raises CONTRACT_BROKEN where the columns of a side make no audience."""
        columns = {FIRST: header.first_columns, SECOND: header.second_columns}
        self._checks = {side: ContactCheck(_schema(header.schema, names), rules) for side, names in columns.items()}
        self._most_ids = most_ids
        self._sides = Sides()
        self._last: pa.Array | None = None
        self._is_of = {FIRST: False, SECOND: False}
        """Of which sides the last person is, as far as their rows were read."""

    def read(self, batch: pa.RecordBatch) -> None:
        """The next rows. INTERNAL when their keys do not rise."""
        if not batch.num_rows:
            return
        keys = batch.column(KEY_COLUMN)
        joined = keys if self._last is None else pa.concat_arrays([self._last, keys])
        if pc.any(pc.less(joined[1:], joined[:-1])).as_py():  # strings compare by bytes, as COLLATE "C" does
            raise DirectFlowError(StatusCode.INTERNAL, "INTERNAL", "The rows did not come in the order of their keys.")
        starts = np.flatnonzero(np.concatenate([[True], _mask(pc.not_equal(keys[1:], keys[:-1]))]))
        people = {side: np.logical_or.reduceat(mask, starts) for side, mask in self._deliverable(batch).items()}
        self._meet(keys.take(pa.array(starts)), people)

    def _deliverable(self, batch: pa.RecordBatch) -> dict[int, Mask]:
        sides = batch.column(SIDE).to_numpy()
        found = {}
        for side, check in self._checks.items():
            of_side = sides == side
            found[side] = of_side.copy()
            found[side][of_side] = check.examine(batch.filter(pa.array(of_side))).standings == DELIVERED
        return found

    def _meet(self, ids: pa.Array, people: dict[int, Mask]) -> None:
        """People, each once; the first may be the one that was met last, and the last may go on."""
        if self._last is not None and self._last[0].as_py() == ids[0].as_py():
            for side, mask in people.items():
                mask[0] |= self._is_of[side]
        elif self._last is not None:
            self._settle_last()
        self._settle(ids[:-1], people[FIRST][:-1], people[SECOND][:-1])
        self._last = ids[-1:]
        self._is_of = {side: bool(mask[-1]) for side, mask in people.items()}

    def _settle_last(self) -> None:
        if self._last is not None:
            self._settle(self._last, np.array([self._is_of[FIRST]]), np.array([self._is_of[SECOND]]))

    def _settle(self, ids: pa.Array, first: Mask, second: Mask) -> None:
        self._sides.both += int(np.count_nonzero(first & second))
        self._sides.first += self._sample(ids, first & ~second, self._sides.first_ids)
        self._sides.second += self._sample(ids, second & ~first, self._sides.second_ids)

    def _sample(self, ids: pa.Array, chosen: Mask, sample: list[str]) -> int:
        indexes = np.flatnonzero(chosen)
        sample += ids.take(pa.array(indexes[: self._most_ids - len(sample)])).to_pylist()
        return int(indexes.size)

    def end(self) -> Sides:
        """The count, once all rows were read."""
        self._settle_last()
        self._last = None
        return self._sides


def _schema(schema: pa.Schema, names: tuple[str, ...]) -> pa.Schema:
    return pa.schema([schema.field(name) for name in names])


def _mask(column: pa.BooleanArray) -> Mask:
    mask: Mask = column.to_numpy(zero_copy_only=False)
    return mask
