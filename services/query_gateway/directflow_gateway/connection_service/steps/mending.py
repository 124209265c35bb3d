"""The documented set-up of the read-only role, for this database, this role and these schemas."""

from collections.abc import Iterable
from typing import Final

from directflow_gateway.description.names import quoted
from directflow_gateway.role_doctor import DOCUMENTED_ROLE

PLACEHOLDER: Final = "'<password>'"
"""The DBA's to replace: no secret is in any message."""


def create_user(role: str) -> str:
    """For a role that is not there yet."""
    return f"CREATE USER {quoted(role)} WITH PASSWORD {PLACEHOLDER};"


def set_password(role: str) -> str:
    """For a role that is there. The encryption is set, for a server may still have md5 as its default."""
    return f"SET password_encryption = 'scram-sha-256';\nALTER USER {quoted(role)} WITH PASSWORD {PLACEHOLDER};"


def grant_connect(role: str, database: str) -> str:
    """For a role that may not enter the database."""
    return f"GRANT CONNECT ON DATABASE {quoted(database)} TO {quoted(role)};"


def grant_reading(role: str, schemas: Iterable[str] = ("public",)) -> str:
    """What lets the role read everything in these schemas, and what will be created there by whoever runs it."""
    return "\n".join(
        f"GRANT USAGE ON SCHEMA {schema} TO {to};\n"
        f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {to};\n"
        f"GRANT SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {to};\n"
        f"ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT SELECT ON TABLES TO {to};"
        for schema, to in ((quoted(schema), quoted(role)) for schema in schemas)
    )


def fresh_role(database: str, schemas: Iterable[str] = ("public",), role: str = DOCUMENTED_ROLE) -> str:
    """The whole documented set-up."""
    return "\n".join((create_user(role), grant_connect(role, database), grant_reading(role, schemas)))


def set_up(role: str, database: str) -> str:
    """Everything, for a login that was refused: the server does not tell a missing role from a wrong password."""
    return (
        f"-- where the role is not there yet\n{fresh_role(database, role=role)}\n"
        f"-- where it is, and its password is another one\n{set_password(role)}"
    )
