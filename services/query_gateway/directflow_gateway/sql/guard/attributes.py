"""`row.name` and `(expression).name`: a column when there is one, else PostgreSQL calls the function `name`."""

from collections.abc import Iterator

from directflow_runtime.errors import Problem

from directflow_gateway.sql.guard.context import Context
from directflow_gateway.sql.guard.function_names import is_refused_attribute
from directflow_gateway.sql.tree import Node

_SYSTEM_COLUMNS = frozenset({"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"})


def attribute_names(node: Node) -> tuple[str, ...]:
    """The names that `node` would call as functions if they were no columns.

    `v.f` and `s.v.f`: the last one, on the row v. `(e).a[1].f`: each one. A name alone is never a call.
    """
    if node.tag == "ColumnRef":
        fields = node.many("fields")
        return (fields[-1].text("sval"),) if len(fields) > 1 and fields[-1].tag == "String" else ()
    if node.tag == "A_Indirection":
        return node.names("indirection")
    return ()


def check_attribute(context: Context, node: Node) -> Iterator[Problem]:
    """Refuses names of PostgreSQL's refused functions; a customer's functions are found by check_references."""
    for name in attribute_names(node):
        if is_refused_attribute(name) and not context.allowance.may_call(name):
            yield context.problem(
                node,
                "ATTRIBUTE_IS_FUNCTION",
                f'".{name}" would call the function {name}, which is not allowed.',
                f"If it is a column, write {name} alone, without the prefix.",
            )


def check_system_column(context: Context, node: Node) -> Iterator[Problem]:
    """ctid, xmin and their kind tell about storage and transactions, and differ from one run to the next."""
    names = attribute_names(node) or node.names("fields") if node.tag == "ColumnRef" else attribute_names(node)
    for name in names:
        if name in _SYSTEM_COLUMNS and not context.allowance.column(name):
            yield context.problem(node, "SYSTEM_COLUMN", f"System column {name} is not allowed.")
