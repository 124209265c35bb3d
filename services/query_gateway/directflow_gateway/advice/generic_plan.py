"""How PostgreSQL would run a statement for any value of its variables. Nothing is run."""

import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg

from directflow_gateway.description.exchange import Connection, fetch
from directflow_gateway.execution.sqlstate import Phase, translate
from directflow_gateway.sql import CompiledStatement

# A generic plan has no values to look at, so none can be folded away: with NULL for `id = $1` there would be no plan
# worth reading. EXPLAIN (GENERIC_PLAN) does the same from PostgreSQL 16 on only.
_SETTINGS = (
    "SELECT pg_catalog.set_config('plan_cache_mode', 'force_generic_plan', true), "
    "pg_catalog.set_config('statement_timeout', $1, true)"
)


@dataclass(frozen=True, slots=True)
class Scan:
    """A table that would be read from beginning to end, and what its rows are filtered by."""

    schema: str
    table: str
    condition: str
    """As PostgreSQL prints it, variables as `$n`."""


async def sequential_scans(conn: Connection, compiled: CompiledStatement, timeout_s: float) -> list[Scan]:
    """The filtered sequential scans in the statement's generic plan; none where planning takes longer than `timeout_s`.

    Planning calls IMMUTABLE functions on constants, so names must have been judged before. Within the caller's open
    read-only transaction, which stays usable. Raises DirectFlowError when the server goes away.
    """
    try:
        document = await _explained(conn, compiled, timeout_s)
    except psycopg.OperationalError as error:
        if error.sqlstate is None or not error.sqlstate.startswith(("57014", "53", "55", "54")):
            raise translate(error, compiled, Phase.PLAN) from None
        document = ""
    nodes = _nodes(json.loads(document)[0]["Plan"]) if document else ()
    return [
        Scan(node.get("Schema", ""), node["Relation Name"], node["Filter"])
        for node in nodes
        if node["Node Type"] == "Seq Scan" and "Filter" in node
    ]


async def _explained(conn: Connection, compiled: CompiledStatement, timeout_s: float) -> str:
    """The plan as JSON; "" where there is none to be had."""
    # A name of its own each time: behind a pooler the session may be one that was cut off before its DEALLOCATE.
    name = f"_df_advice_{secrets.token_hex(8)}"
    nulls = ", ".join(["NULL"] * len(compiled.parameters))
    await fetch(conn, "SAVEPOINT _df_advice")
    prepared = False
    try:
        await fetch(conn, _SETTINGS, (str(max(1, round(timeout_s * 1000))),))
        await fetch(conn, f"PREPARE {name} AS {compiled.text[: compiled.body_end]}")
        prepared = True
        rows = await fetch(conn, f"EXPLAIN (VERBOSE, FORMAT JSON) EXECUTE {name}{f'({nulls})' if nulls else ''}")
    except psycopg.Error as error:
        await _undone(conn, name if prepared else "")
        if isinstance(error, psycopg.OperationalError):
            raise
        # Such as a right that the role lacks, which only running the statement would have told.
        return ""
    await _undone(conn, name)
    return rows[0][0] or ""


async def _undone(conn: Connection, prepared: str) -> None:
    await fetch(conn, "ROLLBACK TO SAVEPOINT _df_advice")
    if prepared:
        await fetch(conn, f"DEALLOCATE {prepared}")


def _nodes(root: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(node.get("Plans", ()))
