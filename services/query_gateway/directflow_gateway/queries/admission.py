"""The second layer of the guard: a statement runs only when its names reach nothing that the connection does not allow.

By name first, from a few facts of the customer's catalogue. Where a customer's object shares a name with PostgreSQL's
own, the server itself is asked what the statement resolved to.
"""

from functools import reduce

from directflow_runtime.errors import Problem

from directflow_gateway.catalogue.load import Wanted, load, wanted_for
from directflow_gateway.catalogue.resolve import resolve
from directflow_gateway.description.exchange import Connection
from directflow_gateway.sql import CompiledStatement
from directflow_gateway.sql.catalogue import NodeObjects
from directflow_gateway.sql.reference_check import check_references, check_resolved


async def reference_problems(conn: Connection, compiled: CompiledStatement, allowed: frozenset[str]) -> list[Problem]:
    """What the statement may run that is not allowed; empty when nothing may. Nothing of it is executed.

    The problems are those by name, for they have positions; the exact answer only takes them back.
    """
    facts = await load(conn, wanted_for(compiled.references))
    problems = check_references(compiled.references, facts, allowed)
    if not problems:
        return []
    trees = await resolve(conn, compiled)
    exact = await load(conn, Wanted(objects=reduce(together, trees, NodeObjects())))
    return problems if check_resolved(trees, exact, allowed) else []


def together(left: NodeObjects, right: NodeObjects) -> NodeObjects:
    """The objects of both."""
    return NodeObjects(
        left.functions | right.functions,
        left.operators | right.operators,
        left.relations | right.relations,
        left.types | right.types,
    )
