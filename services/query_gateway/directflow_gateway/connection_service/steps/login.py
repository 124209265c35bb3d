"""The login, as pools do it, and what each way to fail means for a DBA."""

import asyncio
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import psycopg
from psycopg.pq.abc import PGconn

from directflow_gateway.connection_service.refused_logins import RefusedLogins
from directflow_gateway.connection_service.step import Outcome, Step, StepFailed, StepName, failed
from directflow_gateway.connection_service.steps import mending
from directflow_gateway.connections import Connection, EgressPolicy, EgressRefused
from directflow_gateway.credentials import Credential
from directflow_gateway.credentials.unavailable import CredentialsUnavailable
from directflow_gateway.description.names import quoted
from directflow_gateway.pools.failures import cause_of, is_refused_login
from directflow_gateway.pools.login import login
from directflow_gateway.pools.parameters import CaFile
from directflow_gateway.pools.permit import Permit
from directflow_gateway.role_doctor import role_of

POLL_S: Final = 0.05
STORED: Final = frozenset({"FILE_UNREADABLE", "FILE_CONTENT", "NO_USER", "VAULT_NOT_FOUND", "VAULT_CONTENT"})
"""Causes of a missing credential that somebody has to store."""

Sql = Callable[[Connection], str]


@dataclass(frozen=True, slots=True)
class Explanation:
    """What to tell instead of the server's text, which holds names and addresses."""

    message: str
    advice: str
    sql: Sql = lambda connection: ""


def _may_log_in(connection: Connection) -> str:
    return f"ALTER ROLE {quoted(role_of(connection))} LOGIN;"


def _may_connect(connection: Connection) -> str:
    return mending.grant_connect(role_of(connection), connection.database)


EXPLANATIONS: Final = {
    "NOT_ADMITTED": Explanation(
        "The server's pg_hba.conf lets this role not into this database from here.",
        "Add a line to pg_hba.conf for the role, the database and this gateway's network, with scram-sha-256, and"
        " reload: hostssl <database> <role> <network> scram-sha-256",
        lambda connection: "SELECT pg_reload_conf();",
    ),
    "NO_LOGIN": Explanation(
        "The role exists and may not log in.",
        "Let it log in, or use another role.",
        _may_log_in,
    ),
    "CONNECT_RIGHT": Explanation(
        "The password is right, and the role may not enter this database.",
        "Grant it CONNECT.",
        _may_connect,
    ),
    "DATABASE_MISSING": Explanation(
        "The password is right, and there is no database of this name on the server.",
        "Check the spelling: PostgreSQL tells upper from lower case here.",
    ),
    "AUTHENTICATION_METHOD": Explanation(
        "The server asks for the password in another way than SCRAM, and was not given it.",
        "Store the role's password for SCRAM, and have scram-sha-256 as the method in pg_hba.conf. A pooler in front"
        " that ends TLS itself, as PgBouncer does, cannot bind the channel: the operator of DirectFlow names it in"
        " without_channel_binding of [egress].",
        lambda connection: mending.set_password(role_of(connection)),
    ),
    "TOO_MANY_CONNECTIONS": Explanation(
        "Every session that the server, the database or the role may have is in use.",
        "Raise max_connections or the limit of the role, or give this connection a smaller pool.",
    ),
    "NOT_READY": Explanation(
        "The server is starting, stopping or recovering.",
        "Try again in a minute.",
    ),
    "TLS": Explanation(
        "TLS failed at the login.",
        "This gateway's database driver did not accept the server's certificate: give its authority as tls.ca_pem.",
    ),
}
"""By what `pools.failures.cause_of` makes of the driver's error."""
NO_LOGIN: Final = re.compile(r"not permitted to log in")
"""Behind a right password, and yet PostgreSQL calls the role unfit: to `cause_of` it is a refused login."""


class Refused(StepFailed):
    """The server did not like user or password."""


async def log_in(
    connection: Connection,
    credential: Credential,
    policy: EgressPolicy,
    turn: threading.Lock,
    refused: RefusedLogins,
    deadline: float,
    permit: Permit | None = None,
) -> PGconn:
    """A session, the caller's to close. Raises StepFailed (Refused only for what the server has just said); `permit` is
    then the caller's to give back.

    `turn` is that of the connection's name: a server that asks for millions of rounds keeps a thread busy beyond any
    deadline, and must not get another one with each test.
    """
    authorities = CaFile(connection.ca_pem)
    try:
        async with asyncio.timeout(max(0.05, deadline - time.monotonic())):
            while turn.locked():  # noqa: ASYNC110 (threads release it)
                await asyncio.sleep(POLL_S)
            refused.check(connection, credential)  # in one turn: of many tests at once only the first is refused
            return await login(connection, credential, policy, authorities.path, turn, permit)
    except TimeoutError:
        raise failed(StepName.LOGIN, "The server did not finish the login in time.", "Try again.") from None
    except EgressRefused as rule:
        raise failed(StepName.LOGIN, f"The host has become {rule} meanwhile.", "Try again.") from None
    except (psycopg.OperationalError, OSError) as error:
        failure = _explained(connection, error)
        if isinstance(failure, Refused):
            refused.remember(connection, credential, failure.step)
        raise failure from None
    finally:
        authorities.close()


def no_credential(error: CredentialsUnavailable, connection: Connection) -> StepFailed:
    """The credential's source has none, or is away."""
    advice = f"{error.advice[0].upper()}{error.advice[1:]}."
    whose = f" It is asked for workspace {connection.workspace}, connection {connection.id}."
    # A password can be stored only for a role that is there.
    sql = mending.fresh_role(connection.database, role=role_of(connection)) if error.cause in STORED else ""
    return failed(StepName.LOGIN, f"There is no credential to log in with: {error.what}.", advice + whose, sql)


def _explained(connection: Connection, error: Exception) -> StepFailed:
    cause = "NO_LOGIN" if NO_LOGIN.search(str(error)) else cause_of(error)
    told = EXPLANATIONS.get(cause)
    if told is not None:
        return failed(StepName.LOGIN, told.message, told.advice, told.sql(connection))
    if isinstance(error, psycopg.OperationalError) and is_refused_login(error):
        sql = mending.set_up(role_of(connection), connection.database)
        message = "The server refused the login: there is no such role, or the stored password is another one."
        advice = "Compare the user with the roles of the server, and the password with the stored one."
        return Refused(Step(StepName.LOGIN, Outcome.FAILED, message, advice, sql))
    return failed(StepName.LOGIN, f"The login failed ({cause}).", "The server's own log says why.")
