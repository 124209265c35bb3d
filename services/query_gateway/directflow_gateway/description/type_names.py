"""Names of PostgreSQL types, the customer's own included."""

from collections.abc import Iterable
from dataclasses import dataclass

from directflow_gateway.description.exchange import Connection, fetch

TypeKey = tuple[int, int]
"""OID and type modifier (-1 for none)."""

# Everything is qualified, operators too: a search_path may put the customer's own functions before pg_catalog.
_QUERY = """
WITH RECURSIVE asked AS (
  SELECT oid, typmod FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.oid[]), pg_catalog.unnest($2::pg_catalog.int4[]))
    AS pair(oid, typmod)
), step(oid, typmod, base) AS (
  SELECT oid, typmod, oid FROM asked
  UNION ALL
  SELECT s.oid, s.typmod, t.typbasetype FROM step s
    JOIN pg_catalog.pg_type t ON t.oid OPERATOR(pg_catalog.=) s.base AND t.typtype OPERATOR(pg_catalog.=) 'd'
)
SELECT s.oid, s.typmod, pg_catalog.format_type(s.oid, s.typmod), pg_catalog.format_type(s.base, NULL), t.typtype
FROM step s
  JOIN pg_catalog.pg_type t ON t.oid OPERATOR(pg_catalog.=) s.base AND t.typtype OPERATOR(pg_catalog.<>) 'd'
"""


VECTORS = frozenset({"oidvector", "int2vector"})
"""Arrays under another name."""


@dataclass(frozen=True, slots=True)
class TypeName:
    """A type's name with its modifiers, and that of the type underneath: a domain may stand on a domain."""

    full: str
    base: str
    kind: str
    """pg_type.typtype of the type underneath: b, c (a row), e, m, p or r."""

    @property
    def of_column(self) -> str:
        """The type of a table's column that holds such values, without modifiers; "" where there is none.

        `full` is asked for with a modifier of -1, and then says bpchar where `base` says character, which is
        character(1) to the grammar; likewise "bit".
        """
        is_domain = self.full not in (self.base, "bpchar", '"bit"')
        # unnest() takes a row apart: its fields would take the places of our own columns.
        is_value = self.kind in ("b", "e", "m", "r") and not self.full.endswith("[]") and self.full not in VECTORS
        return self.full if is_value and not is_domain else ""


async def type_names(conn: Connection, keys: Iterable[TypeKey]) -> dict[TypeKey, TypeName]:
    """The names of types, in one query. Raises psycopg.Error."""
    asked = sorted(set(keys))
    if not asked:
        return {}
    oids, typmods = ("{" + ",".join(str(key[part]) for key in asked) + "}" for part in (0, 1))
    rows = await fetch(conn, _QUERY, (oids, typmods))
    return {
        (int(oid or 0), int(typmod or 0)): TypeName(full or "", base or "", kind or "")
        for oid, typmod, full, base, kind in rows
    }
