"""The second layer of the guard, asked of the server: what a statement reaches that its connection does not allow."""

from collections.abc import Iterable
from dataclasses import fields

from directflow_runtime.errors import Problem

from directflow_gateway.catalogue.load import Wanted, load, wanted_for
from directflow_gateway.catalogue.resolve import resolve
from directflow_gateway.description.exchange import Connection
from directflow_gateway.sql import CompiledStatement, check_references, check_resolved
from directflow_gateway.sql.catalogue import NodeObjects
from directflow_gateway.sql.reference_check import may_be_resolved


async def problems_by_name(
    conn: Connection, compiled: CompiledStatement, allowed_functions: Iterable[str]
) -> list[Problem]:
    """Why the statement may not run in this database, judged by its names alone; empty when it may.

    Ask before the server parses the statement: where a domain's CHECK is refused, the server runs it while it parses a
    literal of an array or a row of that domain. Within the caller's open read-only transaction, which stays usable.
    Raises DirectFlowError.
    """
    facts = await load(conn, wanted_for(compiled.references))
    return check_references(compiled.references, facts, allowed_functions)


async def problems_as_resolved(
    conn: Connection, compiled: CompiledStatement, by_name: list[Problem], allowed_functions: Iterable[str]
) -> list[Problem]:
    """What is left of the problems by name once the server has said what the names of the statement mean here.

    A customer's own `lower(their_type)` must not cost everybody `lower`. Nothing is executed; the answer holds for its
    snapshot: ask again after a time.
    """
    trees = await resolve(conn, compiled)
    if not trees:
        # A server or pooler that drops the setting prints no tree, and no tree says nothing.
        return by_name
    facts = await load(conn, Wanted(objects=_together(trees)))
    # The exact answer has no positions: the ones by name say where.
    return by_name if check_resolved(trees, facts, allowed_functions) else []


async def catalogue_problems(
    conn: Connection, compiled: CompiledStatement, allowed_functions: Iterable[str]
) -> list[Problem]:
    """Both answers in one: by name, and where that refuses and may be wrong, as resolved."""
    allowed = frozenset(allowed_functions)
    by_name = await problems_by_name(conn, compiled, allowed)
    if not by_name or not may_be_resolved(by_name):
        return by_name
    return await problems_as_resolved(conn, compiled, by_name, allowed)


def _together(trees: Iterable[NodeObjects]) -> NodeObjects:
    """The objects of all trees. Types that are only read count: a customer's cast may run on their values."""
    parts = {part.name: frozenset[int]().union(*(getattr(t, part.name) for t in trees)) for part in fields(NodeObjects)}
    return NodeObjects(**{**parts, "types": parts["types"] | parts["read_types"]})
