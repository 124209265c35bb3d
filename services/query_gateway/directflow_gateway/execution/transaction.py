"""The session guard: one read-only transaction with its settings, and the one way to end it.

Everything that is set is set for the transaction only, and read back: a pooler in transaction mode drops startup
options and hands the server session to somebody else between transactions. TimeZone and search_path stay the author's.
"""

import math
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

import psycopg
from directflow_runtime.errors import DirectFlowError, StatusCode
from psycopg.pq.abc import PGresult

from directflow_gateway.connections import Limits
from directflow_gateway.execution.connection import GatewayConnection, wire_of
from directflow_gateway.execution.sqlstate import Phase, translate
from directflow_gateway.execution.wire import Statement, Wire

BEGIN = Statement("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
ROLLBACK = Statement("ROLLBACK")
ROLLBACK_TRIES = 3
UNLOCK = Statement("SELECT pg_advisory_unlock_all()")
LONGEST_NAME = 63
"""Bytes of application_name; PostgreSQL cuts the rest."""
CHECK_CLIENT_S = 1.0
"""How often the server looks whether we are still there. Without it a query outlives its client."""
GRACE_S = 1.0
"""Our own clock is to strike first: it knows which limit it was."""
LONGEST_TIMEOUT_MS = 2**31 - 1
UNITS = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s"), (1, "ms"))


UNDEFINED_OBJECT = "42704"


class RoleGone(DirectFlowError):
    """The session's role was dropped: a dynamic credential has ended. Nothing has run; another session may have it."""


def role_gone() -> RoleGone:
    """To raise; callers see it when also a session that is new has no role."""
    message = (
        "the database does not know the session's role any more, or it is older than PostgreSQL 14: whoever keeps the "
        "connection's credential must store one of a role that exists"
    )
    return RoleGone(StatusCode.FAILED_PRECONDITION, "SERVER_REFUSED", message, metadata={"setting": "session_user"})


@dataclass(frozen=True, slots=True)
class TransactionSettings:
    """What is set for one transaction. Seconds; `math.inf` where there is no limit."""

    application_name: str
    """Shows in the customer's pg_stat_activity and log; 63 bytes of printable ASCII are kept."""
    statement_timeout_s: float
    """PostgreSQL's own limit, which also runs while a slow reader holds a stream up: for a stream give its age. The
    gateway's clock counts the server's time only."""
    lock_timeout_s: float = 5.0
    idle_timeout_s: float = 60.0
    """After this long between two statements the server ends the session: the gateway has died or hangs."""
    jit: bool = True
    """False for short statements: compiling costs more than it saves."""

    @classmethod
    def for_call(cls, application_name: str, limits: Limits, remaining_s: float) -> Self:
        """For statements that answer at once; `remaining_s` until the call's deadline."""
        statement_s = min(limits.statement_timeout_s, remaining_s)
        return cls(application_name, statement_s, limits.lock_timeout_s, jit=False)

    @classmethod
    def for_stream(cls, application_name: str, limits: Limits, remaining_s: float) -> Self:
        """For `stream`, where PostgreSQL's clock may only bound the whole: it runs on while the reader is slow."""
        return cls(application_name, min(limits.max_stream_age_s, remaining_s) + GRACE_S, limits.lock_timeout_s)


Around = Callable[[str], AbstractContextManager[object]]
"""A context to wait for BEGIN or ROLLBACK in, by its name in lower case: where nobody tells of it, time is lost that no
trace accounts for."""


@asynccontextmanager
async def read_only_transaction(
    connection: psycopg.AsyncConnection[Any], settings: TransactionSettings, around: Around = nullcontext
) -> AsyncIterator[datetime]:
    """REPEATABLE READ READ ONLY with these settings, in one round trip; ended by ROLLBACK, always. Gives the snapshot's
    time by the server's clock, which a pooled connection keeps as `snapshot_time`.

    ROLLBACK rather than COMMIT: it also takes back what a function set for the session or notified, and, sent by us and
    not by psycopg, it costs no prepared statement. Session advisory locks outlive it, so they are released by name.

    When the block is cancelled, or a statement still runs, nothing more is sent: the pool stops the statement and ends
    the transaction (see cancel). Raises DirectFlowError: RoleGone, SERVER_REFUSED when the server did not take
    a setting, DATABASE_UNREACHABLE when it went away.
    """
    wire = wire_of(connection)
    with around("begin"):
        snapshot_time = await _begin(wire, settings)
    if isinstance(connection, GatewayConnection):
        connection.snapshot_time = snapshot_time
    try:
        yield snapshot_time
    except Exception:
        await _end(wire, around)
        raise
    await _end(wire, around)


async def _end(wire: Wire, around: Around) -> None:
    if not wire.lost and not wire.busy:
        with around("rollback"):
            await end_transaction(wire)


async def end_transaction(wire: Wire) -> None:
    """Leaves the session as a fresh one. A connection that breaks over it is not an error of what ran before: every row
    had arrived; the pool sees that it is broken."""
    try:
        # Statements of a pipeline that was cut short are closed within the transaction: behind it a pooler would hand
        # the message to another server session. As a message of the protocol, which an aborted transaction understands.
        await _roll_back(wire)
        wire.prepared.clear()
    except psycopg.OperationalError:
        wire.abort()
    finally:
        wire.release()


async def _roll_back(wire: Wire) -> None:
    """Again where a limit of milliseconds, which is still in force, strikes before a busy server gets its turn."""
    for tries_left in reversed(range(ROLLBACK_TRIES)):
        try:
            await wire.run(ROLLBACK, UNLOCK, closing=wire.prepared)
            return
        except psycopg.errors.QueryCanceled:
            if not tries_left:
                raise


async def _begin(wire: Wire, settings: TransactionSettings) -> datetime:
    wanted = _wanted(settings)
    try:
        _, shown = await wire.run(BEGIN, _statement(wanted))
    except psycopg.Error as error:
        raise role_gone() if error.sqlstate == UNDEFINED_OBJECT else translate(error, None, Phase.RUN) from None
    for position, (name, value) in enumerate(wanted.items()):
        if shown.get_value(0, position) != value.encode():
            raise _refused(name)
    return _check_session(wire, shown, len(wanted))


def _wanted(settings: TransactionSettings) -> dict[str, str]:
    """Settings in the form in which PostgreSQL shows them, so that they can be compared when read back."""
    wanted = {
        "statement_timeout": duration(settings.statement_timeout_s),
        "lock_timeout": duration(settings.lock_timeout_s),
        "idle_in_transaction_session_timeout": duration(settings.idle_timeout_s),
        "client_connection_check_interval": duration(CHECK_CLIENT_S),
        "application_name": printable(settings.application_name),
        "client_min_messages": "error",  # a function's RAISE NOTICE may hold data, once for each row
    }
    return wanted if settings.jit else {**wanted, "jit": "off"}


def _statement(wanted: dict[str, str]) -> Statement:
    calls = [f"pg_catalog.set_config('{name}', ${n}, true)" for n, name in enumerate(wanted, 1)]
    shown = [
        "pg_catalog.set_config('DateStyle', 'ISO', true)",
        "pg_catalog.current_setting('transaction_isolation')",
        "pg_catalog.current_setting('transaction_read_only')",
        "extract(epoch from pg_catalog.transaction_timestamp())",
        # Of a role that was dropped under us it is an error, here, where nothing of the author's has been sent.
        "session_user",
    ]
    return Statement(f"SELECT {', '.join(calls + shown)}", tuple(wanted.values()))


def _check_session(wire: Wire, shown: PGresult, start: int) -> datetime:
    """What must hold for the text of our statements and of their results to mean what we think. The snapshot's time."""
    datestyle, isolation, read_only, epoch = (shown.get_value(0, start + n) or b"" for n in range(4))
    if not datestyle.startswith(b"ISO"):
        raise _refused("DateStyle")
    if (isolation, read_only) != (b"repeatable read", b"on"):
        raise _refused("transaction_read_only")
    if wire.pgconn.parameter_status(b"standard_conforming_strings") != b"on":
        raise _refused("standard_conforming_strings")
    if wire.pgconn.parameter_status(b"client_encoding") != b"UTF8":
        raise _refused("client_encoding")
    return datetime.fromtimestamp(float(epoch), UTC)


def _refused(setting: str) -> DirectFlowError:
    message = f"the server, or a pooler before it, did not take the setting {setting}"
    return DirectFlowError(StatusCode.FAILED_PRECONDITION, "SERVER_REFUSED", message, metadata={"setting": setting})


def duration(seconds: float) -> str:
    """As PostgreSQL shows a time: 60 s is `1min`. At least 1 ms, for 0 would mean no limit; `math.inf` is 0."""
    if math.isinf(seconds):
        return "0"
    milliseconds = min(LONGEST_TIMEOUT_MS, max(1, round(seconds * 1000)))
    size, unit = next((size, unit) for size, unit in UNITS if milliseconds % size == 0)
    return f"{milliseconds // size}{unit}"


def printable(name: str) -> str:
    """PostgreSQL replaces what is not printable ASCII, each version in its own way, and cuts the rest."""
    return "".join(character if " " <= character <= "~" else "?" for character in name)[:LONGEST_NAME]
