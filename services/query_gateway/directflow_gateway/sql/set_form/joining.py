"""Which parameters must not differ where people are joined with rows, read off the syntax tree.

The author's statement tries a person's rows one after the other, and ends at the first that fails or, in EXISTS, at the
first that suits. A join tries a condition on values that differ among the rows with an equal key only, and in the order
of a hash table: where that condition may fail, a join may find the row that suits and never meet the one that fails.
Conditions on rows and constants alone are tried while the table is read, for everybody's rows: they fail at least where
the author's statement does, and who it is that fails is found by the LATERAL form. So only the first kind matters.

    l.person = $1 AND l.payload::int > $2        $2 must not differ
    (l.payload ->> 'person')::int = $1           a key, which a join computes for every row it reads: may differ
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from directflow_gateway.sql.set_form.risks import COMPARISONS, SAFE_FUNCTIONS, Known, known_of, may_fail
from directflow_gateway.sql.tree import Node, ParseTree

_ROWS = frozenset({"ColumnRef", "RangeVar", "JoinExpr", "Alias", "A_Star", "ResTarget", "SortBy"})
_DEFINED_OPERATORS = frozenset({"@>", "<@", "&&", "?", "?|", "?&", "@@", "@?", "<<", ">>", "<<=", ">>=", "^@"})
"""Of arrays, ranges, jsonb, addresses and text search: none of them fails for any value."""
_PLAIN_CLAUSES = frozenset({"targetList", "fromClause", "whereClause", "sortClause"})
_NEVER_DISSOLVED = ("groupClause", "distinctClause", "limitCount", "limitOffset", "havingClause")
"""What a query in FROM computes is computed before anything else is tried, where it has one of these."""
_TEXT_OF_JSON = frozenset({"->>", "#>>"})
_DEAR = 1_000
"""More than any condition is reckoned to cost: one of which it is not known."""
_MOST_PARTS = 100
"""Of an AND: each is held against each."""


@dataclass(frozen=True, slots=True)
class _Condition:
    """One part of an AND."""

    node: Node
    place: int
    parts: Sequence[Node]
    """All of the AND, as they are written."""
    is_of_one_table: bool


def unsafe_to_join(tree: ParseTree, *, hides_expressions: bool) -> frozenset[int]:
    """Parameters of conditions that may fail for a row, and that a join would try on other rows.

    `hides_expressions`: what the statement calls columns may be expressions, as in a view that `computes_columns`.
    """
    known = known_of(tree)
    hides = hides_expressions or any(_computes_columns(node, known) for node in tree.nodes())
    return frozenset().union(*(_unsafe(one, known, hides=hides) for one in _conditions(tree)))


def computes_columns(definition: ParseTree) -> bool:
    """Whether a view of this definition has columns that are computed and may fail."""
    query = definition.statements[0].one("stmt") if definition.statements else None
    return query is None or _computes(query, known_of(definition))


def _unsafe(condition: _Condition, known: Mapping[int, Known], *, hides: bool) -> frozenset[int]:
    parameters = known[id(condition.node)].parameters
    is_defined = _is_defined(condition.node, known)
    if not parameters or (is_defined and not hides):
        return frozenset()
    key = _key(condition.node, known)
    if key is None or not (is_defined or _is_tried_last(condition)):
        return parameters
    return known[id(key)].parameters


def _computes_columns(node: Node, known: Mapping[int, Known]) -> bool:
    """Whether it has a query in FROM or WITH whose columns are more than columns, and that the planner may dissolve."""
    query = node.one("subquery") or node.one("ctequery")
    return query is not None and _computes(query, known)


def _computes(query: Node, known: Mapping[int, Known]) -> bool:
    if any(query.many(clause) for clause in _NEVER_DISSOLVED):
        return False
    return not all(_is_defined(one, known) for one in query.walk() if one.tag == "ResTarget")


def _conditions(tree: ParseTree) -> Iterator[_Condition]:
    for node in tree.nodes():
        tables = node.many("fromClause")
        is_of_one_table = len(tables) == 1 and tables[0].tag == "RangeVar"
        for clause in ("whereClause", "quals"):  # whatever has a HAVING is run for each person
            parts = _parts(node.many(clause))
            for place, part in enumerate(parts):
                yield _Condition(part, place, parts, is_of_one_table and clause == "whereClause")


def _parts(clause: Sequence[Node]) -> list[Node]:
    """What is joined by AND, brackets or not."""
    found, waiting = [], list(clause)
    while waiting:
        node = waiting.pop()
        if node.tag == "BoolExpr" and node.text("boolop") == "AND_EXPR":
            waiting += reversed(node.many("args"))
        else:
            found.append(node)
    return found


def _is_tried_last(condition: _Condition) -> bool:
    """A key is computed of the rows that suit all conditions on rows alone: so the author's statement must try those
    first as well."""
    if not condition.is_of_one_table or len(condition.parts) > _MOST_PARTS:
        return False
    least, place = _least(condition.node), condition.place
    before, behind = condition.parts[:place], condition.parts[place + 1 :]
    return all(_most(one) <= least for one in before) and all(_most(one) < least for one in behind)


def _is_defined(root: Node, known: Mapping[int, Known]) -> bool:
    """Whether it is defined for every row. What depends on no row fails for nobody or is equal for all."""
    return all(node.tag in _ROWS or known[id(node)].before_rows or not _may_fail(node) for node in root.walk())


def _may_fail(node: Node) -> bool:
    match node.tag:
        case "SubLink":
            operator = node.names("operName")
            is_plain = not operator or (len(operator) == 1 and operator[0] in COMPARISONS)
            return not (node.text("subLinkType") in ("EXISTS_SUBLINK", "ANY_SUBLINK") and is_plain)
        case "SelectStmt":
            return not _PLAIN_CLAUSES.issuperset(node.links) or node.text("op") != "SETOP_NONE"
        case "A_Expr":
            return may_fail(node) and not _is_pattern(node) and not _is_defined_operator(node)
        case _:
            return may_fail(node)


def _is_pattern(node: Node) -> bool:
    """LIKE fails for a pattern that ends in a backslash: tuples with such a value never take part."""
    pattern = node.one("rexpr")
    if node.text("kind") not in ("AEXPR_LIKE", "AEXPR_ILIKE") or pattern is None:
        return False
    text = pattern.one("sval")
    return pattern.tag == "ParamRef" or (text is not None and not text.text("sval").endswith("\\"))


def _is_defined_operator(node: Node) -> bool:
    names = node.names("name")
    return node.text("kind") == "AEXPR_OP" and len(names) == 1 and names[0] in _DEFINED_OPERATORS


def _key(node: Node, known: Mapping[int, Known]) -> Node | None:
    """The expression over columns in `expression over columns = expression over parameters`, if that is what it is."""
    if node.tag != "A_Expr" or node.text("kind") != "AEXPR_OP" or node.names("name") != ("=",):
        return None
    of_rows = [side for side in (*node.many("lexpr"), *node.many("rexpr")) if not known[id(side)].before_rows]
    is_plain = all(one.tag != "SubLink" for side in of_rows for one in side.walk())
    return of_rows[0] if len(of_rows) == 1 and is_plain else None


# --- PostgreSQL tries the parts of an AND by what they cost; equal ones as they are written ---------------------------


def _least(root: Node) -> int:
    """In operators, no more than PostgreSQL reckons with."""
    return sum(map(_least_of_node, root.walk()))


def _least_of_node(node: Node) -> int:
    if node.tag == "TypeCast":
        of = node.one("arg")
        if of is None or of.tag in ("A_Const", "ParamRef"):
            return 0
        return 2 if of.tag == "A_Expr" and of.names("name")[-1:] and of.names("name")[-1] in _TEXT_OF_JSON else 1
    return 1 if node.tag in ("A_Expr", "FuncCall") else 0


def _most(root: Node) -> int:
    """In operators, no less than PostgreSQL reckons with."""
    return sum(map(_most_of_node, root.walk()))


def _most_of_node(node: Node) -> int:
    match node.tag:
        case "A_Expr":
            kind, right = node.text("kind"), node.one("rexpr")
            if kind in ("AEXPR_OP_ANY", "AEXPR_OP_ALL"):
                return _DEAR
            return len(right.many("items")) if right is not None and right.tag == "List" else 1  # IN, BETWEEN
        case "TypeCast":
            of = node.one("arg")
            return 0 if of is None or of.tag in ("A_Const", "ParamRef") else 2
        case "FuncCall":
            return 1 if node.names("funcname")[-1] in SAFE_FUNCTIONS else _DEAR
        case "SubLink":
            return _DEAR
        case _:
            return 1 if node.tag in ("SQLValueFunction", "MinMaxExpr") else 0
