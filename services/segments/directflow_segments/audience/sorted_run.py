"""The keys met before the last merge: sorted arrays without a gap, and an index into them by the keys' leading bits.

Sorted, a key costs its own bytes, a state byte and half a byte of index, and merging in what is young reads and writes
front to back: the shape that also suits a file. The pages of the old run go back to the system while the new one is
written, so that a merge never holds both.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from directflow_segments.audience.scratch import Region, Scratch
from directflow_segments.audience.young_table import Indexes, States, Words, YoungTable, bucket_of

KEYS_A_BUCKET = 8
WINDOW = 16
"""Keys compared at a time, from where a bucket begins: for 199 in 200 keys one window is enough."""


class SortedRun:
    """`size` distinct keys in the order of their first words, with a state byte each."""

    def __init__(self, words: int, size: int, scratch: Scratch) -> None:
        self.size = size
        self._scratch = scratch
        self._buckets = size // KEYS_A_BUCKET + 1
        self._regions: list[Region] = []
        try:
            self.states: States = self._array(size, np.dtype(np.uint8))
            self._words: list[Words] = [self._array(size + WINDOW, np.dtype(np.uint64)) for _ in range(words)]
            self._windows = _overlapping(self._words[0])
            self._starts: npt.NDArray[np.uint32] = self._array(self._buckets + 1, np.dtype(np.uint32))
        except BaseException:
            self.close()
            raise

    def _array(self, size: int, dtype: np.dtype[np.generic]) -> npt.NDArray[Any]:
        self._regions.append(self._scratch.region(max(1, size * dtype.itemsize)))
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
        merged = SortedRun(len(self._words), self.size + young.size, self._scratch)
        try:
            done = written = 0
            for bound, keys, states in young.chunks():
                end = done + self._count_below(bound, done)
                merged._merge(
                    [stored[done:end] for stored in self._words], self.states[done:end], keys, states, written
                )
                written += end - done + states.size
                done = end
                self._release_before(done)
        except BaseException:
            merged.close()
            raise
        np.cumsum(merged._starts, out=merged._starts)
        return merged

    def _count_below(self, bound: int, start: int) -> int:
        """How many keys from `start` on have a first word below `bound`."""
        rest = self._words[0][start : self.size]
        return rest.size if bound >= 1 << 64 else int(np.searchsorted(rest, np.uint64(bound)))

    def _merge(self, old: list[Words], old_states: States, young: Words, young_states: States, at: int) -> None:
        """Writes two sorted pieces, merged, from `at` on, and counts their keys into the index."""
        places = np.searchsorted(old[0], young[0]) + np.arange(young_states.size)
        is_old = np.ones(old_states.size + young_states.size, np.bool_)
        is_old[places] = False
        old_places = np.flatnonzero(is_old)  # assigning by index is four times faster than by mask
        end = at + is_old.size
        self.states[at:end][old_places] = old_states
        self.states[at:end][places] = young_states
        for stored, olds, youngs in zip(self._words, old, young, strict=True):
            stored[at:end][old_places] = olds
            stored[at:end][places] = youngs
        if is_old.size:
            buckets = bucket_of(self._words[0][at:end], self._buckets)
            counts = np.bincount(buckets - buckets[0]).astype(np.uint32)
            self._starts[buckets[0] + 1 : buckets[0] + 1 + counts.size] += counts

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
