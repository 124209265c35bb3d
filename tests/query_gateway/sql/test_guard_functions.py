"""Functions by allow-list, wherever PostgreSQL lets a call stand."""

from collections.abc import Callable

import pytest
from directflow_gateway.sql.guard.denied_functions import is_denied
from directflow_gateway.sql.guard.function_names import extension_names, is_built_in, is_refused_attribute
from directflow_gateway.sql.guard.trusted_extensions import UNTRUSTED_NAMES
from directflow_runtime.errors import Problem

Rules = Callable[..., list[str]]

PLACES = [
    "SELECT {}", "SELECT 1 WHERE {} IS NULL", "SELECT 1 FROM {}", "SELECT 1 FROM {} WITH ORDINALITY",
    "SELECT 1 FROM ROWS FROM ({}, generate_series(1, 2)) x", "SELECT 1 FROM LATERAL {} x", "SELECT 1 ORDER BY {}",
    "SELECT 1 GROUP BY {}", "SELECT 1 GROUP BY ROLLUP ({})", "SELECT 1 HAVING {} IS NULL",
    "SELECT 1 LIMIT (SELECT 1 FROM {})",
    "SELECT 1 OFFSET (SELECT 1 FROM {})", "SELECT DISTINCT ON ({}) 1", "SELECT count(*) FILTER (WHERE {} IS NULL)",
    "SELECT sum(1) OVER (ORDER BY {})", "SELECT sum(1) OVER w FROM t WINDOW w AS (PARTITION BY {})",
    "SELECT sum(1) OVER (ROWS BETWEEN (SELECT 1 FROM {}) PRECEDING AND CURRENT ROW)",
    "SELECT string_agg('a', 'b' ORDER BY {})", "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY {})",
    "SELECT 1 FROM t TABLESAMPLE system ((SELECT 1 FROM {}))", "SELECT 1 FROM t TABLESAMPLE system (1) REPEATABLE ({})",
    "SELECT ARRAY[{}]", "SELECT a[{}] FROM t", "SELECT a[1:{}] FROM t", "SELECT ROW({})", "SELECT ({}).x",
    "SELECT CASE WHEN {} IS NULL THEN 1 END", "SELECT CASE {} WHEN 1 THEN 1 END", "SELECT COALESCE(1, {})",
    "SELECT GREATEST(1, {})", "SELECT NULLIF(1, {})", "SELECT {}::text", "SELECT {} COLLATE \"C\"",
    "SELECT {} IS NOT TRUE",
    "SELECT 1 = ANY (ARRAY(SELECT {}))", "SELECT 1 IN ({})", "SELECT 1 BETWEEN 1 AND {}",
    "SELECT 'a' LIKE {} ESCAPE '!'",
    "SELECT 1 FROM a JOIN b ON {} IS NULL", "SELECT 1 FROM (VALUES ({})) x", "SELECT 1 UNION SELECT {}",
    "WITH x AS MATERIALIZED (SELECT {}) SELECT 1 FROM x", "SELECT EXISTS (SELECT {})", "SELECT lower(x => {})",
    "SELECT format('%s', VARIADIC {})", "SELECT extract(day FROM {})", "SELECT {} AT TIME ZONE 'UTC'",
    "SELECT xmlelement(name a, xmlattributes({} AS b))", "SELECT xmlforest({} AS a)",
    "SELECT xmlserialize(CONTENT {} AS text)",
    "SELECT 1 FROM XMLTABLE('/a' PASSING {} COLUMNS c int)",
    "SELECT 1 FROM XMLTABLE('/a' PASSING b COLUMNS c text DEFAULT {})",
    "SELECT 1 FROM XMLTABLE({} PASSING b COLUMNS c text PATH {})", "SELECT JSON_OBJECT('a': {})",
    "SELECT JSON_ARRAY({})",
    "SELECT JSON_ARRAYAGG({})", "SELECT JSON_VALUE('{{}}', '$.a' DEFAULT {} ON EMPTY)",
    "SELECT JSON_EXISTS('{{}}', '$' PASSING {} AS x)",
    "SELECT 1 FROM JSON_TABLE({}, '$' COLUMNS (a int))",
    "SELECT 1 FROM JSON_TABLE('{{}}', '$' COLUMNS (a int DEFAULT {} ON ERROR))",
    "SELECT JSON_SCALAR({})", "SELECT JSON_SERIALIZE({})", "SELECT {} IS JSON", "TABLE t ORDER BY {}",
]  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_a_call_is_found_wherever_it_stands(rules: Rules, place: str) -> None:
    found = rules(place.format("pg_sleep(1)", "pg_sleep(1)"))
    assert found
    assert set(found) == {"FUNCTION_NOT_ALLOWED"}
    assert rules(place.format("now()", "now()")) == []


@pytest.mark.parametrize(
    "call",
    [
        "pg_catalog.pg_sleep(1)", "db.pg_catalog.pg_sleep(1)", '"pg_sleep"(1)', '"pg_catalog"."pg_sleep"(1)',
        "PG_SLEEP(1)",
        "pg_sleep/**/(1)", 'U&"pg\\005fsleep"(1)', "pg_sleep (1)", "pg_sleep(VARIADIC ARRAY[1])", "pg_sleep(sec => 1)",
    ],
)  # fmt: skip
def test_a_call_is_found_however_it_is_written(rules: Rules, call: str) -> None:
    assert rules(f"SELECT {call}") == ["FUNCTION_NOT_ALLOWED"]


