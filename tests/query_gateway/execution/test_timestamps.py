"""Timestamps that Arrow's parser refuses: one encoding for each."""

import datetime
import random
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from directflow_gateway.execution.casts import NAIVE, UTC, casts_of
from directflow_gateway.execution.plan import ValueForm
from directflow_gateway.execution.timestamps import GREATEST, LEAST, microseconds, timestamps
from directflow_runtime.errors import DirectFlowError
from hypothesis import given
from hypothesis import strategies as st

SECOND = 1_000_000
DAY = 86_400 * SECOND


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("infinity", GREATEST),
        ("-infinity", LEAST),
        ("1970-01-01 00:00:00", 0),
        ("1970-01-02 00:00:00.000001", DAY + 1),
        ("1970-01-01 00:00:00.5", 500_000),
        ("1969-12-31 23:59:59.999999", -1),
        ("10000-01-01 00:00:00", 253_402_300_800 * SECOND),
        ("0001-12-31 00:00:00 BC", -62_135_683_200 * SECOND),
        ("0001-02-29 00:00:00 BC", -62_162_121_600 * SECOND),
        ("294246-12-31 23:59:59.999999", (106_751_982 * 86_400) * SECOND - 1),
        ("294276-12-31 23:59:59.999999", GREATEST),
        ("1970-01-01 01:00:00+01", 0),
        ("1970-01-01 00:53:28+00:53:28", 0),
        ("1969-12-31 19:30:00-04:30", 0),
        ("1883-11-18 12:03:57-07:52:58", -2_717_640_185 * SECOND),
    ],
)
def test_one_encoding_for_each(text: str, expected: int) -> None:
    assert microseconds(text) == expected


@given(st.datetimes())
def test_within_pythons_range_it_agrees_with_python(moment: datetime.datetime) -> None:
    expected = (moment - datetime.datetime(1970, 1, 1)) // datetime.timedelta(microseconds=1)
    text = moment.strftime("%m-%d %H:%M:%S.%f")
    assert microseconds(f"{moment.year:04}-{text}") == expected


@pytest.mark.parametrize("text", ["", "2024-01-01", "yesterday", "2024-01-01T00:00:00", "2024-01-01 00:00:00 AD"])
def test_another_text_is_an_error_that_does_not_show_it(text: str) -> None:
    with pytest.raises(ValueError, match="ISO") as error:
        microseconds(text)
    assert "2024" not in str(error.value)


def test_the_unusual_are_parsed_one_by_one_and_the_usual_stay_with_arrow() -> None:
    text = pa.array(
        ["2024-02-29 00:00:00+00", None, "infinity", "0044-03-15 00:00:00+00 BC", "2024-02-29 00:00:00.5+02"]
    )
    column = timestamps(text, UTC)
    assert column.type == UTC
    assert column.cast(pa.int64()).to_pylist() == [
        1_709_164_800 * SECOND, None, GREATEST, microseconds("0044-03-15 00:00:00 BC"), 1_709_157_600 * SECOND + 500_000
    ]  # fmt: skip


def test_a_column_without_zone_is_its_wall_clock() -> None:
    assert timestamps(pa.array(["1970-01-01 00:00:00", "-infinity"]), NAIVE).cast(pa.int64()).to_pylist() == [0, LEAST]


def test_a_value_that_no_type_can_have_is_an_error_without_the_value() -> None:
    class Column:
        name, pg_type, oid = "c", "timestamp", 1114

        class wire:
            name = "TIMESTAMP"

    (cast,) = casts_of([Column()], ValueForm.TYPED)
    with pytest.raises(DirectFlowError) as error:
        cast(pa.array(["hunter2"]))
    assert error.value.reason == "DATA_ERROR"
    assert "hunter2" not in str(error.value)
    assert error.value.__cause__ is None


ZONES = ("UTC", "Asia/Kathmandu", "America/New_York", "Africa/Monrovia", "Pacific/Apia")


@pytest.mark.parametrize("zone", ZONES)
async def test_over_the_whole_range_and_in_any_zone_it_agrees_with_the_server(
    make_stand: Callable[..., Any], postgres: Any, postgres_database: str, collect: Callable[..., Any], zone: str
) -> None:
    chosen = random.Random(zone)
    epochs = [chosen.randint(-210_866_803_200, 9_223_372_036_854) for _ in range(500)]
    epochs += [-62_135_596_801, -62_135_596_800, 253_402_300_799, 253_402_300_800, -3_000_000_000, 0]
    moments = ", ".join(f"({n}, timestamptz 'epoch' + interval '{epoch} seconds')" for n, epoch in enumerate(epochs))
    role = postgres.create_role("LOGIN")
    postgres.psql(f"ALTER ROLE {role.name} SET timezone = '{zone}'")
    stand = make_stand(postgres, postgres_database, role=role)
    async with stand.transaction() as session:
        batches, _ = await collect(session, f"SELECT at FROM (VALUES {moments}) AS v (n, at) ORDER BY n")
    column = pa.concat_arrays([batch.column("at") for batch in batches])
    assert column.cast(pa.int64()).to_pylist() == [epoch * SECOND for epoch in epochs]
