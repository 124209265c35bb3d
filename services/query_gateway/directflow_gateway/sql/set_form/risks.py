"""What may fail in the single form and not in the set form, read off the syntax tree.

In the single form a parameter is a constant to the planner, which computes what depends on constants alone before any
row is read: `CASE WHEN vip THEN 10 / $1 ELSE 0 END` fails for 0 whoever is asked. In the set form the same value is a
column, and the division is only reached for VIPs. The set form is used where no such expression depends on a value that
differs from profile to profile. (The opposite, an error of the set form that the single form does not have, needs no
care: a profile that fails in a batch is evaluated again alone.)
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from directflow_gateway.sql.tree import Node, ParseTree

COMPARISONS = frozenset({"=", "<>", "!=", "<", ">", "<=", ">="})
_SAFE_KINDS = frozenset(
    {
        "AEXPR_OP",
        "AEXPR_OP_ANY",
        "AEXPR_OP_ALL",
        "AEXPR_IN",
        "AEXPR_BETWEEN",
        "AEXPR_NOT_BETWEEN",
        "AEXPR_BETWEEN_SYM",
        "AEXPR_NOT_BETWEEN_SYM",
        "AEXPR_DISTINCT",
        "AEXPR_NOT_DISTINCT",
        "AEXPR_NULLIF",
    }
)
_IMPLIED = frozenset({"BETWEEN", "NOT BETWEEN", "BETWEEN SYMMETRIC", "NOT BETWEEN SYMMETRIC"})
_REGEX = frozenset({"~", "~*", "!~", "!~*"})
_OF_ROWS = frozenset(
    {
        "ColumnRef", "A_Star", "SubLink", "SelectStmt", "RawStmt", "ResTarget", "SortBy", "WindowDef", "GroupingSet",
        "WithClause", "CommonTableExpr", "RangeVar", "RangeSubselect", "RangeFunction", "RangeTableSample", "JoinExpr",
        "RangeTableFunc", "RangeTableFuncCol", "JsonTable", "Alias", "LockingClause", "GroupingFunc",
    }
)  # fmt: skip
"""What is not known before a row is read, and what is no expression. Everything else may be computed before."""
_HARMLESS = frozenset(
    {
        "A_Const", "ParamRef", "BoolExpr", "NullTest", "BooleanTest", "CaseExpr", "CaseWhen", "CoalesceExpr", "List",
        "MinMaxExpr", "A_ArrayExpr", "RowExpr", "String", "Integer", "Float", "Boolean", "BitString", "NamedArgExpr",
        "SQLValueFunction", "CollateClause", "TypeName",
    }
)  # fmt: skip
"""Parts of expressions that are defined for all values. What is not listed, and a later PostgreSQL may bring more, may
fail."""
SAFE_FUNCTIONS = frozenset(
    {
        "lower", "upper", "initcap", "btrim", "ltrim", "rtrim", "length", "char_length", "character_length", "md5",
        "octet_length", "concat", "concat_ws", "reverse", "starts_with", "strpos", "position", "now", "left", "right",
    }
)  # fmt: skip
"""Functions of text that are defined for every argument."""
_TEXT_TYPES = frozenset({"text", "varchar", "bpchar"})
VOLATILE = frozenset(
    {"random", "random_normal", "clock_timestamp", "timeofday", "gen_random_uuid", "uuidv4", "uuidv7", "setseed"}
)
"""PostgreSQL's own functions that are allowed and VOLATILE."""


