"""The keys met last: a hash table of fixed size in flat arrays, filled for thousands of keys at a time.

A bucket of slots is a row of an array, so that one gather fetches a whole bucket for every key of a batch; a key that
finds its bucket full goes to the next one. The bucket follows from the key's leading bits, so that the table lies in
the order of its keys, bucket by bucket: `chunks` hands them over sorted without sorting them as a whole. (Tried: states
and words of a bucket side by side in one array. It saves a gather and costs more in index arithmetic.)
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from directflow_segments.audience.scratch import Region, Scratch

Words = npt.NDArray[np.uint64]
"""Keys, a row a word and a column a key: `words[0]` holds every key's first word, which is evenly distributed."""
Indexes = npt.NDArray[np.int64]
States = npt.NDArray[np.uint8]

TAKEN = 0x80
"""This bit is set in every state: a bucket's eight states, read as one word, tell how many slots are taken."""
NEW = TAKEN
"""State of a key that was not there before. What other states mean is the caller's business."""
SLOTS = 8
"""Slots a bucket: their first words fill one cache line, their states one word."""
LOAD = 0.8
"""Highest share of slots in use: beyond, keys travel far from their buckets and every search takes more rounds."""
SPILL_BUCKETS = 512
"""Buckets behind the last home. Under a keyed hash at this load, a key beyond them is less likely than 1e-100."""
CHUNK_BUCKETS = 2048
_TAKEN_BITS = np.uint64(0x8080808080808080)


class YoungTable:
    """Room for `capacity` distinct keys of one or two 64-bit words, with a state byte each."""

    def __init__(self, words: int, capacity: int, scratch: Scratch) -> None:
        self.capacity = capacity
        self.size = 0
        self._buckets = int(capacity / (LOAD * SLOTS)) + 1
        self._rows = self._buckets + SPILL_BUCKETS
        self._regions: list[Region] = []
        try:
            self.states: States = self._array(scratch, np.dtype(np.uint8))
            """A state for every slot."""
            self._words: list[Words] = [self._array(scratch, np.dtype(np.uint64)) for _ in range(words)]
        except BaseException:
            self.close()
            raise
        self._bucket_states: Words = self.states.view(np.uint64)
        self._first_words: Words = self._words[0].reshape(self._rows, SLOTS)

    def _array(self, scratch: Scratch, dtype: np.dtype[np.generic]) -> npt.NDArray[Any]:
        self._regions.append(scratch.region(self._rows * SLOTS * dtype.itemsize))
        return self._regions[-1].array((self._rows * SLOTS,), dtype)

    def claim(self, keys: Words) -> Indexes:
        """The slot of every key; unknown keys are added in state NEW. Keys: distinct, sorted by their first word."""
        buckets = bucket_of(keys[0], self._buckets)
        slots, taken = self._look(keys, buckets)
        again = np.flatnonzero((slots < 0) & (taken == SLOTS))
        while again.size:
            buckets[again] += 1
            slots[again], taken[again] = self._look(keys[:, again], buckets[again])
            again = again[(slots[again] < 0) & (taken[again] == SLOTS)]
        missing = np.flatnonzero(slots < 0)
        if missing.size:
            slots[missing] = self._add(keys[:, missing], buckets[missing], taken[missing])
            self.size += missing.size
        return slots

    def _look(self, keys: Words, buckets: Indexes) -> tuple[Indexes, Indexes]:
        """For every key its slot in that bucket or -1, and how many of the bucket's slots are taken."""
        # flatnonzero: thirty times faster than nonzero with two dimensions
        equal = np.flatnonzero(self._first_words.take(buckets, axis=0) == keys[0, :, None])
        rows = equal // SLOTS
        found = buckets[rows] * SLOTS + equal % SLOTS
        same = self.states[found] != 0  # a free slot's words are zeros, and zero may be a key
        for own, stored in zip(keys[1:], self._words[1:], strict=True):
            same &= stored[found] == own[rows]
        slots = np.full(buckets.size, -1, np.int64)
        slots[rows[same]] = found[same]
        return slots, self._taken(buckets)

    def _taken(self, buckets: Indexes) -> Indexes:
        """How many slots of each bucket are taken; they fill from the left."""
        taken: Indexes = np.bitwise_count(self._bucket_states[buckets] & _TAKEN_BITS).astype(np.int64)
        return taken

    def _add(self, keys: Words, at: Indexes, taken: Indexes) -> Indexes:
        """Puts new keys into these buckets (which do not fall) or, where they are full, the next with room."""
        slots = np.empty(at.size, np.int64)
        waiting = np.arange(at.size)
        while waiting.size:
            place = taken + _rank_in_run(at)
            fits = place < SLOTS
            slots[waiting[fits]] = at[fits] * SLOTS + place[fits]
            self._put(keys[:, waiting[fits]], slots[waiting[fits]])
            waiting, at = waiting[~fits], at[~fits] + 1
            taken = self._taken(at)
        return slots

    def _put(self, keys: Words, slots: Indexes) -> None:
        self.states[slots] = NEW
        for stored, own in zip(self._words, keys, strict=True):
            stored[slots] = own

    def chunks(self) -> Iterator[tuple[int, Words, States]]:
        """Everything in the order of the keys, a chunk at a time: a bound above its first words, keys and states.

        The pages behind go back to the system on the way: the table is of no use afterwards.
        """
        start = 0
        while start < self._rows:
            end = self._end_of_chunk(start)
            taken = np.flatnonzero(self.states[start * SLOTS : end * SLOTS]) + start * SLOTS
            keys = np.stack([stored[taken] for stored in self._words])
            order = np.argsort(keys[0])
            yield first_word_of(end, self._buckets), keys[:, order], self.states[taken[order]]
            for region, itemsize in zip(self._regions, (1, 8, 8), strict=False):
                region.release_before(end * SLOTS * itemsize)
            start = end

    def _end_of_chunk(self, start: int) -> int:
        """Behind a bucket with room: no key after that belongs to a bucket before, and chunks keep the keys' order."""
        end = min(start + CHUNK_BUCKETS, self._rows)
        while end < self._rows and self.states[end * SLOTS - 1]:
            end += 1
        return end

    def close(self) -> None:
        """Gives the memory back; the table must not be used afterwards."""
        self._words, self.states = [], np.empty(0, np.uint8)
        self._bucket_states = self._first_words = np.empty(0, np.uint64)
        for region in self._regions:
            region.close()


def bucket_of(first_words: Words, buckets: int) -> Indexes:
    """The bucket of each key out of at most 2**32: evenly filled, and rising with the key."""
    return (((first_words >> np.uint64(32)) * np.uint64(buckets)) >> np.uint64(32)).astype(np.int64)


def first_word_of(bucket: int, buckets: int) -> int:
    """The smallest first word that belongs to `bucket` or a later one; 2**64 behind the last."""
    return min(-(-(bucket << 32) // buckets), 1 << 32) << 32


def first_words_of(numbers: npt.NDArray[np.uint64], buckets: int) -> Words:
    """`first_word_of` many buckets, none behind the last."""
    below = (numbers << np.uint64(32)) + np.uint64(buckets - 1)
    return (below // np.uint64(buckets)) << np.uint64(32)


def _rank_in_run(values: Indexes) -> Indexes:
    """How many equal neighbours stand before each element."""
    positions = np.arange(values.size)
    first = np.empty(values.size, np.bool_)
    first[:1] = True
    np.not_equal(values[1:], values[:-1], out=first[1:])
    return positions - np.maximum.accumulate(np.where(first, positions, 0))
