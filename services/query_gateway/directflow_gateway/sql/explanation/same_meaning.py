"""The proof that the text about candidates holds the author's statement and nothing else of his: node by node.

Cutting text by hand is where mistakes hide. PostgreSQL's grammar reads both texts; the inner SELECT must be the
author's without WHERE and with columns added, and those columns' conditions joined by AND must be the author's WHERE.
"""

from collections.abc import Iterator, Sequence

from directflow_gateway.sql.equivalence import PLACES
from directflow_gateway.sql.tree import Node, ParseTree

_NESTING = 3
"""Our subqueries around the author's."""


def is_split_of(author: Node, written: ParseTree, conjuncts: int) -> bool:
    """Whether the innermost of our subqueries in `written` is the author's SELECT, its WHERE split into columns."""
    inner = _innermost(written)
    if inner is None or _scalars(inner) != _scalars(author):
        return False
    if inner.links.keys() | {"whereClause"} != author.links.keys():  # of a plain DISTINCT the name is all there is
        return False
    targets = inner.many("targetList")
    own, added = targets[: len(targets) - conjuncts], targets[len(targets) - conjuncts :]
    if inner.many("whereClause") or not _all_same(author.many("targetList"), own):
        return False
    clauses = author.links.keys() - {"targetList", "whereClause"}
    if not all(_all_same(author.many(name), inner.many(name)) for name in clauses):
        return False
    split = [part for target in added for part in _condition_of(target)]
    return _all_same([part for where in author.many("whereClause") for part in _joined_by_and(where)], split)


def _innermost(written: ParseTree) -> Node | None:
    node = written.statements[0].one("stmt") if len(written.statements) == 1 else None
    for _ in range(_NESTING):
        sources = node.many("fromClause") if node is not None else []
        node = sources[0].one("subquery") if len(sources) == 1 else None
    return node


def _condition_of(target: Node) -> Sequence[Node]:
    """The parts of CASE WHEN <flag> THEN (<conjunct>) AND true END: without the last, which is ours."""
    value = target.one("val")
    branches = value.many("args") if value is not None and value.tag == "CaseExpr" else []
    result = branches[0].one("result") if len(branches) == 1 else None
    return list(_joined_by_and(result))[:-1] if result is not None else ()


def _joined_by_and(node: Node) -> Iterator[Node]:
    """The parser makes one list of `a AND b AND c`, and of brackets around the first ones, but not of others."""
    waiting = [node]
    while waiting:
        part = waiting.pop()
        if part.tag == "BoolExpr" and part.text("boolop") == "AND_EXPR":
            waiting.extend(reversed(part.many("args")))
        else:
            yield part


def _all_same(left: Sequence[Node], right: Sequence[Node]) -> bool:
    return len(left) == len(right) and all(_same(a, b) for a, b in zip(left, right, strict=True))


def _same(left: Node, right: Node) -> bool:
    waiting = [(left, right)]
    while waiting:
        a, b = waiting.pop()
        if a.tag != b.tag or _scalars(a) != _scalars(b) or a.links.keys() != b.links.keys():
            return False
        for name, nodes in a.links.items():
            if len(nodes) != len(b.many(name)):
                return False
            waiting += zip(nodes, b.many(name), strict=True)
    return True


def _scalars(node: Node) -> dict[str, object]:
    return {name: value for name, value in node.scalars.items() if name not in PLACES}
