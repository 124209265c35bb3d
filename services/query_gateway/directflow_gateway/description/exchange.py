"""The gateway's own exchanges with a server, below psycopg's cursors: always the extended protocol.

psycopg has no public call for Parse and Describe without Execute. What is used here is its documented libpq wrapper
(`psycopg.pq`), `AsyncConnection.wait` and the generators that it drives; a test pins them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg
from psycopg import errors, generators, pq

Connection = psycopg.AsyncConnection[object]
Row = tuple[str | None, ...]

_SUCCESS = frozenset({pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK})


@dataclass(frozen=True, slots=True)
class Field:
    """A result column as the server describes it. For a domain, `oid` and `typmod` are those of the base type."""

    name: str
    oid: int
    typmod: int


@dataclass(frozen=True, slots=True)
class Shape:
    """What Parse and Describe say of a statement, without running it."""

    parameter_oids: tuple[int, ...]
    fields: tuple[Field, ...]


async def parse_and_describe(conn: Connection, text: str) -> Shape:
    """Parse as the unnamed statement, then Describe. Raises psycopg.Error; the transaction is then aborted."""
    async with conn.lock:
        conn.pgconn.send_prepare(b"", text.encode())
        await _result(conn)
        conn.pgconn.send_describe_prepared(b"")
        result = await _result(conn)
    parameters = tuple(result.param_type(index) for index in range(result.nparams))
    return Shape(parameters, tuple(_field(result, index) for index in range(result.nfields)))


async def fetch(conn: Connection, text: str, values: Sequence[str | None] = ()) -> list[Row]:
    """Runs a statement and returns all of its rows as text: only for statements with a small, bounded result."""
    async with conn.lock:
        conn.pgconn.send_query_params(text.encode(), [None if v is None else v.encode() for v in values])
        result = await _result(conn)
    columns = range(result.nfields)
    return [tuple(_cell(result, row, column) for column in columns) for row in range(result.ntuples)]


async def _result(conn: Connection) -> pq.abc.PGresult:
    results: list[pq.abc.PGresult] = await conn.wait(generators.execute(conn.pgconn))
    if results[-1].status not in _SUCCESS:
        raise errors.error_from_result(results[-1])
    return results[-1]


def _field(result: pq.abc.PGresult, index: int) -> Field:
    return Field((result.fname(index) or b"").decode(), result.ftype(index), result.fmod(index))


def _cell(result: pq.abc.PGresult, row: int, column: int) -> str | None:
    value = result.get_value(row, column)
    return None if value is None else value.decode()
