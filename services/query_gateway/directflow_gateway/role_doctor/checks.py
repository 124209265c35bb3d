"""The checks: each a query for (subject, SQL that mends it), and the sentence for what it finds.

They run with search_path = pg_catalog, as the login role, in a read-only transaction. Privileges come out of the access
lists themselves rather than from has_*_privilege, because the mending SQL must name the one who was granted them: it is
often PUBLIC, and then `REVOKE ... FROM the_role` would do nothing.
"""

from dataclasses import dataclass

from directflow_gateway.role_doctor.finding import SUPERUSER, TEMPORARY_TABLES
from directflow_gateway.sql.catalogue import FIRST_OF_CUSTOMER

MOST_SUBJECTS = 100
"""Of one check. A role that may write everywhere needs no list of 50,000 tables."""


@dataclass(frozen=True, slots=True)
class Check:
    """One risk and how it is found."""

    rule: str
    sentence: str
    """`{}` is the list of subjects."""
    query: str


_GRANTEE = "CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END"
_DEFAULT = {"TABLE": "r", "SEQUENCE": "s"}
"""What acldefault calls them."""
_MINE = "(a.grantee = 0 OR pg_has_role(a.grantee, 'MEMBER'))"
"""Not 'USAGE', which leaves out what a NOINHERIT role has after a SET ROLE."""


def _attribute(rule: str, column: str, keyword: str, sentence: str) -> Check:
    """An attribute of the role itself, or of one that it may become with SET ROLE."""
    return Check(
        rule,
        sentence,
        f"""
        SELECT quote_ident(r.rolname), format('ALTER ROLE %I NO{keyword};', r.rolname)
        FROM pg_roles r WHERE r.{column} AND r.rolname = current_user
        UNION ALL
        SELECT quote_ident(r.rolname), format('REVOKE %I FROM %I;', r.rolname, pg_get_userbyid(m.member))
        FROM pg_roles r JOIN pg_auth_members m ON m.roleid = r.oid
        WHERE r.{column} AND r.rolname <> current_user AND pg_has_role(m.member, 'MEMBER')
        """,  # noqa: S608 (made of constants)
    )


def _relations(rule: str, noun: str, kinds: str, privileges: str, sentence: str) -> Check:
    """Privileges on tables or sequences, those on single columns included."""
    return Check(
        rule,
        sentence,
        f"""
        SELECT c.oid::regclass::text, CASE a.grantee
          WHEN c.relowner THEN format('ALTER {noun} %s OWNER TO another_role;', c.oid::regclass)
          ELSE format('REVOKE %s ON {noun} %s FROM %s;', string_agg(DISTINCT a.privilege_type, ', '), c.oid::regclass,
            {_GRANTEE})
        END
        FROM pg_class c, LATERAL (
          SELECT * FROM aclexplode(coalesce(c.relacl, acldefault('{_DEFAULT[noun]}', c.relowner)))
          UNION ALL SELECT e.* FROM pg_attribute t, aclexplode(t.attacl) e WHERE t.attrelid = c.oid
        ) a
        WHERE c.oid >= {FIRST_OF_CUSTOMER} AND c.relkind IN ({kinds}) AND a.privilege_type IN ({privileges}) AND {_MINE}
        GROUP BY c.oid, c.relowner, a.grantee
        """,  # noqa: S608 (made of constants)
    )


def _database(rule: str, privilege: str, sentence: str) -> Check:
    return Check(
        rule,
        sentence,
        f"""
        SELECT quote_ident(d.datname), CASE a.grantee
          WHEN d.datdba THEN format('ALTER DATABASE %I OWNER TO another_role;', d.datname)
          ELSE format('REVOKE {privilege} ON DATABASE %I FROM %s;', d.datname, {_GRANTEE})
        END
        FROM pg_database d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a
        WHERE d.datname = current_database() AND a.privilege_type = '{privilege}' AND {_MINE}
        """,  # noqa: S608 (made of constants)
    )


def _functions(rule: str, which: str, sentence: str) -> Check:
    """Functions `p` that the role may execute."""
    return Check(
        rule,
        sentence,
        f"""
        SELECT p.oid::regprocedure::text, format('REVOKE EXECUTE ON %s %s FROM %s;',
          CASE p.prokind WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END, p.oid::regprocedure, {_GRANTEE})
        FROM pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
        WHERE {which} AND a.privilege_type = 'EXECUTE' AND {_MINE}
        """,  # noqa: S608 (made of constants)
    )


