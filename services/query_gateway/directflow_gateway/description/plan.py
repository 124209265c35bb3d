"""The planner's estimate for a statement with its values."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from directflow_gateway.description.exchange import Connection, fetch
from directflow_gateway.execution.sqlstate import Phase, translate
from directflow_gateway.sql import CompiledStatement

EXPLAIN = "EXPLAIN (FORMAT JSON) "


@dataclass(frozen=True, slots=True)
class PlanEstimate:
    """What PostgreSQL expects of a statement. Estimates may be far off."""

    rows: int
    width: int
    """Average bytes of a row, as stored: JSON and arrays are longer as text."""
    relations: frozenset[str]
    """Names of the tables that would be read, without their schemas."""


async def plan(conn: Connection, compiled: CompiledStatement, params: Sequence[str | None]) -> PlanEstimate:
    """EXPLAIN with the bound parameters, within the caller's read-only transaction.

    Planning calls IMMUTABLE functions on constants: check the catalogue first. Raises DirectFlowError; a value that
    PostgreSQL cannot read is VARIABLE_REJECTED here already.
    """
    try:
        rows = await fetch(conn, EXPLAIN + compiled.text, params)
    except psycopg.Error as error:
        raise translate(error, compiled, Phase.PLAN, prefix=len(EXPLAIN)) from None
    root = json.loads(rows[0][0] or "")[0]["Plan"]
    names = frozenset(node["Relation Name"] for node in _nodes(root) if "Relation Name" in node)
    return PlanEstimate(int(root["Plan Rows"]), int(root["Plan Width"]), names)


def _nodes(root: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(node.get("Plans", ()))
