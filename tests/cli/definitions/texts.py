"""Definitions that several tests start from."""

CONNECTION = """\
kind: Connection
id: crm
spec:
  host: db.example.com
  database: crm
  user: directflow_readonly
"""
DATA_SOURCE = """\
kind: DataSource
id: members
spec:
  connection: crm
  generator_sql: |
    SELECT u.id AS profile_id, u.email
    FROM users u
"""
CONDITION = """\
kind: Condition
id: is_premium
spec:
  sql:
    connection: crm
    sql: SELECT true AS result
"""
EXPRESSION = """\
kind: Condition
id: a_premium_reader
spec:
  expression:
    all_of: [is_premium, {not: has_left}]
"""
ENGAGEMENT = """\
kind: Condition
id: has_left
spec:
  engagement:
    subscription: {channel: email, state: UNSUBSCRIBED}
"""


def joined(*documents: str) -> str:
    return "---\n".join(documents)
