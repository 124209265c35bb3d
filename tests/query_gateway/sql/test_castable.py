"""Which texts are certain to be read as a type, so that nobody has to ask."""

import pytest
from directflow_gateway.sql.set_form import certainly_castable, is_known

MOMENTS = [
    "2024-02-29", "2024-01-31T00:00:00+00:00", "2024-02-29 23:59:59.123456Z", "2024-12-31T10:15", "0001-01-01",
    "9999-12-31T23:59:59.999999-14:59", "2024-06-01T10:15:30.5+0530", "2024-06-01 10:15:30+02", "infinity", None,
]  # fmt: skip
NO_MOMENTS = [
    "2023-02-29", "2024-04-31T00:00", "29.2.2024", "02/03/2024", "24-02-03", "0000-01-01", "10000-01-01", "today", "",
    "2024-02-29T24:00", "2024-02-29T10", "2024-02-29T10:60", "2024-02-29T10:00:60", "2024-02-29T10:00+16:00",
    "2024-02-29T10:00:00.1234567", "2024-02-29T10:00 Europe/Berlin", "2024-02-29 10:00 PM", "٢٠٢٤-02-29", "2024-2-9",
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "certain", "doubtful"),
    [
        ("smallint", ["32767", "-32768", "0", "+7", "00032767", None], ["32768", "-32769", "", "1.0"]),
        ("integer", ["2147483647", "-2147483648"], ["2147483648", "-2147483649", " 1", "1_000", "x"]),
        (
            "bigint",
            ["1", "-5", "0" * 18, "9223372036854775807", "-9223372036854775808", None],
            ["", "x", "1.0", " 1", "9223372036854775808", "9" * 19, "٣", "1_000", "0x10", "-", "1" * 5_000],
        ),
        ("uuid", ["123e4567-e89b-12d3-a456-426614174000", "123E4567E89B12D3A456426614174000"],
         ["123e4567", "{123e4567-e89b-12d3-a456-426614174000}", "123e4567-e89b-12d3-a456-42661417400g"]),
        ("date", MOMENTS, NO_MOMENTS),
        ("timestamp without time zone", MOMENTS, NO_MOMENTS),
        ("timestamp with time zone", MOMENTS, NO_MOMENTS),
        ("boolean", ["t", "false", "Yes", "on", "0", "1", "N"], ["maybe", "", "2", " t"]),
        ("numeric", ["1.50", "-3", "1e5", "1.", ".5", "NaN", "1e+300", "-Infinity", "0" * 400],
         ["1e5000", "1e", "+", ".", "0x1", "1_0", "1" * 401, ""]),
        ("double precision", ["2.6666666666666665", "1e-05", "1e+300", "-0.0", "0e999", "NaN", "Infinity", "-5"],
         ["1e309", "1e-400", "1e5000", "0x1p3", "1,5", "nan(1)", ""]),
        ("real", ["1.5", "1e38", "1e-37", "0.0"], ["1e39", "1e-46", "x"]),
    ],
)  # fmt: skip
def test_what_may_be_refused_is_told_from_what_will_be_read(
    kind: str, certain: list[str | None], doubtful: list[str]
) -> None:
    told = certainly_castable([*certain, *doubtful], kind)
    assert told is not None
    wrong = [
        text for text, is_certain in zip([*certain, *doubtful], told, strict=True) if is_certain == (text in doubtful)
    ]
    assert not wrong
    assert all(certainly_castable(certain, kind) or [True])
    assert is_known(kind)


@pytest.mark.parametrize(("kind", "limit"), [("smallint", 2**15), ("integer", 2**31), ("bigint", 2**63)])
def test_a_column_of_digits_is_judged_by_its_largest_value(kind: str, limit: int) -> None:
    assert certainly_castable(["1", str(limit - 1)], kind) is None
    told = certainly_castable(["1", str(limit)], kind)
    assert told is not None
    assert list(told) == [True, False]


@pytest.mark.parametrize("kind", ["text", "character varying", "bpchar", "name"])
def test_any_text_is_a_text(kind: str) -> None:
    assert certainly_castable(["anything", "", "\\", None], kind) is None
    assert is_known(kind)


def test_of_a_type_whose_input_is_not_known_all_are_sent() -> None:
    assert certainly_castable(["happy", "nonsense"], "mood") is None
    assert not is_known("mood")
