"""The names that PostgreSQL gives to the columns of a select list (FigureColname in parse_target.c)."""

from directflow_gateway.sql.tree import Node

_FIXED = {"CoalesceExpr": "coalesce", "A_ArrayExpr": "array", "RowExpr": "row", "GroupingFunc": "grouping"}


def output_name(target: Node) -> str:
    """The column name of a ResTarget, or "" when it is a star, or of a kind whose name nobody would rely on."""
    if target.text("name"):
        return target.text("name")
    fallback = ""
    node = target.one("val")
    while node is not None:
        name = _own_name(node)
        if name or node.tag not in ("TypeCast", "CollateClause"):
            return name or fallback
        type_name = node.one("typeName")
        # A cast is named by what it casts, if that has a name, else by the type; the outermost type counts.
        fallback = fallback or (type_name.names("names")[-1] if type_name else "")
        node = node.one("arg")
    return fallback


def _own_name(node: Node) -> str:
    if node.tag == "ColumnRef":
        fields = node.many("fields")
        return fields[-1].text("sval") if fields else ""
    if node.tag == "FuncCall":
        return node.names("funcname")[-1]
    if node.tag == "A_Indirection":
        return (node.names("indirection") or ("",))[-1]
    return _FIXED.get(node.tag, "")
