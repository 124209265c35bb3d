"""Tables that the connection's role may not read: PostgreSQL tells that only when a statement runs."""

from dataclasses import replace

from directflow_runtime.errors import Problem, Severity

from directflow_gateway.advice.asking import array_of, asked
from directflow_gateway.advice.subject import Subject
from directflow_gateway.description.exchange import Connection
from directflow_gateway.description.names import quoted, written
from directflow_gateway.sql.references import Reference

# Any column: which ones the statement needs, PostgreSQL does not say, and half a right is rare.
_UNREADABLE = """
SELECT r.place, n.nspname, c.relname
FROM pg_catalog.unnest($1::pg_catalog.text[]) WITH ORDINALITY AS r(name, place)
  JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) pg_catalog.to_regclass(r.name)
  JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
WHERE NOT pg_catalog.has_any_column_privilege(c.oid, 'SELECT')
"""


async def rights_warnings(conn: Connection, subject: Subject) -> list[Problem]:
    """Each table or view that the statement names and the role may not read. Raises DirectFlowError."""
    relations = subject.compiled.references.relations
    named = [relation for relation in relations if relation.schema or relation.name not in _with_names(subject)]
    if not named:
        return []
    names = array_of(".".join(quoted(part) for part in (r.schema, r.name) if part) for r in named)
    rows = await asked(conn, _UNREADABLE, (names,))
    return [_warning(named[int(place or 0) - 1], schema or "", table or "") for place, schema, table in rows]


def _with_names(subject: Subject) -> frozenset[str]:
    return frozenset(node.text("ctename") for node in subject.tree.nodes() if node.tag == "CommonTableExpr")


def _warning(reference: Reference, schema: str, table: str) -> Problem:
    name = written(schema, table)
    problem = reference.position.problem(
        "ROLE_MAY_NOT_READ",
        f"The connection's database role may not read {name}: the statement will fail when it runs.",
        f"The database's administrator can allow it: GRANT SELECT ON {name} TO <the connection's user>;",
    )
    return replace(problem, severity=Severity.WARNING)
