"""Conditions that only ask whether a row exists: for many profiles a semi-join, which PostgreSQL can hash.

    SELECT EXISTS (q)   SELECT NOT EXISTS (q)   SELECT CASE WHEN EXISTS (q) THEN true ELSE false END
    SELECT true FROM ... WHERE ... LIMIT 1      SELECT count(*) > 0 FROM ... WHERE ...

Inside a LATERAL each of them is run again for every profile; as `WHERE EXISTS (q)` over the profiles, an un-indexed one
is a single scan. Only shapes for which that is exact are recognised.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from directflow_gateway.sql.limits import HARD_MAX_SQL_BYTES, HARD_MAX_TOKENS, TextLimits
from directflow_gateway.sql.parser import ParseFailure, Token, parse, scan
from directflow_gateway.sql.set_form.risks import cannot_fail
from directflow_gateway.sql.tree import Node, ParseTree

LIMITS = TextLimits(max_sql_bytes=HARD_MAX_SQL_BYTES, max_tokens=HARD_MAX_TOKENS)
_COUNTS = {(">", 0): True, (">=", 1): True, ("<>", 0): True, ("!=", 0): True, ("=", 0): False, ("<", 1): False}
"""`count(*) <operator> n` that ask whether there is a row, and what they say when there is one."""


@dataclass(frozen=True, slots=True)
class SemiJoin:
    """The subquery whose rows are asked for, as a part of the statement's text, and what its answers mean."""

    before: str
    """What stands before the part."""
    start: int
    end: int
    """In characters of the statement's text."""
    found: str
    """Outcome (t, f, n) of a profile with a row."""
    missing: str
    """Outcome (t, f, n, or x: no row) of one without."""


def semi_join_of(text: str, body_end: int) -> SemiJoin | None:
    """How to ask the statement `text` as a semi-join, or None where its shape has no exact one."""
    tree, tokens = parse(text, LIMITS), scan(text, LIMITS)
    if isinstance(tree, ParseFailure) or isinstance(tokens, ParseFailure) or len(tree.statements) != 1:
        return None
    select = tree.statements[0].one("stmt")
    targets = select.many("targetList") if select is not None else []
    value = targets[0].one("val") if len(targets) == 1 else None
    if select is None or select.tag != "SelectStmt" or select.text("op") != "SETOP_NONE" or value is None:
        return None
    shape = _Shape(tree, [token for token in tokens if token.kind not in ("SQL_COMMENT", "C_COMMENT")], body_end)
    if not select.many("fromClause"):
        return shape.of_exists(value) if _has_only(select, "targetList") else None
    return shape.of_literal(select, value) or shape.of_count(select, value)


@dataclass(frozen=True, slots=True)
class _Shape:
    tree: ParseTree
    tokens: Sequence[Token]
    body_end: int

    def of_exists(self, value: Node) -> SemiJoin | None:
        """EXISTS, NOT EXISTS, and a CASE of one with constants."""
        answers = ("t", "f")
        if value.tag == "CaseExpr":
            branches = value.many("args")
            if value.one("arg") is not None or len(branches) != 1:
                return None
            answers = (_constant(branches[0].one("result")), _constant(value.one("defresult"), absent="n"))
            value = branches[0].one("expr") or value
        while value.tag == "BoolExpr" and value.text("boolop") == "NOT_EXPR":
            value, answers = value.many("args")[0], (answers[1], answers[0])
        if value.tag != "SubLink" or value.text("subLinkType") != "EXISTS_SUBLINK" or "" in answers:
            return None
        start, end = self._brackets_behind(self.tree.char_offset(value.location))
        return SemiJoin("", start, end, *answers)

    def of_literal(self, select: Node, value: Node) -> SemiJoin | None:
        """`SELECT true FROM ... LIMIT 1`: one row with a constant, or none."""
        answer = _constant(value)
        limit = select.one("limitCount")
        if answer not in ("t", "f") or limit is None or _integer(limit) != 1:
            return None
        plain = _has_only(select, "targetList", "fromClause", "whereClause", "sortClause", "limitCount")
        if not plain or not _is_sorted_safely(select) or select.text("limitOption") == "LIMIT_OPTION_WITH_TIES":
            return None
        return SemiJoin("", 0, self.body_end, answer, "x")

    def of_count(self, select: Node, value: Node) -> SemiJoin | None:
        """`SELECT count(*) > 0 FROM ...`: exact where no row's condition can fail, for EXISTS stops at the first."""
        counted, bound = value.one("lexpr"), value.one("rexpr")
        if value.tag != "A_Expr" or counted is None or bound is None or not _is_count(counted):
            return None
        answer = _COUNTS.get(((value.names("name") or ("",))[-1], _integer(bound)))
        conditions = [*select.many("whereClause"), *select.many("fromClause")]
        if answer is None or not _has_only(select, "targetList", "fromClause", "whereClause"):
            return None
        if not cannot_fail(conditions):
            return None
        return SemiJoin("SELECT ", self._first("FROM"), self.body_end, "ft"[answer], "tf"[answer])

    def _brackets_behind(self, place: int) -> tuple[int, int]:
        """What stands between the brackets behind the keyword at `place`."""
        first = next(index for index, token in enumerate(self.tokens) if token.start >= place) + 1
        depth = 0
        for token in self.tokens[first:]:
            depth += {"(": 1, ")": -1}.get(self._text(token), 0)
            if depth == 0:
                return self.tokens[first].end, token.start
        raise AssertionError("the tree has an EXISTS whose brackets do not close")

    def _first(self, keyword: str) -> int:
        depth = 0
        for token in self.tokens:
            depth += {"(": 1, ")": -1}.get(self._text(token), 0)
            if depth == 0 and token.kind == keyword:
                return token.start
        raise AssertionError(f"the tree has a {keyword} that the text lacks")

    def _text(self, token: Token) -> str:
        return self.tree.text[token.start : token.end]


def _is_sorted_safely(select: Node) -> bool:
    """A sort reads all rows, of which EXISTS needs the first: exact only where none of them can fail."""
    by = [item.one("node") or item for item in select.many("sortClause")]
    return not by or cannot_fail([*by, *select.many("whereClause"), *select.many("fromClause")])


def _has_only(select: Node, *clauses: str) -> bool:
    return all(name in clauses for name, nodes in select.links.items() if nodes) and not select.flag("groupDistinct")


def _constant(node: Node | None, absent: str = "") -> str:
    """t, f or n for a constant; "" for anything else."""
    if node is None:
        return absent
    boolean = node.one("boolval") if node.tag == "A_Const" else None
    if boolean is not None:
        return "t" if boolean.flag("boolval") else "f"
    return "n" if node.tag == "A_Const" and node.flag("isnull") else ""


def _integer(node: Node) -> int:
    """The value of an integer constant; -1 for anything else."""
    value = node.one("ival") if node.tag == "A_Const" else None
    return value.number("ival") if value is not None else -1


def _is_count(node: Node) -> bool:
    plain = node.tag == "FuncCall" and node.flag("agg_star") and not node.one("over") and not node.one("agg_filter")
    return plain and node.names("funcname") in (("count",), ("pg_catalog", "count"))
