"""The duplicate set: nobody is forgotten, nobody is mistaken for another, memory and disk are bounded."""

import errno
import os
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from directflow_runtime.errors import DirectFlowError, StatusCode
from directflow_segments.audience.scratch import Scratch
from directflow_segments.audience.seen import SeenKeys
from directflow_segments.audience.young_table import NEW
from hypothesis import given, settings
from hypothesis import strategies as st

MIB = 1 << 20
Keys = npt.NDArray[np.uint64]


def sorted_keys(keys: Keys) -> Keys:
    return np.ascontiguousarray(keys[:, np.lexsort(keys[::-1])])


def crowded(random: np.random.Generator, words: int, size: int) -> Keys:
    """Distinct keys of which many share their leading bits: buckets overflow, windows are too short."""
    keys = random.integers(0, 2**64, (words, size * 2), dtype=np.uint64)
    keys[0, :size] = (keys[0, :size] & np.uint64(0xFFF)) | np.uint64(random.integers(0, 64) << 58)
    return np.unique(keys, axis=1)


for_words = pytest.mark.parametrize("words", [1, 2], ids=["one word", "two words"])


@pytest.fixture
def scratch() -> Scratch:
    return Scratch(memory_bytes=256 * MIB)


def fill(keys: SeenKeys, words: int, batches: int, seed: int = 5) -> list[Keys]:
    """Adds random keys, 4,000 a batch, in state 200; the batches."""
    random = np.random.default_rng(seed)
    added = [sorted_keys(random.integers(0, 2**64, (words, 4000), dtype=np.uint64)) for _ in range(batches)]
    for batch in added:
        assert (keys.update(batch, np.full(4000, 200, np.uint8), np.maximum) == NEW).all()
    return added


@for_words
@settings(max_examples=40)
@given(seed=st.integers(0, 2**32), sizes=st.lists(st.integers(1, 400), min_size=1, max_size=25))
def test_every_key_has_the_state_that_a_dictionary_has(words: int, seed: int, sizes: list[int]) -> None:
    random = np.random.default_rng(seed)
    population = crowded(random, words, 1000)
    keys = SeenKeys(words, Scratch(memory_bytes=64 * MIB), smallest_table=64)
    model: dict[tuple[int, ...], int] = {}
    for size in sizes:
        batch = sorted_keys(population[:, random.choice(population.shape[1], size, replace=False)])
        proposed = random.integers(NEW + 1, 256, size, dtype=np.uint8)
        before = keys.update(batch, proposed, np.maximum)
        names = [tuple(column) for column in batch.T.tolist()]
        assert before.tolist() == [model.get(name, NEW) for name in names]
        model |= {n: max(model.get(n, NEW), p) for n, p in zip(names, proposed.tolist(), strict=True)}
    assert len(keys) == len(model)
    keys.close()


@for_words
def test_many_merges_forget_nobody(words: int, scratch: Scratch) -> None:
    keys = SeenKeys(words, scratch)
    for batch in fill(keys, words, 150):
        assert (keys.update(batch, np.full(4000, 201, np.uint8), np.maximum) == 200).all()
    assert len(keys) == 600_000
    keys.close()


def test_keys_that_differ_in_the_second_word_only_are_two(scratch: Scratch) -> None:
    keys = SeenKeys(2, scratch)
    first = np.zeros((2, 1), np.uint64)
    second = np.array([[0], [1]], np.uint64)
    assert keys.update(first, np.array([200], np.uint8), np.maximum).tolist() == [NEW]
    assert keys.update(second, np.array([200], np.uint8), np.maximum).tolist() == [NEW]
    assert keys.update(first, np.array([200], np.uint8), np.maximum).tolist() == [200]
    keys.close()


@for_words
@pytest.mark.parametrize("value", [0, 2**64 - 1])
def test_the_smallest_and_the_greatest_key_are_keys_like_others(value: int, words: int, scratch: Scratch) -> None:
    random = np.random.default_rng(3)
    keys = SeenKeys(words, scratch, smallest_table=64)
    extreme, state = np.full((words, 1), value, np.uint64), np.array([200], np.uint8)
    assert keys.update(extreme, state, np.maximum).tolist() == [NEW]
    for _ in range(20):
        batch = sorted_keys(random.integers(1, 2**64 - 1, (words, 60), dtype=np.uint64))
        keys.update(batch, np.full(60, 201, np.uint8), np.maximum)
        assert keys.update(extreme, state, np.maximum).tolist() == [200]
    keys.close()


@for_words
def test_what_memory_does_not_hold_goes_to_files_that_no_directory_shows(words: int, tmp_path: Path) -> None:
    keys = SeenKeys(words, Scratch(memory_bytes=4 * MIB, disk_bytes=64 * MIB, directory=tmp_path))
    batches = fill(keys, words, 150)
    assert not keys.in_memory
    assert os.listdir(tmp_path) == []
    for batch in batches:
        assert (keys.update(batch, np.full(4000, 201, np.uint8), np.maximum) == 200).all()
    keys.close()


def test_beyond_memory_and_disk_it_says_what_to_ask_for_instead(tmp_path: Path) -> None:
    keys = SeenKeys(1, Scratch(memory_bytes=4 * MIB, disk_bytes=1 * MIB, directory=tmp_path))
    with pytest.raises(DirectFlowError, match="KEY order") as refusal:
        fill(keys, 1, 200)
    assert (refusal.value.code, refusal.value.reason) == (StatusCode.RESOURCE_EXHAUSTED, "DUPLICATE_SET_FULL")
    keys.close()


def test_a_disk_that_is_full_is_an_error_and_not_the_end_of_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_space(descriptor: int, offset: int, size: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", no_space)
    scratch = Scratch(memory_bytes=0, disk_bytes=1 * MIB, directory=tmp_path)
    with pytest.raises(DirectFlowError, match="KEY order"):
        scratch.region(1 * MIB)
    monkeypatch.undo()
    assert not scratch.region(1 * MIB).in_memory


def test_a_closed_set_gives_everything_back_for_the_next_stream(tmp_path: Path) -> None:
    scratch = Scratch(memory_bytes=4 * MIB, disk_bytes=16 * MIB, directory=tmp_path)
    for seed in range(5):
        keys = SeenKeys(2, scratch)
        fill(keys, 2, 60, seed)
        keys.close()
        keys.close()
    assert scratch.region(4 * MIB).in_memory


@for_words
def test_a_person_costs_at_most_twenty_four_bytes(words: int, scratch: Scratch) -> None:
    warm = SeenKeys(words, scratch)
    fill(warm, words, 75)
    warm.close()
    base, keys, worst = resident(), SeenKeys(words, scratch), 0.0
    random, states = np.random.default_rng(1), np.full(4000, 200, np.uint8)
    for met in range(4000, 2_000_001, 4000):
        keys.update(sorted_keys(random.integers(0, 2**64, (words, 4000), dtype=np.uint64)), states, np.maximum)
        if met >= 1_000_000:
            worst = max(worst, (resident() - base) / met)
    keys.close()
    assert 10 < worst <= 24 + MIB / 1_000_000  # the batches' own temporary arrays are no part of it


def resident() -> int:
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
