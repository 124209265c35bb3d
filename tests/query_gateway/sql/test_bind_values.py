"""Values: what each kind takes, what becomes of it, and what is refused by name before any server sees it."""

from collections.abc import Sequence

import pytest
from directflow_gateway.sql import Kind, Variable, VariableValue, bind, compile_template
from directflow_runtime.errors import DirectFlowError, StatusCode


def bound(value: VariableValue, kind: Kind = Kind.TEXT, *, is_list: bool = False) -> str | None:
    [text] = bind(compile_template("SELECT <%= v %>", [Variable("v", kind, is_list)]), {"v": value})
    return text


def refused(value: VariableValue, kind: Kind = Kind.TEXT, *, is_list: bool = False) -> str:
    """The reason of the violation. The value is in no part of the error."""
    with pytest.raises(DirectFlowError) as rejected:
        bound(value, kind, is_list=is_list)
    error = rejected.value
    assert (error.code, error.reason) == (StatusCode.INVALID_ARGUMENT, "VARIABLE_REJECTED")
    assert error.metadata == {"variable": "v"}
    [violation] = error.violations
    assert violation.field == "variables.v"
    if isinstance(value, str) and len(value) > 2:
        assert value not in f"{error}{error!r}{violation}"
    assert error.__cause__ is None
    return violation.reason


@pytest.mark.parametrize(
    "value", ["", "'", "\\' OR 1=1 --", "<%= v %>", "$1", "$$", "\r\n", "\u202e", "😀", " x ", "NULL"]
)
def test_a_text_is_bound_as_it_is(value: str) -> None:
    assert bound(value) == value


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (7, Kind.TEXT, "7"),
        (7, Kind.INTEGER, "7"),
        (-(2**63), Kind.INTEGER, "-9223372036854775808"),
        ("+5", Kind.INTEGER, "+5"),
        ("007", Kind.INTEGER, "007"),
        (4.0, Kind.INTEGER, "4"),
        (2**70, Kind.NUMBER, "1180591620717411303424"),
        (1.5, Kind.NUMBER, "1.5"),
        (0.1, Kind.NUMBER, "0.1"),
        (-0.0, Kind.NUMBER, "-0"),
        (1e300, Kind.NUMBER, "1e+300"),
        (float("nan"), Kind.NUMBER, "NaN"),
        (float("-inf"), Kind.NUMBER, "-Infinity"),
        (".5e-3", Kind.NUMBER, ".5e-3"),
        (True, Kind.BOOLEAN, "true"),
        (False, Kind.TEXT, "false"),
        ("Yes", Kind.BOOLEAN, "true"),
        ("off", Kind.BOOLEAN, "false"),
        (1, Kind.BOOLEAN, "true"),
        ("2024-02-29", Kind.DATE, "2024-02-29"),
        ("12024-02-29", Kind.DATE, "12024-02-29"),
        ("infinity", Kind.DATE, "infinity"),
        ("2024-02-29", Kind.TIMESTAMP, "2024-02-29"),
        ("2024-02-29 12:00", Kind.TIMESTAMP, "2024-02-29 12:00"),
        ("2024-02-29T12:00:00.123456+02:00", Kind.TIMESTAMP, "2024-02-29T12:00:00.123456+02:00"),
        ("2024-02-29T12:00:60Z", Kind.TIMESTAMP, "2024-02-29T12:00:60Z"),
        ("2024-02-29 12:00:00-0330", Kind.TIMESTAMP, "2024-02-29 12:00:00-0330"),
        ("00000000-0000-4000-8000-00000000000A", Kind.UUID, "00000000-0000-4000-8000-00000000000A"),
        ("0000000000004000800000000000000a", Kind.UUID, "0000000000004000800000000000000a"),
    ],
)
def test_a_value_of_its_kind_is_bound_in_postgresql_s_form(value: VariableValue, kind: Kind, text: str) -> None:
    assert bound(value, kind) == text


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        *(
            (value, Kind.INTEGER)
            for value in ("abc", "", " 5", "5 ", "1_000", "1.5", "\u0663", "0x1F", "1e3", "5\n", "--5")
        ),
        *((value, Kind.INTEGER) for value in (2**63, -(2**63) - 1, "9223372036854775808", 1.5, True, float("inf"))),
        *(
            (value, Kind.NUMBER)
            for value in ("", ".", "1,5", "1e", "1e9999999", "0x1", "nan", "\u0661", "1_0", True, 10**2000)
        ),
        *((value, Kind.BOOLEAN) for value in ("", "2", "tru", "null", 2, 0.5)),
        *(
            (value, Kind.DATE)
            for value in ("2024-02-30", "2023-02-29", "24-02-01", "20240210", "today", "2024-02-10 ", 5)
        ),
        *((value, Kind.DATE) for value in ("0000-01-01", "2024-00-01", "2024-2-1", "2024-02-10T00:00", "now", "epoch")),
        *(
            (value, Kind.TIMESTAMP)
            for value in ("now", "2024-02-30 12:00", "2024-02-10 25:00", "2024-02-10T12", "12:00")
        ),
        *(
            (value, Kind.TIMESTAMP)
            for value in ("2024-02-10 12:00 Europe/Berlin", "2024-02-10 12:00+99", "2024-02-10x12:00")
        ),
        *((value, Kind.UUID) for value in ("not-a-uuid", "00000000-0000-4000-8000-00000000000", "g" * 32, "")),
    ],
)
def test_a_value_that_is_not_of_its_kind_is_refused(value: VariableValue, kind: Kind) -> None:
    assert refused(value, kind) == "KIND_MISMATCH"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("a\x00b", "NUL_BYTE"),
        ("a\ud800b", "INVALID_UTF8"),
        ("\udfff", "INVALID_UTF8"),
        ("x" * (64 * 1024 + 1), "TOO_LONG"),
        ("é" * (32 * 1024 + 1), "TOO_LONG"),
        ("x" * 64 * 1024 * 1024, "TOO_LONG"),
        (["x"], "WRONG_TYPE"),
        (b"x", "WRONG_TYPE"),
        ({"x": 1}, "WRONG_TYPE"),
    ],
)
def test_what_no_parameter_can_carry_is_refused(value: VariableValue, reason: str) -> None:
    assert refused(value) == reason


