"""What a scan is filtered by, read from the text that EXPLAIN prints."""

from collections.abc import Iterator
from dataclasses import dataclass

from directflow_gateway.sql.parser import ParseFailure, parse
from directflow_gateway.sql.tree import Node

_PREFIX = "SELECT "


@dataclass(frozen=True, slots=True)
class Comparison:
    """A column of the scanned table that must equal a variable."""

    column: str
    parameter: int
    """The number of its `$n`."""
    cast: str = ""
    """The type that the column is cast to before it is compared; "" for none."""
    function: str = ""
    """The function that the column goes through; "" for none."""


def comparisons(condition: str) -> list[Comparison]:
    """The comparisons with variables that every row must pass; none where the text is not plain SQL."""
    tree = parse(_PREFIX + condition)
    if isinstance(tree, ParseFailure):
        # "hashed SubPlan 1" and its kind are no SQL.
        return []
    targets = [node for node in tree.nodes() if node.tag == "ResTarget"]
    value = targets[0].one("val") if targets else None
    return [found for part in _conjuncts(value) if (found := _comparison(part)) is not None]


def _conjuncts(condition: Node | None) -> Iterator[Node]:
    waiting = [condition] if condition is not None else []
    while waiting:
        node = waiting.pop()
        if node.tag == "BoolExpr" and node.text("boolop") == "AND_EXPR":
            waiting += reversed(node.many("args"))
        else:
            yield node


def _comparison(node: Node) -> Comparison | None:
    if node.tag != "A_Expr" or node.names("name") != ("=",) or node.text("kind") not in ("AEXPR_OP", "AEXPR_OP_ANY"):
        return None
    sides = (node.one("lexpr"), node.one("rexpr"))
    for one, other in (sides, sides[::-1]):
        number = _parameter(other)
        if number and one is not None:
            return _of_column(one, number)
    return None


def _parameter(node: Node | None) -> int:
    """The parameter that a side without columns is computed from; 0 for none."""
    parts = list(node.walk()) if node is not None else []
    if any(part.tag in ("ColumnRef", "SubLink") for part in parts):
        return 0
    return next((part.number("number") for part in parts if part.tag == "ParamRef"), 0)


def _of_column(side: Node, parameter: int) -> Comparison | None:
    cast = function = ""
    node: Node | None = side
    while node is not None and node.tag in ("TypeCast", "FuncCall"):
        if node.tag == "TypeCast":
            type_name = node.one("typeName")
            cast = type_name.names("names")[-1] if type_name is not None and not cast else cast
            node = node.one("arg")
        else:
            arguments = node.many("args")
            function = node.names("funcname")[-1]
            node = arguments[0] if len(arguments) == 1 else None
    if node is None or node.tag != "ColumnRef" or not node.names("fields"):
        return None
    return Comparison(node.names("fields")[-1], parameter, cast, function)
