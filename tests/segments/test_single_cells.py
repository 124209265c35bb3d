"""Cells for segments and single rows."""

from datetime import UTC, datetime

import pyarrow as pa
import pytest
from directflow_segments.cells import cells_of

BEFORE_PYTHON_ENDS = datetime(2024, 2, 29, 12, 30, 0, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("column", "cells"),
    [
        (pa.array([True, None]), [True, None]),
        (pa.array([2**62, None]), [2**62, None]),
        (pa.array([0.1, None]), [0.1, None]),
        (pa.array(["a", None]), ["a", None]),
        (pa.array([BEFORE_PYTHON_ENDS, None], pa.timestamp("us", "UTC")), ["2024-02-29 12:30:00.000005Z", None]),
        (pa.array([0], pa.timestamp("us")), ["1970-01-01 00:00:00.000000"]),
        (pa.array([-(2**63), 2**63 - 1], pa.timestamp("us", "UTC")), ["-infinity", "infinity"]),
    ],
)
def test_cells_are_scalars_and_timestamps_are_iso_text(column: pa.Array, cells: list[object]) -> None:
    assert cells_of(column) == cells


def test_a_timestamp_behind_the_year_9999_is_text_as_well() -> None:
    (text,) = cells_of(pa.array([253_402_300_800_000_000 + 86_400_000_000], pa.timestamp("us")))
    assert text is not None
    assert str(text).startswith("10000-01-02")
