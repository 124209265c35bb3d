"""Parse and Describe on the customer's own server: what a statement needs and returns, without running it."""

import psycopg
from directflow_runtime.errors import DirectFlowError
from psycopg.pq import TransactionStatus

from directflow_gateway.description.attempt import Attempt, next_attempt
from directflow_gateway.description.exchange import Connection, Shape, fetch, parse_and_describe
from directflow_gateway.description.missing_columns import MOST_MISSING, may_be_told, without_reference
from directflow_gateway.description.result import ColumnType, Description, wire_type
from directflow_gateway.description.suggestions import with_suggestion
from directflow_gateway.description.type_names import TypeKey, TypeName, type_names
from directflow_gateway.execution.sqlstate import Phase, translate
from directflow_gateway.sql import CompiledStatement

MAX_ATTEMPTS = 64
"""Each parameter without a type costs one; more than this many the author had better cast."""
_UNMODIFIED = -1


async def describe(conn: Connection, compiled: CompiledStatement, *, find_all: bool = False) -> Description:
    """What the server says of `compiled`, within the caller's open read-only transaction, which stays usable.

    With `find_all` an error names every column that does not exist, and not the first only (see missing_columns.py).

    Raises DirectFlowError: DEFINITION_BROKEN with line, column, token and hint; STATEMENT_REFUSED for a variable in an
    array or JSON literal that cannot be quoted there; what the server's state causes. Other ways to bind the statement
    are tried first where the error allows them (SQL.md 1 and 4); `Description.rewrites` tells which was taken.
    """
    try:
        # Never released: the caller's transaction is read-only and short, and a release is a round trip.
        await fetch(conn, "SAVEPOINT _df_describe")
        attempt, shape = await _accepted(conn, Attempt(compiled), find_all=find_all)
        columns: list[TypeKey] = [(field.oid, field.typmod) for field in shape.fields]
        parameters: list[TypeKey] = [(oid, _UNMODIFIED) for oid in shape.parameter_oids]
        names = await type_names(conn, [*columns, *parameters])
    except psycopg.Error as error:
        raise translate(error, None, Phase.DESCRIBE) from None
    return _description(attempt, shape, parameters, names)


def _description(
    attempt: Attempt, shape: Shape, parameters: list[TypeKey], names: dict[TypeKey, TypeName]
) -> Description:
    parameter_types = [names[key].base for key in parameters]
    return Description(
        attempt.compiled.with_parameter_types(parameter_types),
        tuple(parameter_types),
        tuple(
            ColumnType(field.name, names[field.oid, field.typmod].full, field.oid, wire_type(field.oid))
            for field in shape.fields
        ),
        attempt.rewrites,
        tuple(names[key].of_column for key in parameters),
    )


async def _accepted(conn: Connection, attempt: Attempt, *, find_all: bool) -> tuple[Attempt, Shape]:
    attempt, outcome = await _tried(conn, attempt)
    if isinstance(outcome, Shape):
        return attempt, outcome
    refused = await _explained(conn, attempt, outcome)
    if find_all:
        raise await _with_others(conn, attempt, outcome, refused)
    raise refused


async def _tried(conn: Connection, attempt: Attempt) -> tuple[Attempt, Shape | psycopg.Error]:
    """The last form of the statement that was tried, and what the server said. Raises what its state causes."""
    for _ in range(MAX_ATTEMPTS):
        try:
            return attempt, await parse_and_describe(conn, attempt.compiled.text)
        except psycopg.Error as error:
            failed = error
        if conn.pgconn.transaction_status != TransactionStatus.INERROR:
            raise translate(failed, attempt.compiled, Phase.DESCRIBE)
        await fetch(conn, "ROLLBACK TO SAVEPOINT _df_describe")
        following = next_attempt(attempt, failed)
        if following is None:
            break
        attempt = following
    return _told(attempt, failed)


def _told(attempt: Attempt, error: psycopg.Error) -> tuple[Attempt, psycopg.Error]:
    """The attempt and the error that say most to the author."""
    if attempt.before is not None and not attempt.is_progress(error):
        error, attempt = attempt.before
    return attempt, error


async def _explained(conn: Connection, attempt: Attempt, error: psycopg.Error) -> DirectFlowError:
    refused = translate(error, attempt.compiled, Phase.DESCRIBE)
    return await with_suggestion(conn, attempt.compiled, refused, int(error.diag.statement_position or 0))


async def _with_others(
    conn: Connection, attempt: Attempt, error: psycopg.Error, refused: DirectFlowError
) -> DirectFlowError:
    """The same refusal with the other columns that do not exist: each is taken out of the way to find the next."""
    problems = list(refused.problems)
    while len(problems) < MOST_MISSING:
        rest = without_reference(attempt.compiled, error)
        if rest is None:
            break
        attempt, outcome = await _tried(conn, Attempt(rest))
        if isinstance(outcome, Shape) or not may_be_told(outcome):
            break
        error = outcome
        problems += (await _explained(conn, attempt, error)).problems
    return DirectFlowError(
        refused.code,
        refused.reason,
        refused.message,
        metadata=refused.metadata,
        problems=problems,
        retry_after=refused.retry_after,
        sqlstate=refused.sqlstate,
    )
