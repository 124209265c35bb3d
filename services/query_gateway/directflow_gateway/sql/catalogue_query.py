"""The one query that fetches the facts, and the reader of its rows. Who runs it is not decided here.

It runs inside a read-only transaction, as the customer's role; what it reads is readable by PUBLIC in a fresh
PostgreSQL 14 to 18. Query trees (views, policies, domain checks) stay there: only the object numbers in them travel.
"""

import json
from collections.abc import Iterable
from typing import Any

from directflow_gateway.sql.catalogue import (
    FIRST_OF_CUSTOMER,
    BuiltIn,
    CastFact,
    CatalogueFacts,
    Facts,
    FunctionFact,
    OperatorFact,
    RelationFact,
    TypeFact,
)
from directflow_gateway.sql.node_tree import FIELD_PATTERN, RELEVANT_SUFFIXES, objects_of_fields

_FIELDS = f"""(
  SELECT json_agg(DISTINCT m[1] || ' ' || m[2])
  FROM regexp_matches({{tree}}::text, '{FIELD_PATTERN}', 'g') m WHERE m[1] ~* '{RELEVANT_SUFFIXES}'
)"""  # noqa: S608 (made of constants)

CATALOGUE_QUERY = f"""
WITH RECURSIVE foreign_cast AS (
  SELECT * FROM pg_catalog.pg_cast WHERE castfunc >= {FIRST_OF_CUSTOMER}
), part (whole, part) AS (
  SELECT oid, typelem FROM pg_catalog.pg_type WHERE typelem <> 0 AND typlen = -1
  UNION ALL SELECT oid, typbasetype FROM pg_catalog.pg_type WHERE typbasetype <> 0
  UNION ALL SELECT rngtypid, rngsubtype FROM pg_catalog.pg_range
  UNION ALL SELECT rngmultitypid, rngtypid FROM pg_catalog.pg_range
  UNION ALL SELECT c.reltype, a.atttypid FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
    WHERE a.attnum > 0 AND NOT a.attisdropped AND c.reltype <> 0 AND a.atttypid >= {FIRST_OF_CUSTOMER}
), hot (oid) AS (
  SELECT contypid FROM pg_catalog.pg_constraint WHERE contypid >= {FIRST_OF_CUSTOMER} AND contype = 'c'
  UNION SELECT castsource FROM foreign_cast WHERE castsource >= {FIRST_OF_CUSTOMER}
  UNION SELECT casttarget FROM foreign_cast WHERE casttarget >= {FIRST_OF_CUSTOMER}
  UNION SELECT part.whole FROM hot JOIN part ON part.part = hot.oid
), reaching_foreign (oid) AS (
  SELECT oid FROM pg_catalog.pg_class WHERE relkind = 'f'
  UNION SELECT i.inhparent FROM reaching_foreign r JOIN pg_catalog.pg_inherits i ON i.inhrelid = r.oid
), owner (classid, objid, extension) AS (
  SELECT d.classid, d.objid, e.extname FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
  WHERE d.deptype = 'e' AND d.refclassid = 'pg_catalog.pg_extension'::regclass
)
SELECT 'path', to_json(pg_catalog.current_schemas(true))::text
UNION ALL
SELECT 'built_in', json_object_agg(oid, proname || ' ' || provolatile::text)::text
FROM pg_catalog.pg_proc WHERE oid < {FIRST_OF_CUSTOMER}
UNION ALL
SELECT 'function', json_build_object('oid', p.oid, 'schema', n.nspname, 'name', p.proname, 'volatility', p.provolatile,
  'extension', o.extension, 'required_arguments', p.pronargs - p.pronargdefaults)::text
FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
LEFT JOIN owner o ON o.classid = 'pg_catalog.pg_proc'::regclass AND o.objid = p.oid
WHERE p.oid >= {FIRST_OF_CUSTOMER}
UNION ALL
SELECT 'operator', json_build_object('oid', o.oid, 'schema', n.nspname, 'name', o.oprname,
  'function', o.oprcode::oid)::text
FROM pg_catalog.pg_operator o JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace
WHERE o.oid >= {FIRST_OF_CUSTOMER}
UNION ALL
SELECT 'cast', json_build_object('source', c.castsource, 'target', c.casttarget, 'target_name', t.typname,
  'function', c.castfunc, 'implicit', c.castcontext = 'i')::text
FROM foreign_cast c JOIN pg_catalog.pg_type t ON t.oid = c.casttarget
UNION ALL
SELECT 'type', json_build_object('oid', t.oid, 'schema', n.nspname, 'name', t.typname,
  'parts', (SELECT json_agg(part.part) FROM part WHERE part.whole = t.oid AND part.part IN (SELECT oid FROM hot)),
  'fields', (SELECT json_agg(f.value) FROM pg_catalog.pg_constraint c,
     json_array_elements({_FIELDS.format(tree="c.conbin")}) f WHERE c.contypid = t.oid AND c.contype = 'c'))::text
FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
WHERE t.oid IN (SELECT oid FROM hot)
UNION ALL
SELECT 'relation', json_build_object('oid', c.oid, 'schema', n.nspname, 'name', c.relname, 'kind', c.relkind,
  'row_type', c.reltype,
  'children', (SELECT json_agg(i.inhrelid) FROM pg_catalog.pg_inherits i
     WHERE i.inhparent = c.oid AND i.inhrelid IN (SELECT oid FROM reaching_foreign)),
  'fields', (SELECT json_agg(f.value) FROM (
     SELECT {_FIELDS.format(tree="r.ev_action")} FROM pg_catalog.pg_rewrite r
       WHERE r.ev_class = c.oid AND c.relkind = 'v' AND r.ev_type = '1'
     UNION ALL
     SELECT {_FIELDS.format(tree="p.polqual")} FROM pg_catalog.pg_policy p
       WHERE p.polrelid = c.oid AND c.relrowsecurity AND p.polcmd IN ('r', '*')
     ) trees (fields), json_array_elements(trees.fields) f))::text
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid >= {FIRST_OF_CUSTOMER}
  AND (c.relkind = 'v' OR c.relrowsecurity AND c.relkind IN ('r', 'p') OR c.oid IN (SELECT oid FROM reaching_foreign)
       OR c.relkind IN ('r', 'p', 'm', 'f') AND c.reltype IN (SELECT oid FROM hot))
"""  # noqa: S608 (made of constants)
"""Two text columns: the kind of fact, and the fact as JSON. Run it as it is; it takes no parameters.

While it runs, the transaction's search_path must be the session's own: `path` is part of the facts.
"""


