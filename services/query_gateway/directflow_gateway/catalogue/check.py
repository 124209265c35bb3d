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


async def catalogue_problems(
    conn: Connection, compiled: CompiledStatement, allowed_functions: Iterable[str]
) -> list[Problem]:
    """Why the statement may not run in this database; empty when it may. Nothing is executed.

    By name first. Where a name is shared with a customer's object, the server is asked what it means here, so that a
    customer's own `lower(their_type)` does not cost everybody `lower`. Within the caller's open read-only transaction,
    which stays usable; the answer holds for its snapshot: ask again after a time. Raises DirectFlowError.
    """
    allowed = frozenset(allowed_functions)
    facts = await load(conn, wanted_for(compiled.references))
    by_name = check_references(compiled.references, facts, allowed)
    if not by_name or not may_be_resolved(by_name):
        return by_name
    trees = await resolve(conn, compiled)
    if not trees:
        # A server or pooler that drops the setting prints no tree, and no tree says nothing.
        return by_name
    objects = NodeObjects(
        *(frozenset().union(*parts) for parts in zip(*map(_sets, trees), strict=True)),
    )
    exact = check_resolved(trees, await load(conn, Wanted(objects=objects)), allowed)
    # The exact answer has no positions: the ones by name say where.
    return by_name if exact else []


def _sets(tree: NodeObjects) -> tuple[frozenset[int], ...]:
    return tuple(getattr(tree, part.name) for part in fields(NodeObjects))
