"""Every risk that is planted on a real server is found, and the SQL of its finding takes it away."""

from collections.abc import Awaitable, Callable

import psycopg
import pytest
from directflow_cli.dev.postgres import PostgresServer
from directflow_cli.dev.psql import Role
from directflow_gateway.role_doctor import Finding, examine

Examine = Callable[[], Awaitable[dict[str, Finding]]]

# What PUBLIC has on every fresh server, and what a server before 16 allows.
ALWAYS = {"TEMPORARY_TABLES", "LARGE_OBJECTS"}


@pytest.fixture
def database(postgres: PostgresServer) -> str:
    return postgres.create_database()


@pytest.fixture
def role(postgres: PostgresServer, database: str) -> Role:
    """The documented role, made by the documented statements."""
    made = postgres.create_role("LOGIN")
    postgres.psql(
        f"CREATE TABLE users (id int, email text); CREATE SEQUENCE numbers; CREATE SCHEMA crm;"
        f'GRANT CONNECT ON DATABASE "{database}" TO "{made.name}";'
        f'GRANT USAGE ON SCHEMA public TO "{made.name}";'
        f'GRANT SELECT ON ALL TABLES IN SCHEMA public TO "{made.name}";'
        f'GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO "{made.name}";'
        f'ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO "{made.name}"',
        database=database,
    )
    return made


@pytest.fixture
def examined(postgres: PostgresServer, database: str, role: Role) -> Examine:
    async def run() -> dict[str, Finding]:
        # A session of its own each time: attributes and memberships of a role are read at login.
        async with await psycopg.AsyncConnection.connect(postgres.dsn(database, role), autocommit=True) as conn:
            findings = await examine(conn)
            assert conn.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
        assert len({finding.rule for finding in findings}) == len(findings)
        return {finding.rule: finding for finding in findings}

    return run


