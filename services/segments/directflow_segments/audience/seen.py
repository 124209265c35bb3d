"""What is remembered of every person of an audience: the key, exact or as a 128-bit keyed hash, and a state.

Keys met last lie in a hash table, all others in a sorted run; when the table is full it is merged into the run. The
table is a fixed share of the run, which bounds the bytes a person costs and the times a key is moved.
"""

from collections.abc import Callable

import numpy as np

from directflow_segments.audience.scratch import Scratch
from directflow_segments.audience.sorted_run import SortedRun
from directflow_segments.audience.young_table import Indexes, States, Words, YoungTable

SMALLEST_TABLE = 1 << 16
"""Keys. Below, merges would cost more than memory that nobody misses."""
YOUNG_SHARE = {1: 1.0, 2: 0.27}
"""By words a key. A person costs at worst 9.5 + 1.0 * 9 / 0.8 = 20.8 bytes, or 17.5 + 0.27 * 17 / 0.8 = 23.2."""

Rule = Callable[[States, States], States]
"""From the states that were (NEW for a new key) and those proposed to those that are to be."""


class SeenKeys:
    """A set of distinct keys of one or two 64-bit words, each with a state byte. Close it when the stream ends."""

    def __init__(self, words: int, scratch: Scratch, *, smallest_table: int = SMALLEST_TABLE) -> None:
        self._words = words
        self._scratch = scratch
        self._smallest_table = smallest_table
        self._run = SortedRun(words, 0, scratch)
        self._young = YoungTable(words, smallest_table, scratch)

    def __len__(self) -> int:
        return self._run.size + self._young.size

    @property
    def in_memory(self) -> bool:
        """False when part of it lies in files."""
        return self._run.in_memory

    def must_merge(self, keys: int) -> bool:
        """True when an update with so many keys begins with a merge: about 25 ns for everybody who was met."""
        return self._young.size + keys > self._young.capacity

    def update(self, keys: Words, proposed: States, rule: Rule) -> States:
        """Sets every key's state by `rule`; returns the states before. Keys: distinct, sorted by their first word."""
        if self.must_merge(keys.shape[1]):
            self._merge(keys.shape[1])
        positions = self._run.find(keys)
        old, young = np.flatnonzero(positions >= 0), np.flatnonzero(positions < 0)
        if not old.size:  # the usual case: everybody is new
            return _apply(self._young.states, self._young.claim(keys), proposed, rule)
        before = np.empty(keys.shape[1], np.uint8)
        before[old] = _apply(self._run.states, positions[old], proposed[old], rule)
        before[young] = _apply(self._young.states, self._young.claim(keys[:, young]), proposed[young], rule)
        return before

    def _merge(self, more: int) -> None:
        merged = self._run.merged_with(self._young)
        self.close()
        self._run = merged
        capacity = max(self._smallest_table, int(merged.size * YOUNG_SHARE[self._words]), more)
        self._young = YoungTable(self._words, capacity, self._scratch)

    def close(self) -> None:
        """Gives the memory and the files back. May be called twice."""
        self._run.close()
        self._young.close()


def _apply(states: States, slots: Indexes, proposed: States, rule: Rule) -> States:
    before = states[slots]
    states[slots] = rule(before, proposed)
    return before