CHECKS = (
    _attribute(SUPERUSER, "rolsuper", "SUPERUSER", "A superuser, whom nothing restrains: {}."),
    _attribute("BYPASSRLS", "rolbypassrls", "BYPASSRLS", "Row security does not hold for {}."),
    _attribute("CREATEROLE", "rolcreaterole", "CREATEROLE", "May create and change roles: {}."),
    _attribute("CREATEDB", "rolcreatedb", "CREATEDB", "May create databases: {}."),
    _attribute("REPLICATION", "rolreplication", "REPLICATION", "May copy the whole server by replication: {}."),
    Check(
        "SERVER_ROLE",
        "The role is a member of {}, which reach files, programs, other sessions or all tables of the server.",
        """
        SELECT r.rolname, format('REVOKE %I FROM %I;', r.rolname, pg_get_userbyid(m.member))
        FROM pg_roles r JOIN pg_auth_members m ON m.roleid = r.oid
        WHERE pg_has_role(m.member, 'MEMBER') AND r.rolname IN ('pg_read_server_files', 'pg_write_server_files',
          'pg_execute_server_program', 'pg_write_all_data', 'pg_signal_backend', 'pg_maintain', 'pg_checkpoint',
          'pg_create_subscription')
        """,
    ),
    _relations(
        "TABLE_WRITE",
        "TABLE",
        "'r', 'v', 'm', 'f', 'p'",
        "'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE'",
        "The role may write to {}.",
    ),
    _relations("SEQUENCE_WRITE", "SEQUENCE", "'S'", "'USAGE', 'UPDATE'", "The role may move the sequences {}."),
    Check(
        "SCHEMA_CREATE",
        "The role may create objects in the schemas {}.",
        f"""
        SELECT quote_ident(n.nspname), CASE a.grantee
          WHEN n.nspowner THEN format('ALTER SCHEMA %I OWNER TO another_role;', n.nspname)
          ELSE format('REVOKE CREATE ON SCHEMA %I FROM %s;', n.nspname, {_GRANTEE})
        END
        FROM pg_namespace n, aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a
        WHERE a.privilege_type = 'CREATE' AND {_MINE}
        """,  # noqa: S608 (made of constants)
    ),
    _database("DATABASE_CREATE", "CREATE", "The role may create schemas in the database {}."),
    _database(
        TEMPORARY_TABLES,
        "TEMPORARY",
        "The role may create temporary tables in the database {}, also inside a read-only transaction.",
    ),
    _relations(
        "FOREIGN_TABLE",
        "TABLE",
        "'f'",
        "'SELECT'",
        "The role may read the foreign tables {}; what their servers do for it, no transaction here restrains.",
    ),
    _functions(
        "DBLINK",
        "p.oid IN (SELECT d.objid FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid WHERE d.deptype = 'e'"
        " AND d.classid = 'pg_proc'::regclass AND d.refclassid = 'pg_extension'::regclass AND e.extname = 'dblink')",
        "The role may execute the functions of dblink, which run SQL on other connections: {}.",
    ),
    _functions(
        "SECURITY_DEFINER",
        f"p.prosecdef AND p.oid >= {FIRST_OF_CUSTOMER}",
        "The role may execute functions with the rights of their owners: {}.",
    ),
    _functions(
        "LARGE_OBJECTS",
        "current_setting('server_version_num')::int < 160000 AND p.pronamespace = 'pg_catalog'::regnamespace"
        " AND p.proname IN ('lo_create', 'lo_creat', 'lo_from_bytea', 'lo_put', 'lowrite', 'lo_unlink', 'lo_truncate',"
        " 'lo_truncate64', 'lo_import')",
        "Before PostgreSQL 16 large objects can be written inside a read-only transaction: {}.",
    ),
    Check(
        "PREPARED_TRANSACTIONS",
        "The server allows prepared transactions ({}), which outlive their session with all their locks.",
        """
        SELECT format('max_prepared_transactions = %s', s), 'ALTER SYSTEM SET max_prepared_transactions = 0;'
        FROM current_setting('max_prepared_transactions') s WHERE s <> '0'
        """,
    ),
)
