"""The grammatical half of a tag's place: what the syntax tree says about the node that a parameter replaces."""

import enum
from collections.abc import Iterator
from dataclasses import dataclass

from directflow_gateway.sql.tree import Node, ParseTree

NEVER_A_NAME = "A variable cannot stand here: it is a value, never a name, a keyword or an operator."
FULL_INTERVAL = 0x7FFF
"""typmod of an INTERVAL without fields (INTERVAL_FULL_RANGE in PostgreSQL's timestamp.h)."""


class Form(enum.Enum):
    """How the bound text must be written at a place."""

    PLAIN = enum.auto()
    CAST = enum.auto()
    INTERVAL_UNIT = enum.auto()
    IN_LIST = enum.auto()


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why nothing can be bound at a place."""

    message: str
    hint: str


def form_of(node: Node, *, is_literal: bool, is_list: bool) -> Form | Refusal:
    """The form for the parameter that replaces `node`: a ParamRef for a tag in code, else the literal's A_Const."""
    refusal = _refusal(node, is_literal)
    if refusal is not None:
        return refusal
    if is_list:
        return _list_form(node, is_literal)
    cast = prefix_cast(node)
    if cast is None:
        return Form.PLAIN
    return Form.INTERVAL_UNIT if _has_unit(cast) else Form.CAST


def prefix_cast(node: Node) -> Node | None:
    """The cast of a literal with its type in front, DATE '...'; it alone has no place of its own in the tree."""
    cast = node.parent
    if cast is not None and cast.tag == "TypeCast" and node.role == "arg" and cast.scalars.get("location") == -1:
        return cast
    return None


def in_list_of(node: Node) -> Node | None:
    """The IN expression in whose list `node` stands directly."""
    items = node.parent
    expression = items.parent if items is not None and items.tag == "List" else None
    if expression is not None and expression.tag == "A_Expr" and expression.text("kind") == "AEXPR_IN":
        return expression
    return None


def _refusal(node: Node, is_literal: bool) -> Refusal | None:
    if any(ancestor.tag == "TypeName" for ancestor in node.ancestors()):
        return Refusal("A variable cannot be part of a type.", "Write the type into the SQL.")
    if not is_literal and prefix_cast(node) is not None:
        # libpg_query's grammar takes `name $1` as a typed literal, so `ORDER BY id <%= direction %>` comes here too.
        return Refusal(NEVER_A_NAME, "Write the keyword into the SQL; a literal with a type is DATE '<%= name %>'.")
    clause = _sorted_or_grouped(node)
    if clause:
        return Refusal(
            f"A variable cannot be an item of {clause}: it is a value, so every row would have the same.",
            "Choose between columns with CASE WHEN '<%= name %>' = '...' THEN ... END.",
        )
    parent = node.parent
    if parent is not None and parent.text("funcformat") == "COERCE_SQL_SYNTAX" and _is_field_of_extract(node, parent):
        return Refusal(
            "PostgreSQL takes no variable as the field of EXTRACT.", "Write date_part('<%= name %>', ...) instead."
        )
    return None


def _is_field_of_extract(node: Node, call: Node) -> bool:
    return _last(call, "funcname") == "extract" and call.many("args")[0] is node


_CLAUSES = {
    "sortClause": "ORDER BY",
    "orderClause": "ORDER BY",
    "agg_order": "ORDER BY",
    "groupClause": "GROUP BY",
    "distinctClause": "DISTINCT ON",
    "partitionClause": "PARTITION BY",
}


def _sorted_or_grouped(node: Node) -> str:
    """The clause whose item is only the variable: PostgreSQL accepts `ORDER BY $1` and silently sorts nothing."""
    item = node
    while item.parent is not None and _is_whole_item(item, item.parent):
        item = item.parent
    return _CLAUSES.get(item.role, "")


def _is_whole_item(item: Node, parent: Node) -> bool:
    """Whether `parent` only wraps `item`. GROUP BY (a, b) groups by a and by b; elsewhere a row is one value."""
    if parent.tag == "RowExpr":
        return parent.role in {"groupClause", "content"}
    return (parent.tag, item.role) in {
        ("TypeCast", "arg"),
        ("CollateClause", "arg"),
        ("SortBy", "node"),
        ("GroupingSet", "content"),
    }


