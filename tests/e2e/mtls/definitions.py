"""What the developer of these tests keeps in git."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Customer:
    """Where the customer's people are."""

    host: str
    port: int
    database: str
    user: str
    password: str = field(repr=False)
    people: int


CONNECTION = """
kind: Connection
id: customer
spec:
  {{host: {0.host}, port: {0.port}, database: {0.database}, user: {0.user},
    credential_kind: FILE, tls: {{mode: DISABLE}}}}
"""
PEOPLE = """
kind: DataSource
id: people
spec:
  connection: customer
  discovery_sql: SELECT 'all' AS id, count(*) AS size FROM people ORDER BY 1
  generator_sql: SELECT id AS profile_id, email FROM people
  preload_sql: SELECT email FROM people WHERE id = '<%= profile_id %>'
"""
ADULT = """
kind: Condition
id: adult
spec:
  sql:
    connection: customer
    sql: SELECT age >= 18 AS result FROM people WHERE id = '<%= profile_id %>'
"""


def write(folder: Path, customer: Customer) -> None:
    """The files of `directflow apply`."""
    folder.mkdir()
    for name, text in {"connection": CONNECTION.format(customer), "people": PEOPLE, "adult": ADULT}.items():
        (folder / f"{name}.yaml").write_text(text)
