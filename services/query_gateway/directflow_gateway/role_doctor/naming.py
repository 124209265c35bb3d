"""What the role of a session is called where people read of it."""

from dataclasses import replace
from typing import Final

from psycopg.pq.abc import PGconn

from directflow_gateway.connections import Connection
from directflow_gateway.description.names import renamed
from directflow_gateway.role_doctor.finding import Finding
from directflow_gateway.role_doctor.rights import Owner, Rights

DOCUMENTED_ROLE: Final = "directflow_readonly"


def role_of(connection: Connection) -> str:
    """The role that SQL is for. Where the credential brings its own, which nobody is to see, the documented one: a
    lease's is gone in an hour, with all that it was granted."""
    return connection.user or DOCUMENTED_ROLE


def findings_for(connection: Connection, pgconn: PGconn, findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """The findings of a session, with its user called as the connection calls it."""

    def shown(finding: Finding) -> Finding:
        message, sql = (_called(text, pgconn, connection) for text in (finding.message, finding.mending_sql))
        return replace(finding, message=message, mending_sql=sql)

    return tuple(map(shown, findings))


def rights_for(connection: Connection, pgconn: PGconn, rights: Rights) -> Rights:
    """The rights of a session, with its user called as the connection calls it."""

    def shown(owner: Owner) -> Owner:
        return replace(owner, mending_sql=_called(owner.mending_sql, pgconn, connection))

    return replace(rights, owners=tuple(map(shown, rights.owners)))


def _called(text: str, pgconn: PGconn, connection: Connection) -> str:
    user = pgconn.user.decode()
    return text if user == connection.user else renamed(text, user, role_of(connection))
