"""The tables and rows of a test file in a database of its own."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from directflow_cli.definition_tests.case_file import CaseFile
from directflow_cli.dev.postgres import PostgresServer
from directflow_cli.dev.psql import identifier, literal

_NULLABLE = """
DO $relax$ DECLARE c record; BEGIN
  FOR c IN SELECT a.attrelid::regclass AS t, a.attname AS n FROM pg_attribute a JOIN pg_class k ON k.oid = a.attrelid
    JOIN pg_namespace s ON s.oid = k.relnamespace
    WHERE k.relkind IN ('r', 'p') AND s.nspname <> 'information_schema' AND s.nspname NOT LIKE 'pg_%'
      AND a.attnum > 0 AND NOT a.attisdropped AND a.attnotnull AND a.attidentity = ''
      AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = k.oid AND i.indisprimary AND a.attnum = ANY (i.indkey))
  LOOP EXECUTE format('ALTER TABLE %s ALTER COLUMN %I DROP NOT NULL', c.t, c.n); END LOOP;
END $relax$;
"""
"""Rows say only what matters to the test."""


def make(server: PostgresServer, database: str, file: CaseFile) -> None:
    """Creates the database with its tables and rows. Raises PsqlFailed, whose text says what PostgreSQL said."""
    server.create_database(database)
    for schema in file.schemas:
        server.psql(schema.read_text(), database=database)
    server.psql(_NULLABLE, database=database)
    # As a replica applies them: no foreign key, no trigger asks for rows that the test does not need.
    inserts = ["SET session_replication_role = replica;", *_inserts(file.content.tables)]
    server.psql("\n".join(inserts), database=database)


def grant(server: PostgresServer, database: str, role: str) -> None:
    """The documented grants."""
    name = identifier(role)
    server.psql(
        f"GRANT USAGE ON SCHEMA public TO {name}; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name};",
        database=database,
    )


def _inserts(tables: Mapping[str, list[dict[str, Any]]]) -> Iterator[str]:
    for table, rows in tables.items():
        target = ".".join(map(identifier, table.split(".")))
        for row in rows:
            columns = ", ".join(map(identifier, row))
            text = literal(json.dumps(row))
            # By way of jsonb, PostgreSQL itself reads each value as the column's type.
            yield (
                f"INSERT INTO {target} ({columns}) OVERRIDING SYSTEM VALUE"  # noqa: S608 - quoted, and a test's own
                f" SELECT {columns} FROM jsonb_populate_record(NULL::{target}, {text});"
            )
