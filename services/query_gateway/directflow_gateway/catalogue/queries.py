"""The queries that read a customer's catalogue: only what a statement names, and what that reaches.

A catalogue with 50,000 functions and 5,000 views takes seconds to read as a whole, so it is asked by name each time and
nothing has to be kept, or found out of date. All that is read is readable by PUBLIC in a fresh PostgreSQL 14 to 18.
Query trees (views, policies, domain checks) stay on the server: only the object numbers in them travel.

They run with search_path = pg_catalog, so that nothing here can mean a customer's function or operator. Each returns
two text columns: the kind of fact, and the fact as JSON, for `sql.catalogue_rows.facts_from_rows`.
"""

from directflow_gateway.sql.catalogue import FIRST_OF_CUSTOMER
from directflow_gateway.sql.node_tree import FIELD_PATTERN, RELEVANT_SUFFIXES

_FIELDS = f"""(
  SELECT json_agg(DISTINCT m[1] || ' ' || m[2])
  FROM regexp_matches({{tree}}::text, '{FIELD_PATTERN}', 'g') m WHERE m[1] ~* '{RELEVANT_SUFFIXES}'
)"""  # noqa: S608 (made of constants)
_PARTS = """(
    SELECT unnest(ARRAY[y.typelem, y.typbasetype]) FROM pg_type y WHERE y.oid = t.oid
    UNION ALL SELECT g.rngsubtype FROM pg_range g WHERE g.rngtypid = t.oid
    UNION ALL SELECT g.rngtypid FROM pg_range g WHERE g.rngmultitypid = t.oid
    UNION ALL SELECT a.atttypid FROM pg_type y JOIN pg_attribute a ON a.attrelid = y.typrelid
      WHERE y.oid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
  )"""
"""What a type `t` is made of: an array's element, a domain's base, a range's subtype, a row's columns."""

