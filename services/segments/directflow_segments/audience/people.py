"""Who was met before: the two ways to tell a person's further rows from first ones.

In the author's order everybody must be remembered; in the order of the keys a person's rows are neighbours, and the
last person is all there is to remember.
"""

from collections.abc import Callable
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from directflow_runtime.errors import DirectFlowError, StatusCode

from directflow_segments.audience.contacts import Mask
from directflow_segments.audience.keys import KeyReader, key_form
from directflow_segments.audience.ledger import DELIVERED, DUPLICATED, Standings, Tally, outcome
from directflow_segments.audience.scratch import Scratch
from directflow_segments.audience.seen import SeenKeys
from directflow_segments.audience.young_table import NEW, Indexes, Words


class People(Protocol):
    """What decides which rows are a person's first with a contact point."""

    def meet(self, ids: pa.Array, standings: Standings, tally: Tally) -> Mask:
        """The rows to deliver. `ids`: profile ids without NULL, at least one; `standings`: what each row is."""

    @property
    def resume_key(self) -> str | None:
        """The last id, as text, behind which nobody is missing who was met so far; None where there is none to tell."""

    def takes_long(self, rows: int) -> bool:
        """True when meeting so many may take more than some milliseconds."""

    def close(self) -> None:
        """Gives back what was used to remember people."""


class RememberedPeople:
    """Everybody is remembered: rows may come in any order."""

    resume_key: str | None = None

    def __init__(self, key: pa.Field, scratch: Scratch) -> None:
        self._keys = KeyReader(key_form(key))
        self._seen = SeenKeys(self._keys.form.words, scratch)

    def meet(self, ids: pa.Array, standings: Standings, tally: Tally) -> Mask:
        """See People."""
        keys = self._keys.read(ids)
        order, starts = _sorted_groups(keys)

        def remember(proposed: Standings) -> Standings:
            return self._seen.update(keys[:, order[starts]], proposed, outcome)

        return _first_rows(order, starts, standings, remember, tally)

    def takes_long(self, rows: int) -> bool:
        """See People."""
        return self._seen.must_merge(rows)

    def close(self) -> None:
        """See People."""
        self._seen.close()


class NeighbouringPeople:
    """Rows come in the order of their keys: only the person last met is remembered."""

    def __init__(self) -> None:
        self._last: pa.Scalar | None = None
        self._standing = NEW
        self._settled: pa.Scalar | None = None

    @property
    def resume_key(self) -> str | None:
        """See People. A person is settled once delivered, or once the next one begins."""
        settled = self._last if self._standing >= DELIVERED else self._settled
        return None if settled is None else str(settled.as_py())

    def meet(self, ids: pa.Array, standings: Standings, tally: Tally) -> Mask:
        """See People. INTERNAL when the ids do not rise."""
        _refuse_disorder(ids[1:], ids[:-1])
        goes_on = self._goes_on(ids[:1])
        starts = np.flatnonzero(np.concatenate([[True], _differ(ids[1:], ids[:-1])]))

        def remember(proposed: Standings) -> Standings:
            before = np.full(proposed.size, NEW, np.uint8)
            before[0] = self._standing if goes_on else NEW
            self._standing = int(outcome(before[-1:], proposed[-1:])[0])
            return before

        if not goes_on:
            self._settled = self._last
        if starts.size > 1:
            self._settled = ids[int(starts[-1]) - 1]
        self._last = ids[-1]
        return _first_rows(np.arange(len(ids)), starts, standings, remember, tally)

    def _goes_on(self, first: pa.Array) -> bool:
        if self._last is None:
            return False
        last = pa.array([self._last.as_py()], first.type)
        _refuse_disorder(first, last)
        return not _differ(first, last)[0]

    def takes_long(self, rows: int) -> bool:
        """See People."""
        return False

    def close(self) -> None:
        """See People."""


def _sorted_groups(keys: Words) -> tuple[Indexes, Indexes]:
    """An order that brings equal keys together, by their first words, and where in it each different key begins."""
    order = np.argsort(keys[0])
    new = _begins(keys[:1, order])
    if len(keys) > 1 and not new.all():  # equal first words may belong to different keys, in any order
        order = np.lexsort(keys[::-1])
        new = _begins(keys[:, order])
    return order, np.flatnonzero(new)


def _begins(keys: Words) -> Mask:
    new = np.ones(keys.shape[1], np.bool_)
    new[1:] = (keys[:, 1:] != keys[:, :-1]).any(axis=0)
    return new


def _first_rows(
    order: Indexes,
    starts: Indexes,
    standings: Standings,
    remember: Callable[[Standings], Standings],
    tally: Tally,
) -> Mask:
    """The first row with a contact point of every person who was not delivered before; counts the people."""
    first, proposed = _best_rows(order, starts, standings[order])
    before = remember(proposed)
    tally.count_people(before, outcome(before, proposed))
    deliver = np.zeros(order.size, np.bool_)
    deliver[first[(proposed >= DELIVERED) & (before < DELIVERED)]] = True
    return deliver


def _best_rows(order: Indexes, starts: Indexes, standings: Standings) -> tuple[Indexes, Standings]:
    """For every person the first row with a contact point, where there is one, and what the rows are worth together."""
    if starts.size == order.size:  # a row each, as in most batches
        return order, standings
    reachable = standings == DELIVERED
    proposed = np.maximum.reduceat(standings, starts)
    proposed[np.add.reduceat(reachable, starts, dtype=np.int64) > 1] = DUPLICATED
    return np.minimum.reduceat(np.where(reachable, order, order.size), starts), proposed


def _differ(left: pa.Array, right: pa.Array) -> Mask:
    differ: Mask = pc.not_equal(left, right).to_numpy(zero_copy_only=False)
    return differ


def _refuse_disorder(later: pa.Array, earlier: pa.Array) -> None:
    # Neighbours are only then all of a person's rows; strings compare by bytes here, as COLLATE "C" does.
    if pc.any(pc.less(later, earlier)).as_py():
        raise DirectFlowError(StatusCode.INTERNAL, "INTERNAL", "The rows did not come in the order of their keys.")