def _has_unit(cast: Node) -> bool:
    type_name = cast.one("typeName")
    fields = type_name.many("typmods")[:1] if type_name is not None else []
    if type_name is None or _last(type_name, "names") != "interval" or not fields:
        return False
    mask = fields[0].one("ival")
    return mask is not None and mask.number("ival") != FULL_INTERVAL


_LIST_HINT = "Write IN (<%= list %>), with nothing else between the brackets, or = ANY (<%= list %>)."


def _list_form(node: Node, is_literal: bool) -> Form | Refusal:
    expression = in_list_of(node)
    if prefix_cast(node) is not None:
        return Refusal("A list cannot be a literal of a single type.", _LIST_HINT)
    if expression is None:
        return Form.PLAIN
    if is_literal:
        return Refusal("A list in quotes would be one value.", "Drop the quotes: IN (<%= list %>).")
    items, left = expression.one("rexpr"), expression.one("lexpr")
    if items is None or len(items.many("items")) != 1:
        return Refusal("A list must be alone in the brackets of IN.", _LIST_HINT)
    if left is None or left.tag == "RowExpr":
        return Refusal("A list of values cannot be compared with a row.", "Compare each column with its own list.")
    return Form.IN_LIST


# --- patterns ---------------------------------------------------------------------------------------------------

_PATTERN_KINDS = frozenset({"AEXPR_LIKE", "AEXPR_ILIKE", "AEXPR_SIMILAR"})
_PATTERN_OPERATORS = frozenset({"~", "~*", "!~", "!~*", "~~", "~~*", "!~~", "!~~*", "@?", "@@", "@@@"})
_PATTERN_TYPES = frozenset({"tsquery", "jsonpath", "lquery", "ltxtquery", "query_int"})
_PATTERN_ARGUMENT = {
    "to_tsquery": -1,
    "similar_to_escape": 0,
    **dict.fromkeys(("like", "notlike", "regexp_match", "regexp_matches", "regexp_replace", "regexp_count"), 1),
    **dict.fromkeys(("regexp_instr", "regexp_like", "regexp_substr"), 1),
    **dict.fromkeys(("regexp_split_to_array", "regexp_split_to_table"), 1),
    **dict.fromkeys(("jsonb_path_exists", "jsonb_path_match", "jsonb_path_query", "jsonb_path_query_array"), 1),
    **dict.fromkeys(("jsonb_path_query_first", "jsonb_path_exists_tz", "jsonb_path_match_tz"), 1),
}


def pattern_values(tree: ParseTree) -> set[int]:
    """id() of every node whose value is, or becomes part of, a LIKE pattern, regular expression, jsonpath or tsquery.

    Found from above and not from each variable upwards: a chain of a thousand `||` would take a million steps.
    """
    waiting = [child for node in tree.nodes() for child in _children(node) if _makes_pattern(child, node)]
    found: set[int] = set()
    while waiting:
        node = waiting.pop()
        if id(node) not in found:
            found.add(id(node))
            waiting += _children(node) if _keeps_text(node) else []
    return found


def _children(node: Node) -> Iterator[Node]:
    return (child for children in node.links.values() for child in children)


def _keeps_text(node: Node) -> bool:
    """Casts and concatenations: what goes in is a part of the text that comes out."""
    if node.tag == "FuncCall":
        return _last(node, "funcname") in {"concat", "like_escape", "similar_to_escape"}
    is_joined = node.tag == "A_Expr" and node.names("name") == ("||",)
    return is_joined or node.tag in {"TypeCast", "CollateClause"}


def _makes_pattern(child: Node, parent: Node) -> bool:
    if parent.tag == "A_Expr" and child.role == "rexpr":
        kind = parent.text("kind")
        is_operator = kind.startswith("AEXPR_OP") and _last(parent, "name") in _PATTERN_OPERATORS
        return kind in _PATTERN_KINDS or is_operator
    if parent.tag == "FuncCall" and child.role == "args":
        index = _PATTERN_ARGUMENT.get(_last(parent, "funcname"))
        return index is not None and parent.many("args")[index:][:1] == [child]
    type_name = parent.one("typeName") if parent.tag == "TypeCast" else None
    return type_name is not None and _last(type_name, "names") in _PATTERN_TYPES


def _last(node: Node, name: str) -> str:
    """The name without its schema; "" for none."""
    return node.names(name)[-1] if node.names(name) else ""
