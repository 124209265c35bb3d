"""What the login role may read, today and of what is created tomorrow."""

from dataclasses import dataclass, field

from directflow_gateway.description.exchange import Connection, Row, fetch
from directflow_gateway.role_doctor.examination import catalogue_transaction
from directflow_gateway.sql.catalogue import FIRST_OF_CUSTOMER

MOST_SHOWN = 100
"""Pairs of schema and owner. Somebody with more has a list of his own."""

_OWNERS = f"""
WITH relation AS (
  SELECT c.relnamespace AS schema, c.relowner AS owner, pg_has_role(c.relowner, 'USAGE') AS is_mine,
    has_any_column_privilege(c.oid, 'SELECT') AS is_read
  FROM pg_class c
  WHERE c.oid >= {FIRST_OF_CUSTOMER} AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.classid = 'pg_class'::regclass
      AND d.deptype = 'e')
    AND has_schema_privilege(c.relnamespace, 'USAGE')
)
SELECT n.nspname, pg_get_userbyid(r.owner), count(*) FILTER (WHERE r.is_read),
  bool_or(r.is_mine) OR pg_has_role('pg_read_all_data', 'USAGE') OR EXISTS (
    SELECT FROM pg_default_acl d, aclexplode(d.defaclacl) a
    WHERE d.defaclrole = r.owner AND d.defaclobjtype = 'r' AND d.defaclnamespace IN (0, n.oid)
      AND a.privilege_type = 'SELECT' AND (a.grantee = 0 OR pg_has_role(a.grantee, 'USAGE'))
  ),
  format('ALTER DEFAULT PRIVILEGES FOR ROLE %I IN SCHEMA %I GRANT SELECT ON TABLES TO %I;',
    pg_get_userbyid(r.owner), n.nspname, current_user)
FROM relation r JOIN pg_namespace n ON n.oid = r.schema
WHERE r.schema IN (SELECT schema FROM relation WHERE is_read)
GROUP BY n.oid, n.nspname, r.owner
ORDER BY 1, 2
LIMIT {MOST_SHOWN + 1}
"""  # noqa: S608 (made of constants)
"""Of each schema in which something can be read: who owns tables there, how many of them can be read, and whether what
the owner creates next can be. Tables of extensions are left out: nobody creates more of them."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Somebody who has tables in a schema where the role reads."""

    schema: str
    name: str
    readable: int
    """Tables and views of his that the role may read."""
    covers_future: bool
    """True when the role may read what he creates next."""
    mending_sql: str


@dataclass(frozen=True, slots=True)
class Rights:
    """What the role of a session may read."""

    owners: tuple[Owner, ...] = ()
    more: bool = field(default=False)
    """There are further owners, which are not in the list."""

    @property
    def readable(self) -> int:
        """Tables and views."""
        return sum(owner.readable for owner in self.owners)

    @property
    def schemas(self) -> tuple[str, ...]:
        """Where the role reads, by name."""
        return tuple(dict.fromkeys(owner.schema for owner in self.owners))

    @property
    def uncovered(self) -> tuple[Owner, ...]:
        """Those whose next table the role could not read."""
        return tuple(owner for owner in self.owners if not owner.covers_future)


async def reading_rights(conn: Connection) -> Rights:
    """What the role may read. `conn` must not be in a transaction; afterwards it is as it was. PostgreSQL 14 or newer.

    Raises DirectFlowError when the server cannot be asked.
    """
    async with catalogue_transaction(conn):
        rows = await fetch(conn, _OWNERS)
    return Rights(tuple(map(_owner, rows[:MOST_SHOWN])), more=len(rows) > MOST_SHOWN)


def _owner(row: Row) -> Owner:
    schema, name, readable, covered, mending = (value or "" for value in row)
    return Owner(schema, name, int(readable), covered == "t", mending)
