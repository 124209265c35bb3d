"""Runs the checks on a server."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import psycopg
from psycopg.pq import TransactionStatus

from directflow_gateway.description.exchange import Connection, Row, fetch
from directflow_gateway.execution.sqlstate import Phase, translate
from directflow_gateway.role_doctor.checks import CHECKS, MOST_SUBJECTS, Check
from directflow_gateway.role_doctor.finding import NOT_EXAMINED, SUPERUSER, Finding

_SHOWN = 5
_SETTINGS = """
SELECT pg_catalog.set_config('search_path', 'pg_catalog', true), pg_catalog.set_config('jit', 'off', true),
  pg_catalog.set_config('statement_timeout', '10s', true)
"""


async def examine(conn: Connection) -> tuple[Finding, ...]:
    """What the role of this session can do beyond reading. Of a superuser, only that it is one.

    `conn` must not be in a transaction; afterwards the session is as it was. Raises DirectFlowError when the server
    cannot be asked at all; a single check that fails is a finding of its own.
    """
    async with catalogue_transaction(conn):
        found = await _found(conn)
    # Of a superuser every other check is true as well, and none of it can be revoked.
    superuser = tuple(finding for finding in found if finding.rule == SUPERUSER)
    return superuser or tuple(found)


@asynccontextmanager
async def catalogue_transaction(conn: Connection) -> AsyncIterator[None]:
    """A read-only transaction in which unqualified names are the catalogue's.

    Raises DirectFlowError for what the server says; the session may be used in spite of it.
    """
    try:
        await fetch(conn, "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        await fetch(conn, _SETTINGS)
        yield
        await fetch(conn, "ROLLBACK")
    except psycopg.Error as error:
        await _roll_back(conn)
        raise translate(error, None, Phase.RUN) from None


async def _roll_back(conn: Connection) -> None:
    """Ends a transaction that failed, so that the session may be used in spite of it."""
    if conn.pgconn.transaction_status == TransactionStatus.INERROR:
        await fetch(conn, "ROLLBACK")


async def _found(conn: Connection) -> list[Finding]:
    """All checks in one round trip; one by one only where the role may not read all of the catalogue."""
    rows = await _rows(conn, CHECKS)
    if rows is not None:
        return _findings(rows)
    found: list[Finding] = []
    for check in CHECKS:
        rows = await _rows(conn, [check])
        found += [_not_examined(check)] if rows is None else _findings(rows)
    return found


async def _rows(conn: Connection, checks: Sequence[Check]) -> list[Row] | None:
    """(rule, subject, mending SQL) of what the checks find; None when they cannot be made."""
    await fetch(conn, "SAVEPOINT _df_check")
    try:
        return await fetch(conn, " UNION ALL ".join(map(_limited, checks)))
    except psycopg.Error:
        if conn.pgconn.transaction_status != TransactionStatus.INERROR:
            raise
        await fetch(conn, "ROLLBACK TO SAVEPOINT _df_check")
        return None


def _limited(check: Check) -> str:
    query = f"SELECT '{check.rule}', subject, mending FROM ({check.query}) AS found (subject, mending)"  # noqa: S608
    return f"({query} ORDER BY 2, 3 LIMIT {MOST_SUBJECTS + 1})"


def _findings(rows: Sequence[Row]) -> list[Finding]:
    found = [_finding(check, [row for row in rows if row[0] == check.rule]) for check in CHECKS]
    return [finding for finding in found if finding is not None]


def _finding(check: Check, rows: Sequence[Row]) -> Finding | None:
    if not rows:
        return None
    mending = dict.fromkeys(sql or "" for _, _, sql in rows[:MOST_SUBJECTS])
    return Finding(
        check.rule, check.sentence.format(_listed([subject or "" for _, subject, _ in rows])), "\n".join(mending)
    )


def _not_examined(check: Check) -> Finding:
    return Finding(NOT_EXAMINED, f"The check {check.rule} could not be made: the role may not read the catalogue.")


def _listed(subjects: Sequence[str]) -> str:
    different = list(dict.fromkeys(subjects))
    more = len(different) - _SHOWN
    if more <= 0:
        return ", ".join(different)
    count = f"more than {MOST_SUBJECTS - _SHOWN}" if len(subjects) > MOST_SUBJECTS else str(more)
    return f"{', '.join(different[:_SHOWN])} and {count} more"
