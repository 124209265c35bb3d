"""DirectFlow's own database in a private PostgreSQL: empty, with the three roles that the gateway logs in as.

The gateway makes everything in it. Where it is no private one, a DBA runs what `create` runs here.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from directflow_cli.dev.postgres import PostgresServer
from directflow_cli.dev.postgres_binaries import Installation
from directflow_cli.dev.psql import Role, identifier

DATABASE = "directflow"
ROLES = ("owner", "writer", "reader")
"""The owner migrates and drops what is too old; the writer appends; the reader reads under row level security."""


@dataclass(frozen=True, slots=True)
class DirectFlowDatabase:
    """Where it is, and its logins."""

    host: str
    port: int
    database: str
    roles: Mapping[str, Role]
    """By what they do: see `ROLES`."""


def create(server: PostgresServer, database: str = DATABASE) -> DirectFlowDatabase:
    """A new, empty database that belongs to a role of its own, and that nobody but the three roles can connect to."""
    server.create_database(database)
    roles = {name: server.create_role("LOGIN NOSUPERUSER NOBYPASSRLS", f"{database}_{name}") for name in ROLES}
    owner, writer, reader = (identifier(role.name) for role in roles.values())
    name = identifier(database)
    server.psql(
        f"ALTER DATABASE {name} OWNER TO {owner}; REVOKE ALL ON DATABASE {name} FROM PUBLIC; "
        f"GRANT CONNECT ON DATABASE {name} TO {writer}, {reader};"
    )
    return DirectFlowDatabase(server.host, server.port, database, roles)


@contextmanager
def private_database(installation: Installation) -> Iterator[DirectFlowDatabase]:
    """One on a server of its own while the block lasts: nothing of ours goes into a database of the user's own."""
    with PostgresServer.create(installation) as server:
        yield create(server)
