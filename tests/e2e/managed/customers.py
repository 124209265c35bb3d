"""Two workspaces with the same names over two customers' databases, and what is defined on them."""

from dataclasses import dataclass
from typing import Any

from directflow.conditions.v1 import condition_service_pb2 as conditions_pb
from directflow.gateway.v1 import connection_service_pb2 as connections_pb
from directflow.segments.v1 import data_source_service_pb2 as data_sources_pb

WORKSPACES = ("a", "b")
PEOPLE = {"a": 2_000, "b": 3_000}


PEOPLE_SQL = "SELECT id AS profile_id, email FROM people"
ADULT_SQL = "SELECT age >= 18 AS result FROM people WHERE id = '<%= profile_id %>'"


def schema(workspace: str) -> str:
    """In workspace a the even ones are adults, in b the odd ones; nobody's address is the other's."""
    odd = int(workspace == "b")
    return f"""
CREATE TABLE people (id bigint PRIMARY KEY, email text, age integer, secret_of_{workspace} integer);
INSERT INTO people SELECT g, 'someone' || g || '@{workspace}.example', CASE WHEN g % 2 = {odd} THEN 30 ELSE 10 END, g
FROM generate_series(1, {PEOPLE[workspace]}) g;
ANALYZE people;
"""


@dataclass
class Customer:
    """What a connection of a workspace says."""

    host: str
    port: int
    database: str
    user: str

    def connection(self) -> connections_pb.Connection:
        tls = connections_pb.ConnectionTls(mode=connections_pb.TLS_MODE_DISABLE)
        return connections_pb.Connection(
            host=self.host,
            port=self.port,
            database=self.database,
            user=self.user,
            tls=tls,
            credential_kind=connections_pb.CREDENTIAL_KIND_FILE,
        )


def people(workspace: str, sql: str = PEOPLE_SQL, **more: Any) -> data_sources_pb.DataSource:
    """Everybody: a data source with one segment."""
    given = {
        "connection": f"workspaces/{workspace}/connections/customer",
        "discovery_sql": "SELECT 'all' AS id, count(*) AS size FROM people ORDER BY 1",
        "generator_sql": sql,
        "preload_sql": "SELECT email FROM people WHERE id = '<%= profile_id %>'",
    }
    return data_sources_pb.DataSource(**{**given, **more})


def adult(workspace: str, sql: str = ADULT_SQL, **more: Any) -> conditions_pb.Condition:
    definition = conditions_pb.SqlCondition(connection=f"workspaces/{workspace}/connections/customer", sql=sql)
    return conditions_pb.Condition(sql=definition, **more)
