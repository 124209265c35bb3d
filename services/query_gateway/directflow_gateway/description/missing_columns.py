"""The next column that does not exist: PostgreSQL stops at the first, so that one is taken out of the way.

In its place comes a NULL that keeps the column's name, for a query around it may ask for that name. A NULL fits every
type, mostly; where it does not, what PostgreSQL says next is about our NULL and not about the author's text. So only
errors that no NULL can cause are told: names that do not exist.
"""

import psycopg

from directflow_gateway.execution.server_problem import name_at
from directflow_gateway.sql import CompiledStatement
from directflow_gateway.sql.column_names import output_name
from directflow_gateway.sql.parser import ParseFailure, parse
from directflow_gateway.sql.set_form.semi_join import LIMITS
from directflow_gateway.sql.source_map import Insert, Keep, Part
from directflow_gateway.sql.tree import Node
from directflow_gateway.sql.wrapping import identifier

MOST_MISSING = 10
"""Problems of one statement; each costs the server a parse or two."""
_UNDEFINED_COLUMN, _UNDEFINED_TABLE = "42703", "42P01"
_SORTED_OR_GROUPED = frozenset({"sortClause", "groupClause", "distinctClause"})


def may_be_told(error: psycopg.Error) -> bool:
    """Whether an error after a replacement is the author's own for certain."""
    return error.sqlstate in (_UNDEFINED_COLUMN, _UNDEFINED_TABLE)


def without_reference(compiled: CompiledStatement, error: psycopg.Error) -> CompiledStatement | None:
    """The statement with a NULL in place of the column that the error is about; None where that cannot be done."""
    start = int(error.diag.statement_position or 0) - 1
    name = name_at(compiled.text, start + 1)
    tree = parse(compiled.text, LIMITS)
    if not may_be_told(error) or start < 0 or not name or isinstance(tree, ParseFailure):
        return None
    at_place = (node for node in tree.nodes() if node.tag == "ColumnRef" and node.has_location)
    node = next((node for node in at_place if tree.char_offset(node.location) == start), None)
    if node is None:
        # A table, or a name that USING brings: nothing can stand in for those.
        return None
    parts: list[Part] = [Keep(0, start), Insert(_stand_in(node), start), Keep(start + len(name), compiled.body_end)]
    return compiled.rearranged(parts)


def _stand_in(node: Node) -> str:
    target = _unnamed_target(node)
    if target is None:
        # ORDER BY and GROUP BY refuse a constant, unless it is cast.
        return "(NULL::text)" if _is_sorted_or_grouped(node) else "NULL"
    alias = identifier(output_name(target))
    # Behind a cast a name is no alias; a subquery of one column has that column's name.
    return f"NULL AS {alias}" if node.parent is target else f"(SELECT NULL AS {alias})"


def _unnamed_target(node: Node) -> Node | None:
    """The item of a select list that has its name from this reference alone."""
    item = node
    while item.parent is not None and item.parent.tag in ("TypeCast", "CollateClause"):
        item = item.parent
    target = item.parent
    is_named_by_it = target is not None and target.tag == "ResTarget" and item.role == "val"
    return target if is_named_by_it and target is not None and not target.text("name") else None


def _is_sorted_or_grouped(node: Node) -> bool:
    parent = node.parent
    return node.role in _SORTED_OR_GROUPED or (parent is not None and parent.role in _SORTED_OR_GROUPED)
