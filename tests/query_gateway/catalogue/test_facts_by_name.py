"""The catalogue is asked for what a statement names and what that reaches, and for nothing else."""

from collections.abc import AsyncIterator
from importlib import import_module

import psycopg
import pytest
from directflow_cli.dev.postgres import PostgresServer
from directflow_gateway.catalogue import Wanted, load, problems_as_resolved, resolve, wanted_for
from directflow_gateway.sql import compile_template
from directflow_gateway.sql.catalogue import CatalogueFacts
from directflow_runtime.errors import DirectFlowError, Problem

OBJECTS = """
CREATE FUNCTION writes() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN 1; END $$;
CREATE FUNCTION lower(int) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT $1::text $$;
CREATE FUNCTION two(a int, b int DEFAULT 1) RETURNS int LANGUAGE sql STABLE AS $$ SELECT a $$;
CREATE FUNCTION unrelated() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$;
CREATE OPERATOR @@+ (LEFTARG = int, RIGHTARG = int, FUNCTION = int4pl);
CREATE OPERATOR @@- (LEFTARG = int, RIGHTARG = int, FUNCTION = int4mi);
CREATE FUNCTION checked(text) RETURNS boolean LANGUAGE sql AS $$ SELECT true $$;
CREATE DOMAIN dom AS text CHECK (checked(VALUE));
CREATE DOMAIN unused AS int CHECK (VALUE > 0);
CREATE TABLE plain (id int, d dom);
CREATE TABLE other (id int);
CREATE VIEW inner_view AS SELECT writes() AS x;
CREATE VIEW outer_view AS SELECT x FROM inner_view JOIN plain ON id @@+ 1 = x;
CREATE MATERIALIZED VIEW stored AS SELECT writes() AS x;
CREATE SCHEMA crm; CREATE TABLE crm.plain (id int);
"""


@pytest.fixture(scope="module")
def database(postgres: PostgresServer, postgres_database: str) -> str:
    postgres.psql(OBJECTS, database=postgres_database)
    return postgres_database


@pytest.fixture
async def conn(postgres: PostgresServer, database: str) -> AsyncIterator[psycopg.AsyncConnection[object]]:
    opened = await psycopg.AsyncConnection.connect(postgres.admin_dsn(database), autocommit=True)
    async with opened:
        await opened.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield opened
        await opened.execute("ROLLBACK")


async def facts_for(conn: psycopg.AsyncConnection[object], sql: str) -> CatalogueFacts:
    compiled = compile_template(sql, allowed_functions={"writes", "two"})
    return await load(conn, wanted_for(compiled.references))


async def test_a_function_is_known_by_its_name_in_any_schema(conn: psycopg.AsyncConnection[object]) -> None:
    facts = await facts_for(conn, "SELECT lower('X'), two(1)")
    assert {(f.name, f.volatility, f.required_arguments) for f in facts.functions.by_oid.values()} >= {
        ("lower", "i", 1),
        ("two", "s", 1),
    }
    assert facts.functions.named("unrelated") == []


async def test_an_operator_brings_its_function(conn: psycopg.AsyncConnection[object]) -> None:
    facts = await facts_for(conn, "SELECT 1 @@+ 2")
    [operator] = facts.operators.named("@@+")
    assert facts.built_in[operator.function].name == "int4pl"
    assert facts.operators.named("@@-") == []


async def test_a_view_brings_everything_that_it_reaches(conn: psycopg.AsyncConnection[object]) -> None:
    facts = await facts_for(conn, "SELECT x FROM outer_view")
    assert {relation.name for relation in facts.relations.by_oid.values()} == {"outer_view", "inner_view", "plain"}
    [inner] = facts.relations.named("inner_view")
    [writes] = facts.functions.named("writes")
    assert writes.oid in inner.rules.functions
    [outer] = facts.relations.named("outer_view")
    [operator] = facts.operators.named("@@+")
    assert operator.oid in outer.rules.operators


async def test_a_tables_name_brings_it_from_every_schema_and_no_other(conn: psycopg.AsyncConnection[object]) -> None:
    facts = await facts_for(conn, "SELECT id FROM plain")
    assert {(r.schema, r.name) for r in facts.relations.by_oid.values()} == {("public", "plain"), ("crm", "plain")}


async def test_a_table_brings_the_domains_of_its_columns_with_their_checks(
    conn: psycopg.AsyncConnection[object],
) -> None:
    facts = await facts_for(conn, "SELECT id FROM plain")
    [domain] = facts.types.named("dom")
    [checked] = facts.functions.named("checked")
    assert checked.oid in domain.checks.functions
    assert facts.types.named("unused") == []