def facts_from_rows(rows: Iterable[tuple[str, str]]) -> CatalogueFacts:
    """The facts in the rows of CATALOGUE_QUERY."""
    found: dict[str, list[Any]] = {}
    for kind, document in rows:
        found.setdefault(kind, []).append(json.loads(document))
    built_in = {int(oid): BuiltIn(*text.rsplit(" ", 1)) for oid, text in found["built_in"][0].items()}
    return CatalogueFacts(
        built_in=built_in,
        functions=Facts(_function(row) for row in found.get("function", ())),
        operators=Facts(OperatorFact(**_numbers(row)) for row in found.get("operator", ())),
        casts=tuple(CastFact(**_numbers(row)) for row in found.get("cast", ())),
        types=Facts(_type(row) for row in found.get("type", ())),
        relations=Facts(_relation(row) for row in found.get("relation", ())),
        search_path=tuple(found["path"][0]),
    )


def _function(row: dict[str, Any]) -> FunctionFact:
    return FunctionFact(**{**_numbers(row), "extension": row["extension"] or ""})


def _type(row: dict[str, Any]) -> TypeFact:
    row = _numbers(row)
    checks = objects_of_fields(row["fields"] or ())
    return TypeFact(row["oid"], row["schema"], row["name"], _set(row["parts"]), checks)


def _relation(row: dict[str, Any]) -> RelationFact:
    row = _numbers(row)
    rules = objects_of_fields(row["fields"] or ())
    names = (row["schema"], row["name"], row["kind"])
    return RelationFact(row["oid"], *names, row["row_type"], _set(row["children"]), rules)


_NUMBERS = ("oid", "function", "source", "target", "row_type")


def _numbers(row: dict[str, Any]) -> dict[str, Any]:
    """PostgreSQL writes an oid into JSON as a string."""
    return {name: int(value) if name in _NUMBERS else value for name, value in row.items()}


def _set(numbers: list[str] | None) -> frozenset[int]:
    return frozenset(map(int, numbers or ()))
