"""Whether what a statement calls columns may be expressions: those of views, and those computed when they are read."""

from directflow_gateway.description.exchange import Connection, fetch
from directflow_gateway.sql import CompiledStatement
from directflow_gateway.sql.catalogue import CatalogueFacts
from directflow_gateway.sql.parser import ParseFailure, parse
from directflow_gateway.sql.set_form import array_text, computes_columns

VIEWS = """
SELECT pg_catalog.pg_get_viewdef(v) FROM pg_catalog.unnest($1::pg_catalog.oid[]) v
"""
COMPUTED_WHEN_READ = """
SELECT 1 FROM pg_catalog.pg_attribute a
WHERE a.attgenerated OPERATOR(pg_catalog.=) 'v' AND a.attrelid OPERATOR(pg_catalog.=) ANY (
  SELECT pg_catalog.to_regclass(pg_catalog.concat_ws('.',
      CASE WHEN s OPERATOR(pg_catalog.<>) '' THEN pg_catalog.quote_ident(s) END, pg_catalog.quote_ident(n)))
  FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.text[]), pg_catalog.unnest($2::pg_catalog.text[])) AS r(s, n))
LIMIT 1
"""
"""Of the tables that the statement names; PostgreSQL has such columns from 18 on."""


async def hides_expressions(conn: Connection, compiled: CompiledStatement, facts: CatalogueFacts | None) -> bool:
    """Asks the server, within the caller's open transaction. `facts`: None where the role may not look them up."""
    if facts is None:
        return True
    views = [oid for oid, fact in facts.relations.by_oid.items() if fact.kind == "v"]
    if views:
        texts = await fetch(conn, VIEWS, ("{" + ",".join(map(str, views)) + "}",))
        if not all(_is_of_columns(text) for (text,) in texts):
            return True
    relations = compiled.references.relations
    names = (array_text([r.schema for r in relations], "text"), array_text([r.name for r in relations], "text"))
    return bool(relations) and bool(await fetch(conn, COMPUTED_WHEN_READ, names))


def _is_of_columns(definition: str | None) -> bool:
    tree = parse(definition) if definition else None
    return tree is not None and not isinstance(tree, ParseFailure) and not computes_columns(tree)
