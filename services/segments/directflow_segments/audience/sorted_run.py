"""The keys met before the last merge: sorted arrays without a gap, and an index into them by the keys' leading bits.

Sorted, a key costs its own bytes, a state byte and half a byte of index, and merging in what is young reads and writes
front to back: the shape that also suits a file. The pages of the old run go back to the system while the new one is
written, so that a merge never holds both.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from directflow_segments.audience.scratch import Region, Scratch
from directflow_segments.audience.young_table import Indexes, States, Words, YoungTable, bucket_of, first_words_of

KEYS_A_BUCKET = 8
WINDOW = 16
"""Keys compared at a time, from where a bucket begins: for 199 in 200 keys one window is enough."""


class SortedRun:
    """`size` distinct keys in the order of their first words, with a state byte each."""

    def __init__(self, words: int, size: int, scratch: Scratch, *, replacing: "SortedRun | None" = None) -> None:
        self.size = size
        self._scratch = scratch
        self._buckets = size // KEYS_A_BUCKET + 1
        self._written = self._indexed = 0
        self._replaced = replacing._regions if replacing else []
        self._regions: list[Region] = []
        try:
            self.states: States = self._array(size, np.dtype(np.uint8))
            self._words: list[Words] = [self._array(size + WINDOW, np.dtype(np.uint64)) for _ in range(words)]
            self._windows = _overlapping(self._words[0])
            self._starts: npt.NDArray[np.uint32] = self._array(self._buckets + 1, np.dtype(np.uint32))
        except BaseException:
            self.close()
            raise
        self._replaced = []

    def _array(self, size: int, dtype: np.dtype[np.generic]) -> npt.NDArray[Any]:
        replaced = self._replaced[len(self._regions)] if self._replaced else None
        self._regions.append(self._scratch.region(max(1, size * dtype.itemsize), replacing=replaced))
        return self._regions[-1].array((size,), dtype)

    @property
    def in_memory(self) -> bool:
        """False when part of the run lies in files."""
        return all(region.in_memory for region in self._regions)

    def find(self, keys: Words) -> Indexes:
        """The position of every key, or -1."""
        if not self.size:
            return np.full(keys.shape[1], -1, np.int64)
        buckets = bucket_of(keys[0], self._buckets)
        at, ends = self._starts[buckets].astype(np.int64), self._starts[buckets + 1]
        positions = self._look(keys, at)
        again = np.flatnonzero((positions < 0) & (at + WINDOW < ends))
        while again.size:
            at[again] += WINDOW
            positions[again] = self._look(keys[:, again], at[again])
            again = again[(positions[again] < 0) & (at[again] + WINDOW < ends[again])]
        return positions

    def _look(self, keys: Words, starts: Indexes) -> Indexes:
        """For every key its position among the WINDOW keys from `starts` on, or -1."""
        equal = np.flatnonzero(self._windows[starts].view(np.uint64).reshape(-1, WINDOW) == keys[0, :, None])
        rows = equal // WINDOW
        found = starts[rows] + equal % WINDOW
        same = found < self.size  # behind the last key are zeros, and zero may be a key
        for own, stored in zip(keys[1:], self._words[1:], strict=True):
            same &= stored[found] == own[rows]
        positions = np.full(starts.size, -1, np.int64)
        positions[rows[same]] = found[same]
        return positions

    def merged_with(self, young: YoungTable) -> "SortedRun":
        """A run of this one's keys and the table's, none of which is in both. Neither is of use afterwards."""
        merged = SortedRun(len(self._words), self.size + young.size, self._scratch, replacing=self)
        try:
            done = 0
            for bound, keys, states in young.chunks():
                end = done + self._count_below(bound, done)
                merged._append([stored[done:end] for stored in self._words], self.states[done:end], keys, states, bound)
                done = end
                self._release_before(done)
        except BaseException:
            merged.close()
            raise
        return merged

    def _count_below(self, bound: int, start: int) -> int:
        """How many keys from `start` on have a first word below `bound`."""
        rest = self._words[0][start : self.size]
        return rest.size if bound >= 1 << 64 else int(np.searchsorted(rest, np.uint64(bound)))

    def _append(self, old: list[Words], old_states: States, young: Words, young_states: States, bound: int) -> None:
        """Writes two sorted pieces, merged, behind what was written before. All keys below `bound` are there then."""
        places = np.searchsorted(old[0], young[0]) + np.arange(young_states.size)
        is_old = np.ones(old_states.size + young_states.size, np.bool_)
        is_old[places] = False
        old_places = np.flatnonzero(is_old)  # assigning by index is four times faster than by mask
        at, end = self._written, self._written + is_old.size
        self.states[at:end][old_places] = old_states
        self.states[at:end][places] = young_states
        for stored, olds, youngs in zip(self._words, old, young, strict=True):
            stored[at:end][old_places] = olds
            stored[at:end][places] = youngs
        self._index(at, end, bound)
        self._written = end

    def _index(self, at: int, end: int, bound: int) -> None:
        """Notes where the buckets begin whose first keys may lie in what was written last."""
        stop = (((bound >> 32) - 1) * self._buckets >> 32) + 1
        buckets = np.arange(self._indexed, stop, dtype=np.uint64)
        starts = np.searchsorted(self._words[0][at:end], first_words_of(buckets, self._buckets))
        self._starts[self._indexed : stop] = starts + at
        self._starts[stop] = end
        self._indexed = stop

    def _release_before(self, position: int) -> None:
        for region, itemsize in zip(self._regions, (1, 8, 8), strict=False):
            region.release_before(position * itemsize)

    def close(self) -> None:
        """Gives the memory back; the run must not be used afterwards."""
        self.states, self._words, self._starts = np.empty(0, np.uint8), [], np.empty(0, np.uint32)
        self._windows = np.empty(0, np.void)
        for region in self._regions:
            region.close()


def _overlapping(words: Words) -> npt.NDArray[np.void]:
    """The WINDOW words from each position on, as one element: gathering such elements copies whole windows at once."""
    window = np.dtype((np.void, WINDOW * words.itemsize))
    return np.ndarray((words.size - WINDOW + 1,), window, words, 0, (words.itemsize,))
