"""Operators by schema, types that look up the catalogue, and the catalogue's relations."""

from collections.abc import Callable

import pytest

Rules = Callable[..., list[str]]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1 OPERATOR(public.@@+) 2", "SELECT 1 OPERATOR(db.public.@@+) 2", "SELECT OPERATOR(public.-) 2",
        "SELECT 1 OPERATOR(public.=) ANY (ARRAY[1])", "SELECT 1 OPERATOR(public.=) ALL (SELECT 1)",
        "SELECT a FROM t ORDER BY a USING OPERATOR(public.<)",
    ],
)  # fmt: skip
def test_an_operator_of_another_schema_is_refused(rules: Rules, sql: str) -> None:
    assert rules(sql) == ["OPERATOR_NOT_ALLOWED"]


def test_an_operator_can_be_allowed_by_name(rules: Rules) -> None:
    assert rules("SELECT 1 OPERATOR(public.%) 2", allowed=["operator:%"]) == []
    assert rules("SELECT 1 OPERATOR(public.%) 2", allowed=["operator:public.%"]) == []
    assert rules("SELECT 1 OPERATOR(evil.%) 2", allowed=["operator:public.%"]) == ["OPERATOR_NOT_ALLOWED"]


def test_postgresqls_own_operators_may_be_named_with_their_schema(rules: Rules) -> None:
    assert rules("SELECT 1 OPERATOR(pg_catalog.+) 2 ORDER BY 1 USING <") == []


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 'x'::regclass", "SELECT CAST('x' AS pg_catalog.regclass)", "SELECT regclass 'x'",
        "SELECT '{x}'::regclass[]",
        "SELECT '{x}'::_regclass", "SELECT 'x'::regproc", "SELECT 'x'::regprocedure", "SELECT 'x'::regtype",
        "SELECT 'x'::regrole",
        "SELECT 'x'::regnamespace", "SELECT '+'::regoper", 'SELECT \'x\'::U&"reg\\0063lass"',
        "SELECT * FROM json_to_record('{}') AS t(a regclass)",
        "SELECT * FROM XMLTABLE('/a' PASSING x COLUMNS a regclass)",
        "SELECT * FROM JSON_TABLE('{}', '$' COLUMNS (a regclass))", "SELECT JSON_VALUE('{}', '$' RETURNING regclass)",
    ],
)  # fmt: skip
def test_a_type_that_looks_up_the_catalogue_is_refused(rules: Rules, sql: str) -> None:
    assert rules(sql) == ["TYPE_NOT_ALLOWED"]


def test_a_text_search_configuration_is_not_such_a_type(rules: Rules) -> None:
    assert rules("SELECT to_tsvector('english'::regconfig, 'x'), ts_lexize('simple'::regdictionary, 'x')") == []


@pytest.mark.parametrize(
    "relation",
    [
        "pg_stat_activity", '"pg_stat_activity"', "pg_catalog.pg_class", "db.pg_catalog.pg_class",
        "information_schema.tables",
        "pg_toast.pg_toast_1", "pg_temp.x", "pg_temp_3.x", 'U&"pg\\005fclass"', "pg_statistic", "pg_user_mapping",
        "ONLY pg_authid",
    ],
)  # fmt: skip
def test_the_catalogue_is_not_for_reading(rules: Rules, relation: str) -> None:
    for sql in (f"TABLE {relation}", f"SELECT 1 FROM a, {relation} x", f"SELECT (SELECT 1 FROM {relation} LIMIT 1)"):
        assert rules(sql) == ["SYSTEM_RELATION"]


def test_a_relation_of_the_catalogue_can_be_allowed(rules: Rules) -> None:
    assert rules("TABLE pg_timezone_names", allowed=["relation:pg_timezone_names"]) == []


def test_a_table_of_ones_own_may_begin_with_pg_when_its_schema_is_named(rules: Rules) -> None:
    assert rules("SELECT pg_class.id FROM members pg_class, public.pg_orders") == []
