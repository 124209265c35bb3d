"""What goes wrong with DirectFlow's own database, in words for callers: the server's own text repeats values."""

import psycopg
from directflow_runtime.errors import DirectFlowError, StatusCode

RETRY_AFTER_S = 1.0
_COLLISION = frozenset({"40001", "40P01", "55006", "55P03"})
_SESSION_ENDED = frozenset({"57P01", "57P02", "57P03", "57P04", "57P05", "25P03"})
_UNPREPARED = frozenset({"3F000", "42P01", "42703", "42501", "23514"})
"""A schema, table, column, partition (23514) or right that is missing: before the migration, after a restore, or with a
new user."""


def unavailable(cause: str, sqlstate: str = "") -> DirectFlowError:
    """The store cannot answer now, and perhaps a little later. `sqlstate` where PostgreSQL gave one, for spans."""
    return DirectFlowError(
        StatusCode.UNAVAILABLE,
        "STORE_UNAVAILABLE",
        "DirectFlow's own database cannot be used at the moment",
        metadata={"cause": cause},
        sqlstate=sqlstate,
        retry_after=RETRY_AFTER_S,
    )


def not_configured() -> DirectFlowError:
    """The gateway's settings have no `[directflow_database]`."""
    message = "this gateway has no database of its own: its settings lack [directflow_database]"
    return DirectFlowError(StatusCode.FAILED_PRECONDITION, "STORE_NOT_CONFIGURED", message)


def is_worth_repeating(error: psycopg.Error) -> bool:
    """True when the same transaction, sent again, has a chance: the session ended, or others were in the way."""
    state = error.sqlstate or ""
    lost = not state and isinstance(error, psycopg.OperationalError)
    return lost or state.startswith("08") or state in _COLLISION or state in _SESSION_ENDED


def is_unprepared(error: psycopg.Error) -> bool:
    """True when the schema or the rights are not what this gateway prepares."""
    return (error.sqlstate or "") in _UNPREPARED


def of_server(error: psycopg.Error) -> DirectFlowError:
    """The server's error for a caller; raise it `from None`."""
    state = error.sqlstate or ""
    if state == "57014":
        message = "the call's time ended while the store worked on it"
        return DirectFlowError(StatusCode.DEADLINE_EXCEEDED, "STATEMENT_TIMEOUT", message, sqlstate=state)
    if is_worth_repeating(error) or is_unprepared(error) or state[:2] in ("53", "58") or state == "25006":
        return unavailable(state or "CONNECTION_LOST", state)
    return DirectFlowError(
        StatusCode.INTERNAL,
        "INTERNAL",
        "the store failed for an unknown reason",
        metadata={"sqlstate": state} if state else {},
        sqlstate=state,
    )


def of_pool(error: DirectFlowError) -> DirectFlowError:
    """Why there was no session, for a caller: nobody outside can mend a credential or a host of ours."""
    if error.code in (StatusCode.DEADLINE_EXCEEDED, StatusCode.RESOURCE_EXHAUSTED):
        return error
    return unavailable(error.metadata.get("cause", error.reason))