@dataclass(frozen=True, slots=True)
class Risks:
    """Parameters that must not differ from profile to profile, in groups; the numbers of `$n`."""

    groups: tuple[frozenset[int], ...] = ()
    has_inner_window: bool = False
    """A subquery has a window function. PostgreSQL (15.18 still) does not always run such a subquery anew for a profile
    where only what filters it depends on the profile (`rn <= $1`, the WindowAgg's run condition): it would give one
    profile another's answer. So nothing may differ then."""

    def forbid(self, differing: frozenset[int]) -> bool:
        """True where one of the groups depends on a parameter that differs."""
        return bool(differing) and (self.has_inner_window or any(group & differing for group in self.groups))


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of an expression."""

    parameters: frozenset[int] = frozenset()
    before_rows: bool = True
    """Whether it depends on constants and parameters alone."""


def risks_of(tree: ParseTree) -> Risks:
    """The parameters on which something depends that the planner may compute, and that may fail."""
    known = known_of(tree)
    groups = dict.fromkeys(group for node in tree.nodes() for group in _risky(node, known))
    return Risks(tuple(groups), any(map(_is_inner_window, tree.nodes())))


def known_of(tree: ParseTree) -> Mapping[int, Known]:
    """What every node depends on, by its id."""
    known: dict[int, Known] = {}
    for node in reversed(list(tree.nodes())):  # the parts of an expression before the whole
        known[id(node)] = _known(node, known)
    return known


def cannot_fail(roots: Sequence[Node]) -> bool:
    """Whether these conditions over columns are defined for every row: comparisons and what joins them."""
    rows = ("ColumnRef", "RangeVar", "JoinExpr", "Alias")
    return all(node.tag in rows or not may_fail(node) for root in roots for node in root.walk())


def _is_inner_window(node: Node) -> bool:
    if node.tag != "FuncCall" or node.one("over") is None:
        return False
    return sum(ancestor.tag == "SelectStmt" for ancestor in node.ancestors()) > 1


def _known(node: Node, known: Mapping[int, Known]) -> Known:
    if node.tag == "ParamRef":
        return Known(frozenset({node.number("number")}))
    parts = [known[id(child)] for children in node.links.values() for child in children]
    parameters = frozenset[int]().union(*(part.parameters for part in parts))
    return Known(parameters, node.tag not in _OF_ROWS and all(part.before_rows for part in parts))


def _risky(node: Node, known: Mapping[int, Known]) -> Iterator[frozenset[int]]:
    own = known[id(node)]
    if own.parameters and own.before_rows and may_fail(node):
        yield own.parameters
    # The planner compiles a constant pattern to guess how much it matches, whether or not a row is ever compared.
    pattern = node.one("rexpr") if _is_regex(node) else None
    if pattern is not None and known[id(pattern)].parameters:
        yield known[id(pattern)].parameters


def _is_regex(node: Node) -> bool:
    return node.tag == "A_Expr" and (
        node.text("kind") == "AEXPR_SIMILAR" or (node.names("name") or ("",))[-1] in _REGEX
    )


def may_fail(node: Node) -> bool:
    """Whether this node, its parts aside, may fail for some values."""
    match node.tag:
        case "A_Expr":
            names = node.names("name")
            plain = len(names) == 1 and (names[0] in COMPARISONS or names[0] in _IMPLIED)
            return not (node.text("kind") in _SAFE_KINDS and plain)
        case "TypeCast":
            return not _is_safe_cast(node)
        case "FuncCall":
            *schema, name = node.names("funcname")
            return name not in SAFE_FUNCTIONS or schema not in ([], ["pg_catalog"])
        case _:
            return node.tag not in _HARMLESS


def _is_safe_cast(node: Node) -> bool:
    target, value = node.one("typeName"), node.one("arg")
    names = target.names("names") if target is not None else ()
    if target is None or value is None or not names:
        return False
    if names[-1] in _TEXT_TYPES and not target.many("arrayBounds"):
        return True
    # The value of a parameter, or a constant, is read as that type; a modifier (numeric(4,2)) is applied afterwards.
    return value.tag in ("ParamRef", "A_Const") and not target.many("typmods")


def uses_names(tree: ParseTree, prefix: str) -> bool:
    """Whether a name in the statement begins so: as PostgreSQL reads it, folded and with its escapes decoded."""
    return any(
        isinstance(value, str) and value.startswith(prefix) for node in tree.nodes() for value in node.scalars.values()
    )
