"""DirectFlow's own database as `directflow dev` makes it: empty, and closed to everybody but its three roles."""

import psycopg
import pytest
from directflow_cli.dev.directflow_database import ROLES, DirectFlowDatabase, create, private_database
from directflow_cli.dev.postgres import PostgresServer
from directflow_cli.dev.postgres_binaries import Installation
from directflow_cli.dev.psql import PsqlFailed


@pytest.fixture(scope="module")
def found(postgres: PostgresServer) -> DirectFlowDatabase:
    return create(postgres, postgres.create_database().replace("db_", "own_"))


def test_the_owner_may_create_and_grant_and_the_others_get_what_it_grants(
    postgres: PostgresServer, found: DirectFlowDatabase
) -> None:
    owner, writer, reader = (found.roles[name] for name in ROLES)
    postgres.psql(
        f'CREATE SCHEMA engagement; GRANT USAGE ON SCHEMA engagement TO "{writer.name}", "{reader.name}"; '
        f'CREATE TABLE engagement.t (a int); GRANT INSERT ON engagement.t TO "{writer.name}"; '
        f'GRANT SELECT ON engagement.t TO "{reader.name}"',
        database=found.database,
        role=owner,
    )
    postgres.psql("INSERT INTO engagement.t VALUES (1)", database=found.database, role=writer)
    assert postgres.psql("SELECT a FROM engagement.t", database=found.database, role=reader) == "1"
    with pytest.raises(PsqlFailed, match="permission denied"):
        postgres.psql("DELETE FROM engagement.t", database=found.database, role=writer)


@pytest.mark.parametrize("role", ["writer", "reader"])
def test_writer_and_reader_create_nothing(postgres: PostgresServer, found: DirectFlowDatabase, role: str) -> None:
    for statement in ("CREATE SCHEMA mine", "CREATE TABLE public.mine (a int)", "CREATE TEMP TABLE mine (a int)"):
        with pytest.raises(PsqlFailed, match="permission denied"):
            postgres.psql(statement, database=found.database, role=found.roles[role])


def test_a_customers_role_cannot_even_connect(postgres: PostgresServer, found: DirectFlowDatabase) -> None:
    stranger = postgres.create_role()
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(postgres.dsn(found.database, stranger), connect_timeout=5)


def test_no_role_passes_by_row_level_security(postgres: PostgresServer, found: DirectFlowDatabase) -> None:
    names = ", ".join(f"'{role.name}'" for role in found.roles.values())
    privileged = f"SELECT count(*) FROM pg_roles WHERE rolname IN ({names}) AND (rolsuper OR rolbypassrls)"
    assert postgres.psql(privileged) == "0"


def test_beside_a_database_of_the_users_own_it_has_a_server_of_its_own(postgres_installation: Installation) -> None:
    with private_database(postgres_installation) as private:
        dsn = f"host={private.host} port={private.port} dbname={private.database}"
        login = private.roles["owner"]
        with psycopg.connect(f"{dsn} user={login.name} password={login.password}", connect_timeout=5) as connection:
            owned = "SELECT datname FROM pg_database WHERE datdba = current_user::regrole"
            assert connection.execute(owned).fetchall() == [(private.database,)]


def test_no_password_shows_in_a_repr(found: DirectFlowDatabase) -> None:
    assert not [role for role in found.roles.values() if role.password in repr(found)]
