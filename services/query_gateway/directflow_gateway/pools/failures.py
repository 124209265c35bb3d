"""Why there is no session: as errors for callers, without host, address, user or the driver's words."""

import re
import socket
from collections.abc import Mapping
from types import MappingProxyType

import psycopg
from directflow_runtime.errors import DirectFlowError, StatusCode

RETRY_AFTER_S = 1.0
NOT_THE_LOGIN = re.compile(
    r'database ".*" does not exist|permission denied for database|too many (connections|clients)|connection slots'
    r"|not (yet |currently )?accepting connections|starting up|shutting down|recovery mode|terminating connection"
    r"|server closed the connection|could not (receive|send) data|connection has been closed|SYSCALL|timeout expired"
    r"|channel binding (is )?required",
    re.DOTALL,
)
"""What a server says after the password was right, and what libpq says of a connection that broke during the login: a
server that restarts is no reason to keep away for as long as a wrong password is. libpq gives no SQLSTATE for a failed
login, and the server's text is in its language: what is not recognised counts as a refused login."""
CAUSES = (
    ("NOT_ADMITTED", re.compile(r"pg_hba\.conf")),
    ("CONNECT_RIGHT", re.compile(r"permission denied for database")),
    ("TLS", re.compile(r"SSL|certificate|GSSAPI")),
    ("AUTHENTICATION_METHOD", re.compile(r"authentication method|channel binding|server requested|SCRAM")),
    ("DATABASE_MISSING", re.compile(r'database ".*" does not exist', re.DOTALL)),
    ("TOO_MANY_CONNECTIONS", re.compile(r"too many (connections|clients)|connection slots")),
    (
        "NOT_READY",
        re.compile(r"starting up|shutting down|recovery mode|not (yet |currently )?accepting|terminating connection"),
    ),
)

_WHAT_TO_DO: Mapping[str, str] = MappingProxyType(
    {
        "NAME_RESOLUTION": "the connection's host name does not resolve: correct the connection's host, or have the "
        "name entered in the DNS that DirectFlow's gateway asks",
        "REFUSED": "no PostgreSQL takes the session at the connection's host and port: correct them, or have the "
        "database's administrator check that PostgreSQL runs and listens there (listen_addresses, port, firewall)",
        "TIMEOUT": "the connection's host does not answer in time: correct the connection's host and port, or have "
        "the firewall between DirectFlow's gateway and the database opened",
        "TLS": "the TLS handshake with the database failed: correct the connection's CA and TLS mode, or have the "
        "database's administrator install a certificate for the connection's host name",
        "AUTHENTICATION_METHOD": "the database asks for a kind of login that DirectFlow does not have: its "
        "administrator must allow scram-sha-256 for the connection's user in pg_hba.conf; for a pooler without channel "
        "binding, whoever runs DirectFlow must name it in without_channel_binding of [egress]",
        "NOT_ADMITTED": "pg_hba.conf of the database does not let the connection's user in from where DirectFlow's "
        "gateway is, or not without TLS: the database's administrator must add a line for it",
        "CONNECT_RIGHT": "the connection's user may not connect to the database: its administrator must GRANT CONNECT "
        "ON DATABASE to the user",
        "DATABASE_MISSING": "the server has no database of the name that the connection gives: correct the "
        "connection's database",
        "TOO_MANY_CONNECTIONS": "the database has no free session: its administrator must raise max_connections or the "
        "limit of the user or database, or the connection's pool must be smaller",
        "NOT_READY": "the database is starting, stopping or recovering, and takes no sessions until that is done",
    }
)
"""Who must change what, without saying where the database is or who logs in."""
_SATURATED: Mapping[str, str] = MappingProxyType(
    {
        "": "every session of this connection is busy: fewer calls at once, or whoever owns the connection must raise "
        "its pool_size",
        "DATABASE_BUDGET": "every session that this gateway may have on the connection's database server is busy: "
        "fewer calls at once, or whoever runs DirectFlow must raise sessions_per_database of [pools], for which the "
        "database's administrator must have room in max_connections",
        "PROCESS_BUDGET": "every session that this gateway may have on all databases together is busy: fewer calls at "
        "once, or whoever runs DirectFlow must raise sessions of [pools], or run more gateways",
    }
)

