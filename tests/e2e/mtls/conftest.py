"""One cluster for all of these tests. Nobody stops it."""

from collections.abc import Iterator

import pytest
from directflow_cli.dev import directflow_database
from directflow_cli.dev.postgres import PostgresServer

from .cluster import Cluster, running
from .definitions import Customer, write

ROWS = 1_000


@pytest.fixture(scope="package")
def customer(postgres: PostgresServer) -> Customer:
    """Somebody's database with a few people."""
    database, role = postgres.create_database(), postgres.create_role()
    postgres.psql(
        "CREATE TABLE people (id bigint PRIMARY KEY, email text, age integer);"
        f"INSERT INTO people SELECT g, 'someone' || g || '@example.com', g % 90 FROM generate_series(1, {ROWS}) g;"
        f'GRANT SELECT ON people TO "{role.name}"',
        database=database,
    )
    return Customer(postgres.host, postgres.port, database, role.name, role.password, ROWS)


@pytest.fixture(scope="package")
def cluster(
    postgres: PostgresServer, customer: Customer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    """The definitions are saved by a developer, with the command line."""
    folder = tmp_path_factory.mktemp("mtls")
    own = directflow_database.create(postgres, f"own_{customer.database}")
    with running(folder, own, customer.password) as at:
        write(folder / "definitions", customer)
        applied = at.directflow("developer", "apply", "-f", str(folder / "definitions"))
        assert applied.returncode == 0, applied.stderr
        yield at
