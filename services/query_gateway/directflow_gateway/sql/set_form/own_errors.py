"""Conditions whose error in the set form is the one that the profile gets alone, so that nobody has to ask again.

    SELECT <columns, constants, operators, CASE, casts> FROM <one table> WHERE <comparisons that cannot fail>

Which rows a profile has does not depend on the plan then, for what selects them is defined for every row; and what is
computed of them holds no variable, so the planner knows as much of it with the profile's value as without.
"""

from dataclasses import dataclass

from directflow_gateway.sql.set_form.risks import cannot_fail
from directflow_gateway.sql.tree import Node, ParseTree

_COMPUTED = frozenset(
    {
        "ColumnRef", "A_Const", "A_Expr", "BoolExpr", "NullTest", "BooleanTest", "CaseExpr", "CaseWhen", "CoalesceExpr",
        "MinMaxExpr", "TypeCast", "TypeName", "List", "String", "Integer", "Float", "Boolean", "BitString",
    }
)  # fmt: skip
_CLAUSES = ("targetList", "fromClause", "whereClause")


@dataclass(frozen=True, slots=True, repr=False)
class RowsOfOneTable:
    """The table, and the names that must be columns of it: `u.x` may also be a call of the function x."""

    schema: str
    """"" where the statement names none."""
    table: str
    columns: tuple[str, ...]


def rows_of_one_table(tree: ParseTree) -> RowsOfOneTable | None:
    """What PostgreSQL has to confirm of a statement of this shape; None for any other."""
    select = tree.statements[0].one("stmt") if len(tree.statements) == 1 else None
    if select is None or select.tag != "SelectStmt" or select.text("op") != "SETOP_NONE":
        return None
    has_more = any(name not in _CLAUSES for name in select.links)  # DISTINCT is a list with nothing in it
    targets, tables, conditions = map(select.many, _CLAUSES)
    if has_more or select.flag("groupDistinct") or len(targets) != 1 or len(tables) != 1:
        return None
    (table,), (target,) = tables, targets
    values = target.many("val")
    if table.tag != "RangeVar" or not all(node.tag in _COMPUTED for value in values for node in value.walk()):
        return None
    if not cannot_fail(conditions):
        return None
    columns = _columns([*values, *conditions])
    return RowsOfOneTable(table.text("schemaname"), table.text("relname"), columns) if "" not in columns else None


def _columns(roots: list[Node]) -> tuple[str, ...]:
    """Of all references; "" for a whole row."""
    references = [node.many("fields")[-1] for root in roots for node in root.walk() if node.tag == "ColumnRef"]
    return tuple(dict.fromkeys(last.text("sval") for last in references))
