"""Brings the schema of DirectFlow's own database forward. Any number of gateways may do so at once.

Each migration is one transaction under one advisory lock: whoever comes second finds it recorded. A migration that is
recorded and not among ours belongs to a newer gateway, which a rolling update runs beside this one.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

import psycopg
from psycopg import sql

from directflow_gateway.directflow_database.database import DirectFlowDatabase
from directflow_gateway.directflow_database.failures import of_server
from directflow_gateway.directflow_database.roles import DatabaseRole
from directflow_gateway.execution import GatewayConnection
from directflow_gateway.execution.wire import Statement

LOCK = "7236278561894217991"
"""Key of the advisory lock; a constant of ours, the same in every gateway."""
PACKAGE = "directflow_gateway.directflow_database.migrations"

BEGIN = Statement("BEGIN")
SETTINGS = Statement(
    "SELECT pg_catalog.set_config('search_path', 'pg_catalog', true),"
    " pg_catalog.set_config('client_min_messages', 'error', true),"
    " pg_catalog.set_config('client_connection_check_interval', '1s', true),"
    " pg_catalog.set_config('lock_timeout', '60s', true)"
)
TAKE_LOCK = Statement("SELECT pg_catalog.pg_advisory_xact_lock($1::bigint)", (LOCK,))
"""Held by whoever changes the schema or its rights, partitions too: of two changes at once to one entry of the
catalogue, such as a GRANT and an ATTACH PARTITION, one fails ("tuple concurrently updated")."""
IS_THERE = Statement(
    "SELECT pg_catalog.to_regnamespace('directflow') IS NOT NULL,"
    " pg_catalog.to_regclass('directflow.migrations') IS NOT NULL"
)
CREATE_SCHEMA = Statement("CREATE SCHEMA directflow")
CREATE_TABLE = Statement(
    "CREATE TABLE directflow.migrations"
    " (name text PRIMARY KEY, digest text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
)
RECORDED = Statement("SELECT name, digest FROM directflow.migrations")
RECORD = "INSERT INTO directflow.migrations (name, digest) VALUES ($1, $2)"
COMMIT = Statement("COMMIT")


class MigrationChanged(Exception):
    """A migration that this database has had is no longer the same file. The message is its name."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file."""

    name: str
    text: str

    @property
    def digest(self) -> str:
        """SHA-256 of the text, as hex."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def migrations() -> tuple[Migration, ...]:
    """Those of this version, in order."""
    files = [file for file in resources.files(PACKAGE).iterdir() if file.name[:4].isdigit()]
    return tuple(Migration(file.name, file.read_text()) for file in sorted(files, key=lambda file: file.name))


async def migrate(
    database: DirectFlowDatabase, deadline: float, wanted: Sequence[Migration] | None = None
) -> tuple[str, ...]:
    """Applies what is missing, then the grants; the names of what was applied.

    `deadline` is on the clock of `time.monotonic()`. Raises MigrationChanged, and DirectFlowError STORE_UNAVAILABLE.
    """
    try:
        writer = await database.user(DatabaseRole.WRITER, deadline)
        reader = await database.user(DatabaseRole.READER, deadline)
        async with database.session(DatabaseRole.OWNER, deadline) as session:
            applied = [m.name for m in wanted or migrations() if await _apply(session, m)]
            await _grant(session, writer, reader)
    except psycopg.Error as error:
        raise of_server(error) from None
    return tuple(applied)


async def _apply(session: GatewayConnection, migration: Migration) -> bool:
    """True when it was applied now. Whatever fails is rolled back when the session is handed back."""
    recorded = await _begin(session)
    if migration.name in recorded:
        await session.wire.run(COMMIT)
        if recorded[migration.name] != migration.digest:
            raise MigrationChanged(migration.name)
        return False
    await _run_file(session, migration.text)
    await session.wire.run(Statement(RECORD, (migration.name, migration.digest)), COMMIT)
    return True


async def _begin(session: GatewayConnection) -> dict[str, str]:
    """Begins a transaction under the lock; the digests of recorded migrations by name."""
    *_, there = await session.wire.run(BEGIN, SETTINGS, TAKE_LOCK, IS_THERE)
    if there.get_value(0, 0) != b"t":
        await session.wire.run(CREATE_SCHEMA)
    if there.get_value(0, 1) != b"t":
        await session.wire.run(CREATE_TABLE)
    (result,) = await session.wire.run(RECORDED)
    rows = [[result.get_value(row, column) or b"" for column in (0, 1)] for row in range(result.ntuples)]
    return {name.decode(): digest.decode() for name, digest in rows}


async def _grant(session: GatewayConnection, writer: str, reader: str) -> None:
    text = resources.files(PACKAGE).joinpath("grants.sql").read_text()
    await session.wire.run(BEGIN, SETTINGS, TAKE_LOCK)
    roles = {"writer": sql.Identifier(writer), "reader": sql.Identifier(reader)}
    await _run_file(session, sql.SQL(text).format(**roles).as_string())
    await session.wire.run(COMMIT)


async def _run_file(session: GatewayConnection, text: str) -> None:
    """Several statements at once: the simple protocol, which nothing else here uses."""
    session.wire.release()
    await session.execute(text.encode())