@pytest.mark.parametrize(
    "name",
    [
        # run SQL text or read tables by name
        "query_to_xml", "query_to_xml_and_xmlschema", "table_to_xml", "schema_to_xml", "database_to_xml",
        "cursor_to_xml",
        "ts_stat", "ts_rewrite", "dblink", "crosstab", "connectby", "xpath_table",
        # the session, locks, other sessions, the server
        "set_config", "setseed", "pg_advisory_lock", "pg_try_advisory_xact_lock_shared", "pg_sleep", "pg_sleep_for",
        "pg_sleep_until", "pg_notify", "pg_terminate_backend", "pg_cancel_backend", "pg_reload_conf", "pg_switch_wal",
        "pg_promote", "pg_logical_emit_message", "pg_export_snapshot", "pg_log_backend_memory_contexts",
        "pg_create_logical_replication_slot", "pg_stat_reset", "pg_import_system_collations",
        # files, large objects, sequences, transaction ids
        "pg_read_file", "pg_read_binary_file", "pg_ls_dir", "pg_ls_logdir", "pg_stat_file", "pg_current_logfile",
        "lo_import",
        "lo_export", "lo_create", "lo_creat", "lo_unlink", "lo_put", "lo_get", "lo_from_bytea", "loread", "lowrite",
        "nextval", "setval", "currval", "lastval", "txid_current", "txid_status", "pg_current_xact_id",
        "pg_current_snapshot",
        # input functions that take a type by its number or its name: they run a domain's CHECK
        "domain_in", "array_in", "record_in", "range_in", "multirange_in", "enum_in", "domain_recv",
        "pg_input_is_valid",
        "pg_input_error_info",
        # tell about the server, the session, the catalogue
        "version", "current_setting", "current_database", "current_schema", "current_schemas", "current_query",
        "session_user", "getpgusername", "inet_server_addr", "inet_client_port", "pg_backend_pid",
        "pg_show_all_settings",
        "pg_get_viewdef", "pg_get_functiondef", "pg_stat_get_activity", "pg_database_size", "pg_relation_size",
        "has_table_privilege", "to_regclass", "regclass", "obj_description", "pg_control_system", "pg_config",
        "satisfies_hash_partition", "pg_options_to_table",
        # of contrib
        "crypt", "gen_salt", "set_limit", "show_limit", "xslt_process", "pgstattuple", "pg_prewarm", "lo_manage",
        "pgrowlocks",
    ],
)  # fmt: skip
def test_a_function_that_changes_or_tells_too_much_is_refused(rules: Rules, name: str) -> None:
    assert rules(f'SELECT * FROM "{name}"(1)') == ["FUNCTION_NOT_ALLOWED"]


@pytest.mark.parametrize(
    "word", ["current_user", "session_user", "current_role", "user", "current_catalog", "current_schema"]
)
def test_identity_in_the_form_of_a_keyword_is_refused(rules: Rules, word: str) -> None:
    assert rules(f"SELECT {word}") == ["FUNCTION_NOT_ALLOWED"]
    assert rules(f"SELECT {word}", allowed=[word]) == []


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT random(), clock_timestamp(), gen_random_uuid(), timeofday(), now(), statement_timestamp()",
        "SELECT current_date, current_time, current_timestamp, localtime, localtimestamp",
        "SELECT uuid('x'), jsonb('{}'), date('2024-01-01'), float8(1), pg_lsn(1)",
        "SELECT pg_typeof(1), pg_column_size(1), pg_size_pretty(1), pg_collation_for('a'), pg_client_encoding()",
        "SELECT generate_series(1, 2), unnest(ARRAY[1]), jsonb_path_query('{}', '$'), ts_headline('a', 'b')",
        "SELECT similarity('a', 'b'), public.unaccent('a'), digest('a', 'sha256'), st_distance(a, b) FROM t",
        "SELECT 1 FROM t TABLESAMPLE pg_catalog.bernoulli (1)",
    ],
)
def test_harmless_functions_pass(rules: Rules, sql: str) -> None:
    assert rules(sql) == []


def test_a_function_of_the_customers_passes_only_when_its_connection_allows_it(rules: Rules) -> None:
    assert rules("SELECT df.full_label(m) FROM members m") == ["FUNCTION_NOT_ALLOWED"]
    assert rules("SELECT df.full_label(m) FROM members m", allowed=["full_label"]) == []
    assert rules("SELECT df.full_label(m) FROM members m", allowed=["df.full_label(members)"]) == []
    assert rules("SELECT evil.full_label(m) FROM members m", allowed=["df.full_label"]) == ["FUNCTION_NOT_ALLOWED"]
    assert rules("SELECT full_label(m) FROM members m", allowed=["df.full_label"]) == []


def test_another_sampling_method_is_a_function_of_somebody(rules: Rules) -> None:
    assert rules("SELECT 1 FROM t TABLESAMPLE tsm_evil (1)") == ["FUNCTION_NOT_ALLOWED"]
    assert rules("SELECT 1 FROM t TABLESAMPLE public.system (1)") == ["FUNCTION_NOT_ALLOWED"]


def test_the_message_says_why_and_what_to_do(problems: Callable[..., list[Problem]]) -> None:
    [sleeping, own] = problems("SELECT pg_sleep(1),\n       df.label(2)")
    assert sleeping.message == "Function pg_sleep is not allowed: it holds a connection and does nothing."
    assert (own.line, own.column, own.token) == (2, 8, "df")
    assert "allowed_functions" in own.hint


def test_the_lists_keep_to_the_rules_that_made_them() -> None:
    denied = {"pg_sleep", "set_config", "query_to_xml", "nextval", "crypt"}
    assert not any(is_built_in(name) or name in extension_names() for name in denied)
    assert not any(name in extension_names() for name in UNTRUSTED_NAMES)
    assert is_refused_attribute("pg_sleep")
    assert not is_refused_attribute("lower")
    assert [
        name for name in ("lower", "jsonb_agg", "row_number", "date_trunc") if is_denied(name) or not is_built_in(name)
    ] == []
