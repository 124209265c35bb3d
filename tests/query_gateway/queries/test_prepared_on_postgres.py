"""A prepared statement against a database that changes, and against another database."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
from directflow_cli.dev.postgres import PostgresServer
from directflow_gateway.queries.engine import QueryEngine
from directflow_gateway.queries.rows import count_rows
from directflow_gateway.queries.statement import Statement
from directflow_runtime.errors import DirectFlowError

Collect = Callable[..., Awaitable[Any]]
MakeStatement = Callable[..., Statement]
Spans = Callable[[str], list[Any]]


@pytest.fixture
def alter(postgres: PostgresServer, customer: str) -> Callable[[str], str]:
    """Runs the customer's DDL; a table `changing (a int, b text)` of one row is there before each test."""

    def run(sql: str) -> str:
        return postgres.psql(sql, database=customer)

    run(
        "DROP TABLE IF EXISTS changing CASCADE; CREATE TABLE changing (a int, b text);"
        "INSERT INTO changing VALUES (1, 'x'); GRANT SELECT ON changing TO PUBLIC"
    )
    return run


async def test_a_statement_is_described_once(collect: Collect, spans: Spans) -> None:
    for _ in range(3):
        await collect("SELECT id FROM users WHERE id = <%= n %>", {"n": 1})
    assert len(spans("describe")) == 1
    assert len(spans("stream")) == 3


async def test_a_column_that_is_gone_breaks_one_call_and_the_next_one_describes_anew(
    collect: Collect, alter: Callable[[str], str], spans: Spans
) -> None:
    template = "SELECT a, b FROM changing"
    await collect(template)
    alter("ALTER TABLE changing DROP COLUMN b")
    with pytest.raises(DirectFlowError) as broken:
        await collect(template)
    assert broken.value.reason == "DEFINITION_BROKEN"
    assert [(p.rule, p.token) for p in broken.value.problems] == [("UNDEFINED_COLUMN", "b")]
    alter("ALTER TABLE changing ADD COLUMN b int DEFAULT 7")
    again = await collect(template)
    assert again.rows == [(1, 7)]
    assert again.opening.schema.types == [pa.int64(), pa.int64()]
    assert len(spans("describe")) == 2


@pytest.mark.parametrize(
    ("template", "change", "types", "rows"),
    [
        ("SELECT * FROM changing", "ALTER TABLE changing ADD COLUMN c bool DEFAULT true",
         [pa.int64(), pa.string(), pa.bool_()], [(1, "x", True)]),
        ("SELECT a, b FROM changing", "ALTER TABLE changing ALTER a TYPE text USING 'one'",
         [pa.string(), pa.string()], [("one", "x")]),
        ("SELECT b, a FROM changing", "ALTER TABLE changing ALTER b TYPE int USING 5",
         [pa.int64(), pa.int64()], [(5, 1)]),
    ],
)  # fmt: skip
async def test_another_shape_is_never_delivered_under_the_old_one(
    collect: Collect, alter: Callable[[str], str], template: str, change: str, types: list[pa.DataType], rows: list[Any]
) -> None:
    await collect(template)
    alter(change)
    with pytest.raises(DirectFlowError, match="have changed") as broken:
        await collect(template)
    assert broken.value.reason == "DEFINITION_BROKEN"
    second = await collect(template)
    assert (second.opening.schema.types, second.rows) == (types, rows)


async def test_a_function_that_takes_a_built_ins_name_is_found_once_the_trust_is_over(
    customer: str, stand: Any, make_engine: Callable[..., QueryEngine], statement: MakeStatement,
    alter: Callable[[str], str],
) -> None:  # fmt: skip
    engine = make_engine(stand, trusted_for_s=0.2)
    shouting = statement("SELECT upper(b::varchar) FROM changing")
    assert await count_rows(engine, shouting, {}) == (1, 0)
    alter("CREATE FUNCTION upper(varchar) RETURNS text LANGUAGE sql AS 'SELECT ''mine'''")
    try:
        await asyncio.sleep(0.25)
        with pytest.raises(DirectFlowError) as refused:
            await count_rows(engine, shouting, {})
    finally:
        alter("DROP FUNCTION upper(varchar)")
    assert refused.value.reason == "STATEMENT_REFUSED"
    assert [problem.rule for problem in refused.value.problems] == ["FUNCTION_NAME_SHARED"]


async def test_two_databases_share_no_description(
    postgres: PostgresServer, customer: str, make_stand: Callable[..., Any], make_engine: Callable[..., QueryEngine],
    statement: MakeStatement, spans: Spans,
) -> None:  # fmt: skip
    other = postgres.create_database()
    postgres.psql("CREATE TABLE users (id text); GRANT SELECT ON users TO PUBLIC", database=other)
    role = postgres.create_role("LOGIN")
    main, replica = [
        make_stand(postgres, database, role=role, connection=extra) for database, extra in ((customer, {}), (other, {}))
    ]
    replica = replace(replica, connection=replace(replica.connection, workspace="acme", id="main2"))
    replica.secret.with_name("main2").write_text(replica.secret.read_text())
    engine = make_engine(main, replica)
    here = statement("SELECT id FROM users")
    there = replace(here, connection="workspaces/acme/connections/main2")
    types = []
    for one in (here, there, here, there):
        async with engine.session(one) as session:
            types.append([column.pg_type for column in session.prepared.description.columns])
    assert types == [["bigint"], ["text"], ["bigint"], ["text"]]
    assert len(spans("describe")) == 2


async def test_a_new_credential_is_a_new_description(
    collect: Collect, stand: Any, postgres: PostgresServer, customer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another role has another search_path: the same text means another table."""
    template = "SELECT id FROM users WHERE id = '1'"
    assert (await collect(template)).opening.schema.types == [pa.int64()]
    role = postgres.create_role("LOGIN")
    postgres.psql(
        f"CREATE SCHEMA own; CREATE TABLE own.users (id text); INSERT INTO own.users VALUES ('1');"
        f'GRANT USAGE ON SCHEMA own TO "{role.name}"; GRANT SELECT ON own.users TO "{role.name}";'
        f'ALTER ROLE "{role.name}" SET search_path = own, public',
        database=customer,
    )
    stand.write_secret(role.password, role.name)
    monkeypatch.setattr("directflow_gateway.credentials.keyring.FORCED_S", 0.0)
    await stand.keyrings.of(stand.connection).recheck()
    rotated = await collect(template)
    assert (rotated.opening.schema.types, rotated.rows) == ([pa.string()], [("1",)])


async def test_a_refused_statement_costs_no_session(engine: QueryEngine, statement: MakeStatement, stand: Any) -> None:
    with pytest.raises(DirectFlowError) as refused:
        await count_rows(engine, statement("DELETE FROM users"), {})
    assert refused.value.reason == "STATEMENT_REFUSED"
    assert stand.sessions() == []


async def test_an_unknown_connection_is_not_found(engine: QueryEngine, statement: MakeStatement) -> None:
    nowhere = replace(statement("SELECT 1"), connection="workspaces/acme/connections/nowhere")
    with pytest.raises(DirectFlowError) as refused:
        await count_rows(engine, nowhere, {})
    assert refused.value.reason == "CONNECTION_NOT_FOUND"
