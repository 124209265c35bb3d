"""Profile ids as keys: equal ids have equal keys, different ids never do."""

import uuid

import numpy as np
import pyarrow as pa
import pytest
from directflow_segments.audience.keys import KeyForm, KeyReader, key_form
from hypothesis import given
from hypothesis import strategies as st


def keys_of(reader: KeyReader, column: pa.Array) -> list[tuple[int, ...]]:
    return [tuple(key) for key in reader.read(column).T.tolist()]


@pytest.mark.parametrize(
    ("arrow", "postgres", "form"),
    [
        (pa.int64(), b"bigint", KeyForm.INTEGER),
        (pa.int64(), b"integer", KeyForm.INTEGER),
        (pa.string(), b"uuid", KeyForm.UUID),
        (pa.string(), b"text", KeyForm.TEXT),
        (pa.string(), b"numeric", KeyForm.TEXT),
        (pa.float64(), b"double precision", KeyForm.TEXT),
    ],
)
def test_the_form_follows_from_the_columns_type(arrow: pa.DataType, postgres: bytes, form: KeyForm) -> None:
    assert key_form(pa.field("profile_id", arrow, metadata={b"pg_type": postgres})) is form


def test_a_text_column_without_a_postgres_type_is_text() -> None:
    assert key_form(pa.field("profile_id", pa.string())) is KeyForm.TEXT


IDS = {
    KeyForm.INTEGER: (st.integers(-(2**63), 2**63 - 1), pa.int64()),
    KeyForm.UUID: (st.uuids().map(str), pa.string()),
    KeyForm.TEXT: (
        st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=300),
        pa.string(),
    ),
}


@pytest.mark.parametrize("form", KeyForm)
@given(data=st.data())
def test_keys_are_equal_just_when_ids_are(form: KeyForm, data: st.DataObject) -> None:
    strategy, arrow = IDS[form]
    some = data.draw(st.lists(strategy, min_size=1, max_size=12))
    ids = data.draw(st.lists(st.sampled_from(some), min_size=1, max_size=30))
    reader = KeyReader(form)
    keys = [keys_of(reader, pa.array([one], arrow))[0] for one in ids]
    assert keys_of(reader, pa.array(ids, arrow)) == keys  # whatever stands beside it in the batch
    assert [[a == b for b in keys] for a in keys] == [[a == b for b in ids] for a in ids]


@pytest.mark.parametrize(
    "similar",
    [
        ["a", "a ", " a", "aa", "A", ""],
        ["x" * n for n in range(1, 300, 7)],
        ["é", "e", "ée", "eé"],
        ["x" * 129 + "a", "x" * 129 + "b", "x" * 128, "x" * 127],
    ],
)
def test_ids_that_differ_little_have_keys_that_differ(similar: list[str]) -> None:
    keys = keys_of(KeyReader(KeyForm.TEXT), pa.array(similar))
    assert len(set(keys)) == len(similar)


def test_two_streams_have_nothing_in_common() -> None:
    column = pa.array(["same"])
    assert keys_of(KeyReader(KeyForm.TEXT), column) != keys_of(KeyReader(KeyForm.TEXT), column)


@pytest.mark.parametrize("form", KeyForm)
def test_first_words_are_spread_evenly_also_for_ids_in_sequence(form: KeyForm) -> None:
    count = 64_000
    numbers = range(count)
    ids = {
        KeyForm.INTEGER: pa.array(numbers),
        KeyForm.UUID: pa.array([str(uuid.UUID(int=n)) for n in numbers]),
        KeyForm.TEXT: pa.array([f"customer-{n:08d}" for n in numbers]),
    }[form]
    shares = np.bincount(KeyReader(form).read(ids)[0] >> np.uint64(58), minlength=64)
    assert shares.min() > 700
    assert shares.max() < 1300


def test_a_slice_of_a_column_is_read_by_its_own_rows() -> None:
    reader = KeyReader(KeyForm.TEXT)
    assert keys_of(reader, pa.array(["a", "b", "c"]).slice(1)) == keys_of(reader, pa.array(["b", "c"]))


def test_no_rows_are_no_keys() -> None:
    assert KeyReader(KeyForm.TEXT).read(pa.array([], pa.string())).shape == (2, 0)
