"""Which statements can be explained: those where WHERE alone decides, row by row, what comes out of FROM."""

from collections.abc import Sequence
from dataclasses import dataclass

from directflow_gateway.sql.limits import HARD_MAX_SQL_BYTES, HARD_MAX_TOKENS, TextLimits
from directflow_gateway.sql.outline import Outline, outline
from directflow_gateway.sql.parser import ParseFailure, Token, parse, scan
from directflow_gateway.sql.statement import CompiledStatement
from directflow_gateway.sql.tree import Node, ParseTree

LIMITS = TextLimits(max_sql_bytes=HARD_MAX_SQL_BYTES, max_tokens=HARD_MAX_TOKENS)
MOST_CONJUNCTS = 100
"""PostgreSQL gives a function at most so many arguments, and the outcomes of a row are one call of concat."""

_PLAIN = frozenset({"targetList", "fromClause", "whereClause", "sortClause", "withClause", "distinctClause"})
_WORDS = {
    "groupClause": "GROUP BY",
    "havingClause": "HAVING",
    "valuesLists": "VALUES",
    "windowClause": "a WINDOW clause",
    "limitCount": "LIMIT",
    "limitOffset": "OFFSET",
}
_HIDDEN = "whether a row comes out does not hang on its WHERE alone"


class NotExplained(Exception):
    """The statement is no plain SELECT, or cannot be taken apart. The message says why, in one sentence."""


@dataclass(frozen=True, slots=True, repr=False)
class PlainSelect:
    """A plain SELECT of a compiled statement, with the places of its clauses."""

    tree: ParseTree
    select: Node
    places: Outline
    tokens: Sequence[Token]


def plain_select(compiled: CompiledStatement, *, was_rearranged: bool = False) -> PlainSelect:
    """The statement's outermost SELECT. Raises NotExplained.

    `was_rearranged`: conditions of its WHERE were moved outward (see window_alias), so that they are of two levels.
    """
    if was_rearranged:
        raise NotExplained("It filters by a window function, which looks at all rows at once.")
    tree, tokens = parse(compiled.text, LIMITS), scan(compiled.text, LIMITS)
    if isinstance(tree, ParseFailure) or isinstance(tokens, ParseFailure):
        raise NotExplained("It is too large to be taken apart.")
    select = tree.statements[0].one("stmt")
    assert select is not None  # the guard has admitted one SELECT
    _refuse_others(select)
    if not select.many("whereClause"):
        raise NotExplained("It has no WHERE: whoever comes out of its FROM is in.")
    places = outline(tokens, compiled.body_end)
    if places is None:
        raise NotExplained("It is written in a form that is not taken apart, such as in brackets as a whole.")
    if len(places.conjuncts) > MOST_CONJUNCTS:
        raise NotExplained(f"Its WHERE has more than {MOST_CONJUNCTS} conjuncts.")
    return PlainSelect(tree, select, places, tokens)


def _refuse_others(select: Node) -> None:
    if select.text("op") != "SETOP_NONE":
        raise NotExplained(f"It is a set operation (UNION, INTERSECT or EXCEPT): {_HIDDEN}.")
    if select.many("distinctClause"):  # a plain DISTINCT's list has no node in it, and drops nobody
        raise NotExplained(f"It has DISTINCT ON: {_HIDDEN}.")
    others = [name for name, nodes in select.links.items() if nodes and name not in _PLAIN]
    if others:
        words = sorted(_WORDS.get(name, name) for name in others)
        raise NotExplained(f"It has {' and '.join(words)}: {_HIDDEN}.")
