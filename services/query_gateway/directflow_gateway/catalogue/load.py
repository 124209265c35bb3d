"""Reads the facts that a statement's names need from the customer's catalogue."""

import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import psycopg
from directflow_runtime.errors import DirectFlowError, StatusCode

from directflow_gateway.catalogue.queries import NAMED, REACHED
from directflow_gateway.description.exchange import Connection, Row, fetch
from directflow_gateway.execution.sqlstate import Phase, translate
from directflow_gateway.sql.catalogue import FIRST_OF_CUSTOMER, CatalogueFacts, NodeObjects
from directflow_gateway.sql.catalogue_rows import facts_from_rows
from directflow_gateway.sql.node_tree import objects_of_fields
from directflow_gateway.sql.references import Reference, References

INSUFFICIENT_PRIVILEGE = "42501"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What facts are asked for: names in any schema, and object numbers."""

    functions: frozenset[str] = frozenset()
    operators: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()
    relations: frozenset[str] = frozenset()
    objects: NodeObjects = field(default_factory=NodeObjects)


def wanted_for(references: References) -> Wanted:
    """What must be known to judge a statement by its names. A type's name may be called as a function."""
    return Wanted(
        functions=_names(references.functions) | _names(references.attributes),
        operators=_names(references.operators),
        types=_names(references.types) | _names(references.functions),
        relations=_names(references.relations),
    )


async def load(conn: Connection, wanted: Wanted) -> CatalogueFacts:
    """The facts, within the caller's open read-only transaction, which stays usable. Raises DirectFlowError."""
    try:
        async with _pinned_search_path(conn) as path:
            named = await fetch(conn, NAMED, _named_parameters(wanted))
            reached = await fetch(conn, REACHED, (*_reached_parameters(named, wanted), path))
    except psycopg.Error as error:
        raise _unreadable(error) from None
    # NAMED tells only that functions exist; REACHED tells what they are.
    rows = [(kind or "", document or "") for kind, document in (*named, *reached)]
    known = [row for row in rows[: len(named)] if row[0] != "function"]
    return facts_from_rows([*known, *rows[len(named) :]])


@asynccontextmanager
async def _pinned_search_path(conn: Connection) -> AsyncIterator[str | None]:
    """Within the block names mean PostgreSQL's own. Yields the session's own path, as JSON; it is restored."""
    await fetch(conn, "SAVEPOINT _df_catalogue")
    [(path,)] = await fetch(conn, "SELECT pg_catalog.to_json(pg_catalog.current_schemas(true))")
    # The planner overrates these queries, and compiling them takes a hundred times as long as running them.
    await fetch(
        conn,
        "SELECT pg_catalog.set_config('search_path', 'pg_catalog', true), pg_catalog.set_config('jit', 'off', true)",
    )
    yield path
    await fetch(conn, "ROLLBACK TO SAVEPOINT _df_catalogue")


def _named_parameters(wanted: Wanted) -> tuple[str, ...]:
    names = (wanted.functions, wanted.operators, wanted.types, wanted.relations)
    return (*map(_array, names), _array(wanted.objects.relations), _array(wanted.objects.types))


def _reached_parameters(named: Iterable[Row], wanted: Wanted) -> tuple[str, str]:
    functions, operators = set(wanted.objects.functions), set(wanted.objects.operators)
    for kind, document in named:
        fact = json.loads(document or "")
        objects = objects_of_fields(fact.get("fields") or ())
        functions |= objects.functions
        operators |= objects.operators
        functions.add(int(fact["oid"] if kind == "function" else fact.get("function") or 0))
    # Operators of PostgreSQL's own need no fact; there would be hundreds in a large view.
    return _array(functions), _array(oid for oid in operators if oid >= FIRST_OF_CUSTOMER)


def _array(elements: Iterable[str | int]) -> str:
    """An array literal; every element is quoted."""
    escaped = (str(element).replace("\\", "\\\\").replace('"', '\\"') for element in sorted(elements))
    return "{" + ",".join(f'"{element}"' for element in escaped) + "}"


def _names(references: Iterable[Reference]) -> frozenset[str]:
    return frozenset(reference.name for reference in references)


def _unreadable(error: psycopg.Error) -> DirectFlowError:
    if error.sqlstate != INSUFFICIENT_PRIVILEGE:
        return translate(error, None, Phase.DESCRIBE)
    return DirectFlowError(
        StatusCode.FAILED_PRECONDITION,
        "PERMISSION_DENIED_BY_DATABASE",
        "DirectFlow must read pg_catalog to check which functions a statement may reach, and the role may not: grant "
        "it SELECT on the tables of pg_catalog that PUBLIC has by default, pg_proc above all.",
        metadata={"sqlstate": INSUFFICIENT_PRIVILEGE},
        sqlstate=INSUFFICIENT_PRIVILEGE,
    )
