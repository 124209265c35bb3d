"""Inside the SELECT: no INTO, no locks, no data-modifying WITH, and no syntax that nobody has thought about."""

from collections.abc import Iterator
from itertools import pairwise

from directflow_runtime.errors import Problem

from directflow_gateway.sql.guard.context import Context
from directflow_gateway.sql.parser import scan
from directflow_gateway.sql.tree import Node

_EXPRESSIONS = (
    "A_ArrayExpr A_Const A_Expr A_Indices A_Indirection A_Star BitString BoolExpr Boolean BooleanTest CaseExpr "
    "CaseWhen CoalesceExpr CollateClause ColumnRef Float FuncCall GroupingFunc GroupingSet Integer List MinMaxExpr "
    "NamedArgExpr NullTest ParamRef RowExpr SQLValueFunction SortBy String SubLink TypeCast TypeName WindowDef XmlExpr "
    "XmlSerialize"
)
_QUERIES = (
    "Alias CTECycleClause CTESearchClause ColumnDef CommonTableExpr JoinExpr RangeFunction RangeSubselect "
    "RangeTableFunc RangeTableFuncCol RangeTableSample RangeVar RawStmt ResTarget SelectStmt WithClause"
)
_JSON = (
    "JsonAggConstructor JsonArgument JsonArrayAgg JsonArrayConstructor JsonArrayQueryConstructor JsonBehavior "
    "JsonFormat JsonFuncExpr JsonIsPredicate JsonKeyValue JsonObjectAgg JsonObjectConstructor JsonOutput JsonParseExpr "
    "JsonReturning JsonScalarExpr JsonSerializeExpr JsonTable JsonTableColumn JsonTablePathSpec JsonValueExpr"
)
# An allow-list, so that what a later grammar adds is refused until somebody has looked at it.
_KNOWN = frozenset(f"{_EXPRESSIONS} {_QUERIES} {_JSON}".split())

_STRENGTHS = frozenset({"UPDATE", "SHARE", "NO", "KEY"})


def check_clause(context: Context, node: Node) -> Iterator[Problem]:
    """The rules on syntax for one node."""
    if node.tag in _KNOWN:
        return
    if node.tag == "IntoClause":
        yield context.problem(
            node.one("rel") or node, "INTO_CLAUSE", "SELECT ... INTO creates a table.", "Remove the INTO clause."
        )
    elif node.tag == "LockingClause":
        yield context.locate(_locking_place(context.tree.text)).problem(
            "LOCKING_CLAUSE", "FOR UPDATE, FOR SHARE and the like lock rows.", "Remove the locking clause."
        )
    elif node.role == "ctequery":
        yield context.problem(
            node, "DATA_MODIFYING_WITH", "A WITH query may only select.", "Write SELECT in every WITH query."
        )
    elif not _is_below_refused(node):
        yield context.problem(node, "UNSUPPORTED_SYNTAX", f"{node.tag} is not allowed in a query.")


def _locking_place(text: str) -> int:
    """The tree does not say where a locking clause is. The first one's FOR; -1 where it cannot be found."""
    tokens = scan(text)
    pairs = pairwise(tokens) if isinstance(tokens, tuple) else ()
    return next((one.start for one, other in pairs if one.kind == "FOR" and other.kind in _STRENGTHS), -1)


def _is_below_refused(node: Node) -> bool:
    """One problem for a refused statement is enough: its parts say nothing new."""
    return any(ancestor.role == "ctequery" and ancestor.tag != "SelectStmt" for ancestor in node.ancestors())
