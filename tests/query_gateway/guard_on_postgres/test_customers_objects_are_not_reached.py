"""A customer's own functions, operators, casts, domains, views and policies on a real server: named, implied, hidden.

Whatever they declare about themselves, none of them runs unless the connection allows it; and PostgreSQL's own are not
refused only because they share a name with one.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest
from directflow_cli.dev.postgres import PostgresServer
from directflow_gateway.catalogue import catalogue_problems
from directflow_gateway.sql import compile_template

OBJECTS = Path(__file__).with_name("objects.sql")

REACHING = [
    # operators, written and implied
    "SELECT 1 @@+ 2", "SELECT id FROM victim WHERE id @@+ (SELECT 1) > 0",
    "SELECT 1 @@+ '2'",
    "SELECT id FROM victim WHERE id = secret",
    "SELECT id FROM victim WHERE id IN (SELECT secret FROM victim)",
    "SELECT CASE id WHEN secret THEN 1 END FROM victim",
    "SELECT NULLIF(id, secret) FROM victim",
    "SELECT id IS DISTINCT FROM secret FROM victim", "SELECT id = ANY (ARRAY['x'::text]) FROM victim",
    "SELECT 1 FROM has_mood a JOIN has_mood b USING (m)", "SELECT 1 FROM has_mood a NATURAL JOIN has_mood b",
    "SELECT m IN (SELECT m FROM has_mood) FROM has_mood", "SELECT NULLIF(m, 'sad') FROM has_mood",
    "SELECT CASE m WHEN 'sad' THEN 1 END FROM has_mood", "SELECT m = ANY (ARRAY[m]) FROM has_mood",
    "SELECT m <> ALL (SELECT m FROM has_mood) OR m NOT IN ('sad') FROM has_mood WHERE m = 'sad'",
    # overloads and attributes
    "SELECT lower(secret::varchar) FROM victim", "SELECT v.of_row FROM victim v", "SELECT (v).of_row FROM victim v",
    "SELECT (v.*).of_row FROM victim v", "SELECT public.victim.of_row FROM victim",
    "SELECT (SELECT v FROM victim v LIMIT 1).of_row",
    "SELECT g.imm_liar FROM generate_series(1, 1) g", "SELECT (1).imm_liar", "SELECT (id).of_any FROM victim",
    "SELECT (1).with_default",
    # casts: written, implicit, and those that to_json() looks up
    "SELECT 5::ct", "SELECT CAST(id AS ct) FROM victim", "SELECT length(c) FROM has_ct",
    "SELECT to_json(j) FROM has_jt", "SELECT json_agg(t) FROM has_jt t", "SELECT row_to_json(t) FROM has_jt t",
    "SELECT json_build_object('a', j) FROM has_jt", "SELECT to_jsonb(ARRAY[j]) FROM has_jt",
    # domains, and what they are within
    "SELECT 'x'::dom", "SELECT dom 'x'", "SELECT '{x}'::dom[]", "SELECT ARRAY['x']::dom[]", "SELECT '{x}'::_dom",
    "SELECT '(1,x)'::pair", "SELECT ROW(1, 'x')::pair", "SELECT 'x'::sleepy", "SELECT NULL::public.dom",
    "SELECT * FROM json_to_record('{}') AS t(a dom)",
    "SELECT * FROM XMLTABLE('/a' PASSING '<a/>' COLUMNS c dom PATH '.') x",
    "SELECT json_populate_record(NULL::pair, '{}')", "SELECT jsonb_populate_record(t, '{}') FROM has_dom t",
    "SELECT jsonb_populate_recordset(t, '[{}]') FROM has_dom t", "SELECT array_append(many, 'x') FROM has_pair",
    "SELECT 1 FROM has_pair WHERE many = '{x}'",
    # views, policies, foreign tables
    "SELECT x FROM v_writes", "SELECT x FROM v_nested", "WITH w AS (SELECT x FROM v_nested) SELECT 1 FROM w",
    "TABLE v_operator",
    "SELECT x FROM v_aggregate", "SELECT x FROM v_cast", "SELECT x FROM v_domain", "SELECT x FROM v_sleeps",
    "SELECT x FROM v_runs_text",
    "SELECT x FROM v_reads_tables", "SELECT id FROM guarded", "SELECT x FROM remote", "SELECT x FROM parent",
    "SELECT x FROM parted",
    "SELECT x FROM child", "SELECT x FROM part", "SELECT x FROM v_parent",
]  # fmt: skip

HARMLESS = [
    "SELECT id FROM victim WHERE id = 5 AND secret = 'x' AND id = ANY (ARRAY[1, 2]) AND id BETWEEN 1 AND 2",
    "SELECT id FROM victim WHERE id IN (SELECT id FROM victim) AND id IS DISTINCT FROM 2",
    "SELECT lower(secret), CASE id WHEN 1 THEN 2 END FROM victim", "SELECT a.id FROM victim a JOIN victim b USING (id)",
    "SELECT id FROM has_ct", "SELECT to_json(id) FROM has_jt", "SELECT d, e, lower(d) FROM has_dom",
    "SELECT d FROM has_dom UNION SELECT 'x'", "SELECT e FROM has_dom WHERE e = 'a@b'", "SELECT 'a@b'::email",
    "SELECT u, tz, n FROM v_settings", "SELECT id FROM m_victim", "SELECT id FROM tenant",
    "SELECT 1 FROM has_dom WHERE d = 'x'", "TABLE v_sample",
    "SELECT 1 FROM victim TABLESAMPLE bernoulli (50) WHERE id = 1",
]  # fmt: skip


@pytest.fixture(scope="module")
def database(postgres: PostgresServer, postgres_database: str) -> str:
    postgres.psql(file=OBJECTS, database=postgres_database)
    return postgres_database


@pytest.fixture
async def conn(postgres: PostgresServer, database: str) -> AsyncIterator[psycopg.AsyncConnection[object]]:
    """A session in a read-only transaction, as a description has it."""
    opened = await psycopg.AsyncConnection.connect(postgres.admin_dsn(database), autocommit=True)
    async with opened:
        await opened.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield opened
        await opened.execute("ROLLBACK")


async def refused(conn: psycopg.AsyncConnection[object], sql: str, *allowed: str) -> bool:
    compiled = compile_template(sql, allowed_functions=frozenset(allowed))
    return bool(await catalogue_problems(conn, compiled, allowed))


@pytest.mark.parametrize("sql", REACHING)
async def test_what_reaches_a_customers_function_is_refused(conn: psycopg.AsyncConnection[object], sql: str) -> None:
    assert await refused(conn, sql)


@pytest.mark.parametrize("sql", HARMLESS)
async def test_what_only_shares_a_name_passes(conn: psycopg.AsyncConnection[object], sql: str) -> None:
    assert not await refused(conn, sql)


@pytest.mark.parametrize(
    ("sql", "allowed"),
    [
        ("SELECT imm_liar(1)", "imm_liar"), ("SELECT lower(secret::varchar) FROM victim", "public.lower"),
        ("SELECT 1 @@+ 2", "adds"), ("SELECT 1 @@+ 2", "operator:@@+"), ("SELECT x FROM v_writes", "writes"),
        ("SELECT x FROM remote", "relation:remote"), ("SELECT 'x'::dom", "checks"),
    ],
)  # fmt: skip
async def test_what_the_connection_allows_passes(conn: psycopg.AsyncConnection[object], sql: str, allowed: str) -> None:
    assert not await refused(conn, sql, allowed)