def test_the_longest_value_is_bound() -> None:
    assert bound("é" * 32 * 1024) == "é" * 32 * 1024


@pytest.mark.parametrize("kind", list(Kind))
def test_null_is_null_for_every_kind(kind: Kind) -> None:
    assert bound(None, kind) is None
    assert bound(None, kind, is_list=True) is None


def test_a_literal_with_a_null_in_it_is_null_as_a_whole() -> None:
    compiled = compile_template("SELECT '<%= a %>-<%= b %>', '<%= b %>'")
    assert bind(compiled, {"a": None, "b": "x"}) == (None, "x")


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        ([], Kind.TEXT, "{}"),
        ((), Kind.TEXT, "{}"),
        (["a", None, "NULL", ""], Kind.TEXT, '{"a",NULL,"NULL",""}'),
        (['"', "\\", "{x,y}", "'", " "], Kind.TEXT, '{"\\"","\\\\","{x,y}","\'"," "}'),
        ([1, 2, 3], Kind.INTEGER, '{"1","2","3"}'),
        ([True, "no"], Kind.BOOLEAN, '{"true","false"}'),
    ],
)
def test_a_list_becomes_an_array_of_quoted_elements(value: Sequence[str | None], kind: Kind, text: str) -> None:
    assert bound(value, kind, is_list=True) == text


@pytest.mark.parametrize(
    ("value", "kind", "reason"),
    [
        ("a", Kind.TEXT, "NOT_A_LIST"),
        (5, Kind.INTEGER, "NOT_A_LIST"),
        ({"a": 1}, Kind.TEXT, "NOT_A_LIST"),
        ([["a"]], Kind.TEXT, "WRONG_TYPE"),
        ([1, "x"], Kind.INTEGER, "KIND_MISMATCH"),
        (["a", "\x00"], Kind.TEXT, "NUL_BYTE"),
        (["x" * 40_000, "x" * 40_000], Kind.TEXT, "TOO_LONG"),
        ([None] * 100_000, Kind.TEXT, "TOO_LONG"),
        ([""] * 100_000, Kind.TEXT, "TOO_LONG"),
    ],
)
def test_a_list_is_checked_by_its_elements_and_as_a_whole(value: VariableValue, kind: Kind, reason: str) -> None:
    assert refused(value, kind, is_list=True) == reason


def test_a_variable_without_a_value_is_refused_by_name_and_a_value_without_a_variable_ignored() -> None:
    compiled = compile_template("SELECT <%= a %>, <%= b %> -- <%= c %>")
    with pytest.raises(DirectFlowError) as rejected:
        bind(compiled, {"a": "x"})
    assert rejected.value.violations[0].field == "variables.b"
    assert rejected.value.violations[0].reason == "REQUIRED"
    assert bind(compiled, {"a": "x", "b": None, "other": "\x00"}) == ("x", None)


def test_the_values_of_one_statement_are_bounded_together() -> None:
    compiled = compile_template("SELECT 1 WHERE 'x' IN (" + ",".join(["'<%= a %>'"] * 100) + ")")
    with pytest.raises(DirectFlowError) as rejected:
        bind(compiled, {"a": "x" * 60_000})
    assert rejected.value.violations[0].reason == "TOO_LONG"


@pytest.mark.parametrize(
    ("unit", "value", "text"),
    [
        ("DAY", "5", "5 day"),
        ("Day", " -1.5 ", " -1.5  day"),
        ("hour", "1 12", "1 12 hour"),
        ("SECOND(3)", ".5", ".5 second"),
        ("month", "3 days", "3 days"),
        ("DAY", "P1D", "P1D"),
        ("DAY", "12:30", "12:30"),
        ("DAY", "1-2", "1-2"),
        ("DAY", "", ""),
        ("DAY", "x5", "x5"),
    ],
)
def test_the_unit_of_an_interval_joins_a_bare_number_only(unit: str, value: str, text: str) -> None:
    assert bind(compile_template(f"SELECT INTERVAL '<%= v %>' {unit}"), {"v": value}) == (text,)


def test_the_unit_of_an_interval_joins_the_whole_literal() -> None:
    compiled = compile_template("SELECT INTERVAL '-<%= v %>' DAY, INTERVAL '<%= v %> hours' DAY")
    assert bind(compiled, {"v": "5"}) == ("-5 day", "5 hours")
