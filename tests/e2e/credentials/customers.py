"""The customer's database, and what is defined on it for each connection."""

from directflow_cli.dev import toml
from directflow_cli.dev.psql import identifier

from .processes import WORKSPACE, connection_name

PEOPLE = 12_000
MANY_TIMES = 30
SOAKED = ("minutes", "quiet")
"""Connections whose streams have to last for minutes: everybody is in them MANY_TIMES."""
PAD_CHARACTERS = 960
READERS = "readers"
SCHEMA = f"""
CREATE TABLE people (id bigint PRIMARY KEY, email text, age integer, pad text);
INSERT INTO people
SELECT g, 'someone' || g || '@example.com', CASE WHEN g % 2 = 0 THEN 30 ELSE 10 END,
       repeat(md5(g::text), {PAD_CHARACTERS // 32})
FROM generate_series(1, {PEOPLE}) g;
ANALYZE people;
"""
"""Even ones are adults. The rows are wide, so that a stream of all of them has no end before its reader has one."""
EVERYBODY_SQL = "SELECT id AS profile_id, email, pad FROM people"
MANY_SQL = f"""
SELECT p.id * 100 + n.id AS profile_id, p.email, p.pad FROM people p JOIN people n ON n.id <= {MANY_TIMES}
"""
ADULT_SQL = "SELECT age >= 18 AS result FROM people WHERE id = '<%= profile_id %>'"
FIRST_SQL = "SELECT id, email FROM people WHERE id <= 20"
FIRST_ROWS = 20
SLOW_SQL = "SELECT count(*) AS pairs FROM people AS a, people AS b WHERE a.id <= 100 AND b.id <= 1000 AND a.pad < b.pad"
"""Keeps its session for a moment."""


def allowed_to_read(database: str) -> str:
    """SQL for a group of the database whose members may read its people."""
    group = identifier(readers(database))
    return f"CREATE ROLE {group} NOLOGIN; GRANT SELECT ON people TO {group};"


def readers(database: str) -> str:
    """Roles belong to the whole server: the group is named after its database."""
    return f"{READERS}_{database}"


def people_of(id: str) -> int:
    """How many a stream on a connection has."""
    return PEOPLE * (MANY_TIMES if id in SOAKED else 1)


def everybody(id: str) -> str:
    """The data source of a connection: all people with all their columns."""
    return toml.element(
        "data_sources",
        {
            "name": f"workspaces/{WORKSPACE}/dataSources/{id}",
            "connection": connection_name(id),
            "generator_sql": MANY_SQL.strip() if id in SOAKED else EVERYBODY_SQL,
            "preload_sql": "SELECT email FROM people WHERE id = '<%= profile_id %>'",
        },
    )


def adult(id: str) -> str:
    """The condition of a connection."""
    return toml.element(
        "conditions",
        {
            "name": f"workspaces/{WORKSPACE}/conditions/{id}",
            "connection": connection_name(id),
            "sql": ADULT_SQL,
        },
    )