async def test_a_materialised_view_runs_nothing(conn: psycopg.AsyncConnection[object]) -> None:
    facts = await facts_for(conn, "SELECT x FROM stored")
    [stored] = facts.relations.named("stored")
    assert (stored.kind, stored.rules.functions) == ("m", frozenset())


async def test_an_extensions_function_names_its_extension(
    postgres: PostgresServer, conn: psycopg.AsyncConnection[object], database: str
) -> None:
    if not postgres.has_contrib:
        pytest.skip(f"{postgres} has no contrib")
    postgres.psql("CREATE EXTENSION IF NOT EXISTS pg_trgm", database=database)
    facts = await load(conn, Wanted(functions=frozenset({"similarity"})))
    assert [function.extension for function in facts.functions.named("similarity")] == ["pg_trgm"]


async def test_the_sessions_search_path_is_told_and_restored(conn: psycopg.AsyncConnection[tuple[str]]) -> None:
    await conn.execute("SET LOCAL search_path = crm, public")
    facts = await facts_for(conn, "SELECT id FROM plain")
    assert facts.search_path == ("pg_catalog", "crm", "public")
    assert await (await conn.execute("SHOW search_path")).fetchone() == ("crm, public",)


async def test_odd_names_are_only_names(conn: psycopg.AsyncConnection[object]) -> None:
    odd = frozenset({'a"b', "c\\d", "{e}", "f,g", "h'i", "ü", ""})
    facts = await load(conn, Wanted(functions=odd, operators=odd, types=odd, relations=odd))
    assert not facts.relations.by_oid


async def test_a_hidden_catalogue_is_told_with_what_to_grant(postgres: PostgresServer) -> None:
    database = postgres.create_database()
    role = postgres.create_role()
    postgres.psql("REVOKE SELECT ON pg_catalog.pg_proc FROM PUBLIC", database=database)
    async with await psycopg.AsyncConnection.connect(postgres.dsn(database, role), autocommit=True) as conn:
        await conn.execute("BEGIN READ ONLY")
        with pytest.raises(DirectFlowError, match="pg_proc") as refused:
            await load(conn, Wanted(functions=frozenset({"lower"})))
    assert refused.value.reason == "PERMISSION_DENIED_BY_DATABASE"


async def test_a_large_catalogue_costs_no_more_than_a_small_one(
    postgres: PostgresServer, conn: psycopg.AsyncConnection[object], database: str
) -> None:
    await conn.execute("ROLLBACK")
    postgres.psql(
        "DO $$ BEGIN"
        " FOR i IN 1..3000 LOOP"
        " EXECUTE format('CREATE FUNCTION many_%s(int) RETURNS int LANGUAGE sql AS ''SELECT 1''', i); END LOOP;"
        " FOR i IN 1..300 LOOP"
        " EXECUTE format('CREATE VIEW many_view_%s AS SELECT lower(id) AS x FROM plain', i); END LOOP; END $$",
        database=database,
    )
    await conn.execute("BEGIN READ ONLY")
    facts = await facts_for(conn, "SELECT lower('X'), x FROM outer_view")
    objects = (facts.functions, facts.relations, facts.types, facts.operators)
    assert sum(len(each.by_oid) for each in objects) < 30
    assert len(facts.built_in) < 30


async def test_resolved_names_are_the_servers_own_answer(conn: psycopg.AsyncConnection[object]) -> None:
    [text] = await resolve(conn, compile_template("SELECT lower('X')"))
    [number] = await resolve(conn, compile_template("SELECT lower(5)"))
    customers = {f.oid for f in (await facts_for(conn, "SELECT lower('X')")).functions.named("lower")}
    assert not customers & text.functions
    assert customers & number.functions


async def test_resolving_runs_nothing_and_leaves_the_session_as_it_was(
    conn: psycopg.AsyncConnection[tuple[str, str]],
) -> None:
    await conn.execute("SET LOCAL client_min_messages = error")
    await resolve(conn, compile_template("SELECT pg_sleep(20)", allowed_functions={"pg_sleep"}))
    shown = await conn.execute(
        "SELECT current_setting('debug_print_rewritten'), current_setting('client_min_messages')"
    )
    assert await shown.fetchone() == ("off", "error")


async def test_a_server_that_prints_no_tree_leaves_the_answer_by_name(
    conn: psycopg.AsyncConnection[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pooler that swallows the setting: silence must not be taken for permission."""
    module = import_module("directflow_gateway.catalogue.resolve")  # the package exports a function of that name
    monkeypatch.setattr(module, "_PRINT_TREES", "SELECT 1")
    by_name = [Problem("FUNCTION_NAME_SHARED", "lower may be another function.")]
    compiled = compile_template("SELECT lower('X')")
    assert await problems_as_resolved(conn, compiled, by_name, frozenset()) == by_name