# What it has of the other role it has after SET ROLE only. Since PostgreSQL 16 the grant itself remembers NOINHERIT.
MEMBER_WITHOUT_INHERITANCE = 'ALTER ROLE "{role}" NOINHERIT; CREATE ROLE "{role}_up"; GRANT "{role}_up" TO "{role}"; '
PLANTED = [
    ("BYPASSRLS", 'ALTER ROLE "{role}" BYPASSRLS'),
    ("BYPASSRLS", 'CREATE ROLE "{role}_up" BYPASSRLS; GRANT "{role}_up" TO "{role}"'),
    ("CREATEROLE", 'ALTER ROLE "{role}" CREATEROLE'),
    ("CREATEDB", 'ALTER ROLE "{role}" CREATEDB'),
    ("REPLICATION", 'ALTER ROLE "{role}" REPLICATION'),
    ("SERVER_ROLE", 'GRANT pg_read_server_files TO "{role}"'),
    (
        "SERVER_ROLE",
        'CREATE ROLE "{role}_up"; GRANT pg_execute_server_program TO "{role}_up"; GRANT "{role}_up" TO "{role}"',
    ),
    ("TABLE_WRITE", 'GRANT INSERT, DELETE ON users TO "{role}"'),
    ("TABLE_WRITE", "GRANT UPDATE ON users TO PUBLIC"),
    ("TABLE_WRITE", 'GRANT UPDATE (email) ON users TO "{role}"'),
    ("TABLE_WRITE", 'CREATE ROLE "{role}_up"; GRANT INSERT ON users TO "{role}_up"; GRANT "{role}_up" TO "{role}"'),
    ("TABLE_WRITE", MEMBER_WITHOUT_INHERITANCE + 'GRANT INSERT, DELETE ON users TO "{role}_up"'),
    ("SCHEMA_CREATE", MEMBER_WITHOUT_INHERITANCE + 'GRANT CREATE ON SCHEMA crm TO "{role}_up"'),
    ("SEQUENCE_WRITE", 'GRANT USAGE ON SEQUENCE numbers TO "{role}"'),
    ("SCHEMA_CREATE", 'GRANT CREATE ON SCHEMA crm TO "{role}"'),
    ("DATABASE_CREATE", 'GRANT CREATE ON DATABASE "{database}" TO "{role}"'),
    (
        "SECURITY_DEFINER",
        "CREATE FUNCTION crm.audit(int) RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "planted"), PLANTED, ids=range(len(PLANTED)))
async def test_a_planted_risk_is_found_and_its_sql_mends_it(
    postgres: PostgresServer, database: str, role: Role, examined: Examine, rule: str, planted: str
) -> None:
    postgres.psql(planted.format(role=role.name, database=database), database=database)
    found = await examined()
    assert set(found) - ALWAYS == {rule}
    postgres.psql(found[rule].mending_sql, database=database)
    assert set(await examined()) <= ALWAYS


async def test_the_documented_role_is_reported_for_temporary_tables_and_the_sql_mends_it(
    postgres: PostgresServer, database: str, examined: Examine
) -> None:
    found = await examined()
    assert "TEMPORARY_TABLES" in found
    for finding in found.values():
        postgres.psql(finding.mending_sql, database=database)
    assert await examined() == {}


async def test_large_objects_are_reported_before_16_only(postgres: PostgresServer, examined: Examine) -> None:
    major = int(postgres.psql("SHOW server_version_num")) // 10_000
    assert ("LARGE_OBJECTS" in await examined()) == (major < 16)


async def test_of_a_superuser_only_that_is_told(postgres: PostgresServer, role: Role, examined: Examine) -> None:
    postgres.psql(f'ALTER ROLE "{role.name}" SUPERUSER')
    assert set(await examined()) == {"SUPERUSER"}


async def test_an_owner_is_told_to_give_the_table_away(
    postgres: PostgresServer, database: str, role: Role, examined: Examine
) -> None:
    postgres.psql(f'ALTER TABLE users OWNER TO "{role.name}"', database=database)
    found = await examined()
    assert found["TABLE_WRITE"].mending_sql == "ALTER TABLE public.users OWNER TO another_role;"


async def test_prepared_transactions_are_reported(
    private_postgres: Callable[..., PostgresServer],
) -> None:
    server = private_postgres(max_prepared_transactions="2")
    made = server.create_role("LOGIN")
    async with await psycopg.AsyncConnection.connect(server.dsn("postgres", made), autocommit=True) as conn:
        findings = {finding.rule: finding for finding in await examine(conn)}
    assert "max_prepared_transactions = 0" in findings["PREPARED_TRANSACTIONS"].mending_sql


async def test_dblink_and_foreign_tables_are_reported(
    postgres: PostgresServer, database: str, role: Role, examined: Examine
) -> None:
    if not (postgres.has_extension("dblink") and postgres.has_extension("file_fdw")):
        pytest.skip(f"{postgres} has no contrib")
    postgres.psql(
        "CREATE EXTENSION dblink; CREATE EXTENSION file_fdw; CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;"
        "CREATE FOREIGN TABLE remote (line text) SERVER files OPTIONS (program 'true');"
        "GRANT SELECT ON remote TO PUBLIC",
        database=database,
    )
    found = await examined()
    assert {"DBLINK", "FOREIGN_TABLE"} <= set(found)
    for rule in ("DBLINK", "FOREIGN_TABLE"):
        postgres.psql(found[rule].mending_sql, database=database)
    assert not {"DBLINK", "FOREIGN_TABLE"} & set(await examined())


async def test_many_tables_are_counted_and_not_listed(
    postgres: PostgresServer, database: str, role: Role, examined: Examine
) -> None:
    postgres.psql(
        "DO $$ BEGIN FOR i IN 1..150 LOOP EXECUTE format('CREATE TABLE many_%s (x int)', i);"
        f"EXECUTE format('GRANT INSERT ON many_%s TO \"{role.name}\"', i); END LOOP; END $$",
        database=database,
    )
    finding = (await examined())["TABLE_WRITE"]
    assert finding.message.endswith("and more than 95 more.")
    assert len(finding.mending_sql.splitlines()) == 100


async def test_what_cannot_be_examined_is_a_finding_and_the_rest_is_examined(
    postgres: PostgresServer, database: str, role: Role
) -> None:
    postgres.psql("REVOKE SELECT ON pg_catalog.pg_proc FROM PUBLIC", database=database)
    async with await psycopg.AsyncConnection.connect(postgres.dsn(database, role), autocommit=True) as conn:
        findings = await examine(conn)
    hidden = [finding.message for finding in findings if finding.rule == "NOT_EXAMINED"]
    assert [any(rule in message for message in hidden) for rule in ("SECURITY_DEFINER", "DBLINK")] == [True, True]
    assert "TEMPORARY_TABLES" in {finding.rule for finding in findings}
