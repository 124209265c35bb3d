"""`row.name` is a column, or else a call of the function `name`: no FuncCall node shows it."""

from collections.abc import Callable

import pytest

Rules = Callable[..., list[str]]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT (0.2::float8).pg_sleep", "SELECT (0.2::float8).pg_sleep.x", "SELECT (SELECT 1.0).pg_sleep",
        "SELECT t.pg_sleep FROM t",
        "SELECT public.t.pg_sleep FROM t", "SELECT db.public.t.pg_sleep FROM t", "SELECT (t).pg_sleep FROM t",
        "SELECT (t.*).pg_sleep FROM t", "SELECT (a[1]).pg_sleep FROM t", "SELECT ('select 1'::text).ts_stat",
        'SELECT (1)."pg_sleep"',
        "SELECT 1 ORDER BY (1.0).pg_sleep", "SELECT ('x'::text).pg_read_file", "SELECT (1).lo_creat",
        "SELECT ('s'::text).nextval",
        "SELECT ('pg_class'::text).to_regclass", "SELECT ('x'::text).current_setting",
    ],
)  # fmt: skip
def test_a_refused_function_is_refused_as_an_attribute(rules: Rules, sql: str) -> None:
    assert rules(sql) == ["ATTRIBUTE_IS_FUNCTION"]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT (addr).city, (addr).*, m.*, m FROM members m", "SELECT u.version, u.name, u.lower FROM u",
        "SELECT ((a).b).c[1].d FROM t", "SELECT pg_sleep FROM (SELECT 1 AS pg_sleep) x", "SELECT (x).lower FROM t",
    ],
)  # fmt: skip
def test_fields_and_harmless_functions_are_attributes(rules: Rules, sql: str) -> None:
    assert rules(sql) == []


@pytest.mark.parametrize("name", ["ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"])
def test_system_columns_are_refused_in_each_form(rules: Rules, name: str) -> None:
    for sql in (
        f"SELECT {name} FROM t",
        f"SELECT t.{name} FROM t",
        f"SELECT (t).{name} FROM t",
        f'SELECT "{name}" FROM t',
    ):
        assert rules(sql) == ["SYSTEM_COLUMN"]
        assert rules(sql, allowed=[f"column:{name}"]) == []