NAMED = f"""
WITH RECURSIVE customer_cast AS (
  SELECT * FROM pg_cast WHERE castfunc >= {FIRST_OF_CUSTOMER}
), reaching_foreign (oid) AS (
  SELECT oid FROM pg_class WHERE relkind = 'f'
  UNION SELECT i.inhparent FROM reaching_foreign r JOIN pg_inherits i ON i.inhrelid = r.oid
), relation (oid) AS (
  SELECT oid FROM pg_class WHERE relname = ANY ($4::text[]) OR oid = ANY ($5::oid[])
  UNION
  SELECT reached.oid FROM relation r, LATERAL (
    SELECT d.refobjid FROM pg_rewrite w JOIN pg_class c ON c.oid = w.ev_class AND c.relkind = 'v'
      JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid AND d.refclassid = 'pg_class'::regclass
      WHERE w.ev_class = r.oid
    UNION ALL SELECT d.refobjid FROM pg_policy p
      JOIN pg_depend d ON d.classid = 'pg_policy'::regclass AND d.objid = p.oid AND d.refclassid = 'pg_class'::regclass
      WHERE p.polrelid = r.oid
    UNION ALL SELECT i.inhrelid FROM pg_inherits i
      WHERE i.inhparent = r.oid AND i.inhrelid IN (SELECT oid FROM reaching_foreign)
  ) reached (oid)
), customer_relation AS (
  SELECT c.* FROM pg_class c JOIN relation r ON r.oid = c.oid
  WHERE c.oid >= {FIRST_OF_CUSTOMER} AND c.relkind IN ('r', 'v', 'm', 'f', 'p')
), rule (relation, tree) AS (
  SELECT w.ev_class, {_FIELDS.format(tree="w.ev_action")} FROM pg_rewrite w
  JOIN customer_relation c ON c.oid = w.ev_class WHERE c.relkind = 'v' AND w.ev_type = '1'
  UNION ALL
  SELECT p.polrelid, {_FIELDS.format(tree="p.polqual")} FROM pg_policy p
  JOIN customer_relation c ON c.oid = p.polrelid WHERE c.relrowsecurity AND p.polcmd IN ('r', '*')
), type (oid) AS (
  SELECT oid FROM pg_type WHERE typname = ANY ($3::text[]) OR oid = ANY ($6::oid[])
  UNION SELECT unnest(ARRAY[castsource, casttarget]) FROM customer_cast
  UNION SELECT reltype FROM customer_relation
  UNION SELECT d.refobjid FROM pg_depend d JOIN pg_rewrite w ON d.objid = w.oid AND d.classid = 'pg_rewrite'::regclass
    JOIN customer_relation c ON c.oid = w.ev_class WHERE d.refclassid = 'pg_type'::regclass
  UNION SELECT d.refobjid FROM pg_depend d JOIN pg_policy p ON d.objid = p.oid AND d.classid = 'pg_policy'::regclass
    JOIN customer_relation c ON c.oid = p.polrelid WHERE d.refclassid = 'pg_type'::regclass
  UNION
  SELECT part.oid FROM type t, LATERAL {_PARTS} part (oid) WHERE part.oid >= {FIRST_OF_CUSTOMER}
)
SELECT 'cast', json_build_object('source', c.castsource, 'target', c.casttarget, 'target_name', t.typname,
  'function', c.castfunc, 'implicit', c.castcontext = 'i')::text
FROM customer_cast c JOIN pg_type t ON t.oid = c.casttarget
UNION ALL
SELECT 'type', json_build_object('oid', t.oid, 'schema', n.nspname, 'name', t.typname,
  'parts', (SELECT json_agg(DISTINCT part.oid) FROM {_PARTS} part (oid) WHERE part.oid >= {FIRST_OF_CUSTOMER}),
  'fields', (SELECT json_agg(f.value) FROM pg_constraint c, json_array_elements({_FIELDS.format(tree="c.conbin")}) f
    WHERE c.contypid = t.oid AND c.contype = 'c'))::text
FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
WHERE t.oid IN (SELECT oid FROM type) AND t.oid >= {FIRST_OF_CUSTOMER}
UNION ALL
SELECT 'relation', json_build_object('oid', c.oid, 'schema', n.nspname, 'name', c.relname, 'kind', c.relkind,
  'row_type', c.reltype,
  'children', (SELECT json_agg(i.inhrelid) FROM pg_inherits i
    WHERE i.inhparent = c.oid AND i.inhrelid IN (SELECT oid FROM reaching_foreign)),
  'fields', (SELECT json_agg(f.value) FROM rule, json_array_elements(rule.tree) f WHERE rule.relation = c.oid))::text
FROM customer_relation c JOIN pg_namespace n ON n.oid = c.relnamespace
UNION ALL
SELECT 'operator', json_build_object('oid', o.oid, 'schema', n.nspname, 'name', o.oprname,
  'function', o.oprcode::oid)::text
FROM pg_operator o JOIN pg_namespace n ON n.oid = o.oprnamespace
WHERE o.oprname = ANY ($2::text[]) AND o.oid >= {FIRST_OF_CUSTOMER}
UNION ALL
SELECT 'function', json_build_object('oid', p.oid)::text
FROM pg_proc p WHERE p.proname = ANY ($1::text[]) AND p.oid >= {FIRST_OF_CUSTOMER}
"""  # noqa: S608 (made of constants)
"""Parameters: names of functions, operators, types, relations; OIDs of relations and types.

Facts of everything that has such a name in any schema, or such an OID, and of what that reaches. Functions come as
OIDs.
"""

REACHED = f"""
WITH operator AS (
  SELECT o.oid, o.oprname, o.oprnamespace, o.oprcode::oid AS function FROM pg_operator o
  WHERE o.oid = ANY ($2::oid[]) AND o.oid >= {FIRST_OF_CUSTOMER}
), function AS (
  SELECT p.* FROM pg_proc p WHERE p.oid = ANY ($1::oid[]) OR p.oid IN (SELECT function FROM operator)
)
SELECT 'path', $3
UNION ALL
SELECT 'built_in', coalesce(json_object_agg(oid, proname || ' ' || provolatile::text), '{{}}')::text
FROM function WHERE oid < {FIRST_OF_CUSTOMER}
UNION ALL
SELECT 'function', json_build_object('oid', p.oid, 'schema', n.nspname, 'name', p.proname, 'volatility', p.provolatile,
  'extension', e.extname, 'required_arguments', p.pronargs - p.pronargdefaults)::text
FROM function p JOIN pg_namespace n ON n.oid = p.pronamespace
LEFT JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
  AND d.refclassid = 'pg_extension'::regclass
LEFT JOIN pg_extension e ON e.oid = d.refobjid
WHERE p.oid >= {FIRST_OF_CUSTOMER}
UNION ALL
SELECT 'operator', json_build_object('oid', o.oid, 'schema', n.nspname, 'name', o.oprname, 'function', o.function)::text
FROM operator o JOIN pg_namespace n ON n.oid = o.oprnamespace
"""  # noqa: S608 (made of constants)
"""Parameters: OIDs of functions, OIDs of operators, the session's own search path as JSON (it is part of the facts)."""
