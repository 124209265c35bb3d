"""What the catalogue tells of the columns that an index may be missing on."""

from collections.abc import Sequence
from dataclasses import dataclass

from directflow_gateway.advice.asking import array_of, asked
from directflow_gateway.description.exchange import Connection
from directflow_gateway.description.names import quoted

# Everything is qualified, operators too: a search_path may put the customer's own functions before pg_catalog.
# Rows by their number at the last VACUUM or ANALYZE, times what the table has grown since, as the planner does it; of a
# table that had none by its size, at a hundred bytes a row.
_COLUMNS = """
WITH asked AS (
  SELECT pg_catalog.to_regclass(r.name) AS scanned, r.attribute, r.place
  FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.text[]), pg_catalog.unnest($2::pg_catalog.text[]))
    WITH ORDINALITY AS r(name, attribute, place)
), rooted AS (
  SELECT asked.*, coalesce(pg_catalog.pg_partition_root(scanned), scanned) AS root FROM asked
)
SELECT r.place, n.nspname, c.relname, a.attname, pg_catalog.format_type(a.atttypid, NULL), c.relkind,
  (SELECT pg_catalog.sum(CASE
      WHEN p.reltuples OPERATOR(pg_catalog.>=) 0::pg_catalog.float4 AND p.relpages OPERATOR(pg_catalog.>) 0
      THEN p.reltuples::pg_catalog.float8 OPERATOR(pg_catalog.*) pg_catalog.pg_relation_size(p.oid)::pg_catalog.float8
        OPERATOR(pg_catalog./) (p.relpages::pg_catalog.float8 OPERATOR(pg_catalog.*)
          pg_catalog.current_setting('block_size')::pg_catalog.float8)
      ELSE pg_catalog.pg_relation_size(p.oid)::pg_catalog.float8 OPERATOR(pg_catalog./) 100::pg_catalog.float8
    END)::pg_catalog.int8
    FROM pg_catalog.pg_class p WHERE p.oid OPERATOR(pg_catalog.=) c.oid
      OR p.oid OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT t.relid::pg_catalog.oid
        FROM pg_catalog.pg_partition_tree(r.root) t WHERE t.isleaf))),
  EXISTS (SELECT FROM pg_catalog.pg_index i
    WHERE i.indrelid OPERATOR(pg_catalog.=) r.scanned AND i.indisvalid AND i.indpred IS NULL
      AND i.indkey[0] OPERATOR(pg_catalog.=) (SELECT s.attnum FROM pg_catalog.pg_attribute s
        WHERE s.attrelid OPERATOR(pg_catalog.=) r.scanned
          AND s.attname OPERATOR(pg_catalog.=) r.attribute::pg_catalog.name)),
  (SELECT s.n_distinct FROM pg_catalog.pg_stats s
    WHERE s.schemaname OPERATOR(pg_catalog.=) n.nspname AND s.tablename OPERATOR(pg_catalog.=) c.relname
      AND s.attname OPERATOR(pg_catalog.=) a.attname ORDER BY s.inherited DESC LIMIT 1)
FROM rooted r
  JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) r.root
  JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
  JOIN pg_catalog.pg_attribute a ON a.attrelid OPERATOR(pg_catalog.=) c.oid
    AND a.attname OPERATOR(pg_catalog.=) r.attribute::pg_catalog.name
"""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table, or of the partitioned table that the scanned one is a part of."""

    schema: str
    table: str
    name: str
    type_name: str
    """As format_type prints it, without modifiers."""
    is_partitioned: bool
    rows: int
    """An estimate, of all partitions together."""
    is_indexed: bool
    """The scanned table has a whole, valid index that begins with the column."""
    share_of_a_value: float
    """The part of the rows that have one value, on average; 0 where PostgreSQL has no statistics."""


async def columns_of(conn: Connection, wanted: Sequence[tuple[str, str, str]]) -> list[Column | None]:
    """What is known of (schema, table, column), in their order; None for what is no column. Raises DirectFlowError."""
    if not wanted:
        return []
    names = array_of(f"{quoted(schema)}.{quoted(table)}" for schema, table, _ in wanted)
    rows = await asked(conn, _COLUMNS, (names, array_of(column for _, _, column in wanted)))
    known = {int(row[0] or 0): _column(row[1:]) for row in rows}
    return [known.get(place) for place in range(1, len(wanted) + 1)]


def _column(row: Sequence[str | None]) -> Column:
    schema, table, name, type_name, kind, rows, is_indexed, n_distinct = (cell or "" for cell in row)
    count = int(rows or 0)
    return Column(
        schema, table, name, type_name, kind == "p", count, is_indexed == "t", _share(float(n_distinct or 0), count)
    )


def _share(n_distinct: float, rows: int) -> float:
    """pg_stats counts the values, or gives their number as a negative part of the rows."""
    values = n_distinct if n_distinct >= 0 else -n_distinct * rows
    return 1 / values if values else 0.0
