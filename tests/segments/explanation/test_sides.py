"""People of two sides, counted from rows in the order of their keys, whatever the batches are."""

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from directflow_runtime.errors import DirectFlowError
from directflow_segments.audience.reachability import ContactRules
from directflow_segments.explanation.questions import SIDE, DifferenceHeader
from directflow_segments.explanation.sides import Sides, SidesReader
from hypothesis import given, settings
from hypothesis import strategies as st

SCHEMA = pa.schema([(SIDE, pa.int64()), ("profile_id", pa.string()), ("email", pa.string())])
EMAILS = {"good": "a@x.io", "bad": "a", "none": None}
ROWS = st.lists(st.tuples(st.sampled_from("abcdé"), st.sampled_from((1, 2)), st.sampled_from(sorted(EMAILS))))


def read(rows: list[Any], batch_rows: int, most_ids: int = 10) -> Sides:
    header = DifferenceHeader(SCHEMA, b"", datetime(2026, 3, 1, tzinfo=UTC), 0, ("email",), ("email",))
    reader = SidesReader(header, ContactRules(), most_ids)
    for at in range(0, len(rows), batch_rows):
        records = [{SIDE: side, "profile_id": key, "email": EMAILS[e]} for key, side, e in rows[at : at + batch_rows]]
        reader.read(pa.RecordBatch.from_pylist(records, schema=SCHEMA))
    return reader.end()


@settings(max_examples=60)
@given(ROWS, st.integers(1, 5), st.integers(0, 3))
def test_it_counts_what_two_sets_would(rows: list[Any], batch_rows: int, most_ids: int) -> None:
    ordered = sorted(rows, key=lambda row: (row[0].encode(), row[1]))
    first, second = ({key for key, of, email in rows if (of, email) == (side, "good")} for side in (1, 2))
    sides = read(ordered, batch_rows, most_ids)
    assert (sides.both, sides.first, sides.second) == (len(first & second), len(first - second), len(second - first))
    by_bytes = lambda keys: sorted(keys, key=str.encode)[:most_ids]  # noqa: E731
    assert (sides.first_ids, sides.second_ids) == (by_bytes(first - second), by_bytes(second - first))


@pytest.mark.parametrize("batch_rows", [1, 2])
def test_keys_that_do_not_rise_are_no_answer(batch_rows: int) -> None:
    with pytest.raises(DirectFlowError, match="order of their keys"):
        read([("b", 1, "good"), ("a", 1, "good")], batch_rows)
