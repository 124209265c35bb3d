"""The proof that compilation changed nothing: the bound statement's tree is the template's with parameters in it.

Cutting text by hand is where SQL injection comes from. Here a mistake in the lexer or in a rewrite cannot hide: the
template (literals untouched) and the bound text are parsed by PostgreSQL's grammar, and every node must be the same,
except that each literal with a tag has become exactly its own parameter, and `IN (list)` has become `= ANY`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from directflow_gateway.sql.tree import Node, ParseTree

PLACES = frozenset(
    {"location", "name_location", "stmt_location", "stmt_len"}
    | {"list_start", "list_end", "rexpr_list_start", "rexpr_list_end"}
)
"""Fields of a syntax tree that say where in the text something is, and nothing else."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What must differ between the two trees, by parameter number."""

    literals: Mapping[int, int]
    """id() of the literal's node in the template's tree, to its parameter."""
    lists: frozenset[int]
    """Parameters in `IN (...)` that became `= ANY (...)`."""
    places: Mapping[int, int]
    """Where the bound text has each parameter, in characters."""


def first_difference(template: ParseTree, bound: ParseTree, expected: Expected) -> Node | None:
    """The first node of the template's tree that the bound tree does not have as it should; None when all is well."""
    if len(template.statements) != len(bound.statements):
        return template.statements[0] if template.statements else bound.statements[0]
    seen: set[int] = set()
    waiting = list(zip(template.statements, bound.statements, strict=True))
    while waiting:
        ours, theirs = waiting.pop()
        if theirs.tag == "ParamRef":
            number = theirs.number("number")
            if number in seen or not _is_parameter(ours, theirs, bound, expected):
                return ours
            seen.add(number)
            continue
        pairs = _pairs(ours, theirs, expected)
        if pairs is None:
            return ours
        waiting += pairs
    return None if seen == set(expected.places) else template.statements[0]


def _is_parameter(ours: Node, theirs: Node, bound: ParseTree, expected: Expected) -> bool:
    number = theirs.number("number")
    own = ours.number("number") if ours.tag == "ParamRef" else expected.literals.get(id(ours))
    return own == number and bound.char_offset(theirs.location) == expected.places.get(number)


def _pairs(ours: Node, theirs: Node, expected: Expected) -> list[tuple[Node, Node]] | None:
    """The children that must be compared next, or None when the nodes themselves differ."""
    if _is_list(ours, expected):
        return _list_pairs(ours, theirs)
    if ours.tag != theirs.tag or _scalars(ours) != _scalars(theirs) or ours.links.keys() != theirs.links.keys():
        return None
    return _zip(ours, theirs, list(ours.links))


def _is_list(node: Node, expected: Expected) -> bool:
    right = node.one("rexpr")
    items = right.many("items") if right is not None and node.text("kind") == "AEXPR_IN" else []
    return len(items) == 1 and items[0].tag == "ParamRef" and items[0].number("number") in expected.lists


def _list_pairs(ours: Node, theirs: Node) -> list[tuple[Node, Node]] | None:
    kind = "AEXPR_OP_ALL" if ours.names("name") == ("<>",) else "AEXPR_OP_ANY"
    if theirs.tag != "A_Expr" or theirs.text("kind") != kind or ours.names("name") != theirs.names("name"):
        return None
    right, parameter = ours.one("rexpr"), theirs.one("rexpr")
    if right is None or parameter is None:
        return None
    left = _zip(ours, theirs, ["lexpr"])
    return None if left is None else [*left, (right.many("items")[0], parameter)]


def _zip(ours: Node, theirs: Node, names: list[str]) -> list[tuple[Node, Node]] | None:
    pairs: list[tuple[Node, Node]] = []
    for name in names:
        left, right = ours.many(name), theirs.many(name)
        if len(left) != len(right):
            return None
        pairs += zip(left, right, strict=True)
    return pairs


def _scalars(node: Node) -> dict[str, object]:
    return {name: value for name, value in node.scalars.items() if name not in PLACES}
