"""The names in a statement that only the customer's catalogue can give a meaning to."""

from collections.abc import Iterator
from dataclasses import dataclass

from directflow_gateway.sql.guard.attributes import attribute_names
from directflow_gateway.sql.guard.function_names import is_built_in
from directflow_gateway.sql.guard.names import qualified_operator
from directflow_gateway.sql.parser import text_locator
from directflow_gateway.sql.position import NOWHERE, Locator, Position
from directflow_gateway.sql.tree import Node, ParseTree


@dataclass(frozen=True, slots=True)
class Reference:
    """A name as PostgreSQL stores it, with its schema where the author wrote one, and its first place in the text."""

    name: str
    schema: str = ""
    position: Position = NOWHERE


@dataclass(frozen=True, slots=True)
class References:
    """Every name that may reach an object of the customer's. Each (schema, name) once, in the order of the text."""

    functions: tuple[Reference, ...] = ()
    """Calls, aggregates, window functions, FROM functions, TABLESAMPLE methods."""
    attributes: tuple[Reference, ...] = ()
    """`row.name` and `(expression).name`, which call a function when there is no such column."""
    operators: tuple[Reference, ...] = ()
    """Written, and implied: IN, BETWEEN, LIKE, CASE x WHEN, USING, NULLIF, IS DISTINCT FROM look up theirs by name."""
    types: tuple[Reference, ...] = ()
    relations: tuple[Reference, ...] = ()

    def allow_list(self) -> frozenset[str]:
        """Entries that allow every function and operator the text names itself, and that is not PostgreSQL's own.

        For `query check` and its `policy: function_allowlist`. It allows nothing that a view or a cast would reach.
        """
        functions = {r.name for r in (*self.functions, *self.attributes) if not is_built_in(r.name)}
        return frozenset(functions) | {f"operator:{r.name}" for r in self.operators}


def references_of(tree: ParseTree, locate: Locator | None = None) -> References:
    """The names in `tree`. `locate` maps a character offset of its text to the author's; default: they are the same."""
    collector = _Collector(tree, locate or text_locator(tree.text))
    for node in tree.nodes():
        collector.visit(node)
    return References(*(tuple(found.values()) for found in collector.kinds))


class _Collector:
    def __init__(self, tree: ParseTree, locate: Locator) -> None:
        self._tree = tree
        self._locate = locate
        self.kinds: tuple[dict[tuple[str, ...], Reference], ...] = ({}, {}, {}, {}, {})

    def visit(self, node: Node) -> None:
        functions, attributes, operators, types, relations = self.kinds
        if node.tag == "FuncCall":
            self._add(functions, node, node.names("funcname"))
        elif node.tag == "RangeTableSample":
            self._add(functions, node, node.names("method"))
        elif node.tag == "TypeName":
            self._add(types, node, node.names("names"))
        elif node.tag == "RangeVar":
            self._add(relations, node, (node.text("schemaname"), node.text("relname")))
        for name in attribute_names(node):
            self._add(attributes, node, (name,))
        for qualified in _operators(node):
            self._add(operators, node, qualified)

    def _add(self, found: dict[tuple[str, ...], Reference], node: Node, qualified: tuple[str, ...]) -> None:
        # A database name in front says nothing: the server insists on the current one.
        key = ("", *qualified)[-2:]
        if key not in found and qualified:
            position = self._locate(self._tree.char_offset(node.location))
            found[key] = Reference(key[1], key[0], position)


_IMPLIED = {
    "AEXPR_DISTINCT": ("=",),
    "AEXPR_NOT_DISTINCT": ("=",),
    "AEXPR_NULLIF": ("=",),
    "AEXPR_BETWEEN": (">=", "<="),
    "AEXPR_NOT_BETWEEN": ("<", ">"),
    "AEXPR_BETWEEN_SYM": (">=", "<="),
    "AEXPR_NOT_BETWEEN_SYM": ("<", ">"),
}


def _operators(node: Node) -> Iterator[tuple[str, ...]]:
    implied = _IMPLIED.get(node.text("kind")) if node.tag == "A_Expr" else None
    if implied is not None:
        yield from ((name,) for name in implied)
    elif qualified := qualified_operator(node):
        yield qualified
    elif _compares_for_equality(node):
        yield ("=",)
    if node.tag == "CTECycleClause":
        yield ("<>",)


def _compares_for_equality(node: Node) -> bool:
    if node.tag == "JoinExpr":
        return bool(node.many("usingClause")) or node.flag("isNatural")
    if node.tag == "CaseExpr":
        return node.one("arg") is not None
    return node.tag == "SubLink" and node.text("subLinkType") == "ANY_SUBLINK"