SERVER_CAUSES = frozenset({"NAME_RESOLUTION", "TIMEOUT"})
SERVER_IS_DOWN = re.compile(
    r"Connection refused|Connection timed out|No route to host|Network is unreachable|Connection reset by peer"
    r"|system is (starting up|shutting down|in recovery mode)|system is not (yet )?accepting connections"
)
"""What concerns the server, whoever logs in. Nothing else may keep other connections away from it: the settings of one
must not decide over another workspace's."""


def is_refused_login(error: psycopg.OperationalError) -> bool:
    """True when the server asked for the password and did not like it."""
    used_password = error.pgconn is not None and bool(error.pgconn.used_password)
    return used_password and not NOT_THE_LOGIN.search(str(error))


def cause_of(error: Exception) -> str:
    """What an operator should look at: TIMEOUT, TLS, NAME_RESOLUTION, ..., REFUSED for everything else."""
    if isinstance(error, TimeoutError):
        return "TIMEOUT"
    if isinstance(error, psycopg.OperationalError):
        return next((name for name, pattern in CAUSES if pattern.search(str(error))), "REFUSED")
    return "NAME_RESOLUTION" if isinstance(error, socket.gaierror) else "REFUSED"


def concerns_the_server(error: Exception) -> bool:
    """True when nobody could have connected."""
    if isinstance(error, psycopg.OperationalError):
        return bool(SERVER_IS_DOWN.search(str(error)))
    return cause_of(error) in SERVER_CAUSES


def unreachable(cause: str) -> DirectFlowError:
    """No session, and perhaps one a little later."""
    return DirectFlowError(
        StatusCode.UNAVAILABLE,
        "DATABASE_UNREACHABLE",
        f"the customer's database cannot be reached: {_WHAT_TO_DO.get(cause, _WHAT_TO_DO['REFUSED'])}",
        metadata={"cause": cause},
        retry_after=RETRY_AFTER_S,
    )


def again(error: DirectFlowError) -> DirectFlowError:
    """The same error for another caller, without the traceback of the first."""
    return DirectFlowError(
        error.code,
        error.reason,
        error.message,
        metadata=error.metadata,
        violations=error.violations,
        problems=error.problems,
        retry_after=error.retry_after,
        sqlstate=error.sqlstate,
    )


def rejected() -> DirectFlowError:
    """The login was refused, also after the credential was read again."""
    return DirectFlowError(
        StatusCode.FAILED_PRECONDITION,
        "CREDENTIALS_REJECTED",
        "the database refused the login with the credential that is stored for this connection: whoever keeps the "
        "credential must store the current password of the connection's user, or the database's administrator must set "
        "that password and allow the user to log in; DirectFlow then reads it by itself",
    )


def host_refused(rule: str) -> DirectFlowError:
    """The egress policy forbids every address of the host."""
    message = f"the connection's host is {rule}, where this gateway does not connect to"
    return DirectFlowError(StatusCode.FAILED_PRECONDITION, "HOST_REFUSED", message)


def saturated(cause: str = "") -> DirectFlowError:
    """No session in time: every one of the connection is busy, or of the budget that `cause` names."""
    return DirectFlowError(
        StatusCode.RESOURCE_EXHAUSTED,
        "POOL_SATURATED",
        _SATURATED[cause],
        metadata={"cause": cause} if cause else {},
        retry_after=RETRY_AFTER_S,
    )


def overdue() -> DirectFlowError:
    """The call's deadline came first."""
    return DirectFlowError(StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED", "the call's deadline has passed")
