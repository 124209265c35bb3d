"""`SELECT *`: what it returns changes with the customer's tables."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from directflow_runtime.errors import Problem

from directflow_gateway.advice.subject import Subject, joined
from directflow_gateway.description.names import written
from directflow_gateway.description.select_list import alias_of, first_branch, star_of
from directflow_gateway.sql.tree import Node

_MOST_HINT_CHARACTERS = 400
_MOST_LEVELS = 20
_ROLES = frozenset({"discovery", "generator", "preload", "condition"})


def star_warnings(subject: Subject) -> Iterator[Problem]:
    """Each `*` of the outermost select list that stands for the columns of a table or view.

    One over a subquery or WITH query that names its columns is as good as their names.
    """
    if subject.role not in _ROLES:
        return
    targets = subject.select_list.targets
    expressions = _with_queries(subject)
    for index, target in enumerate(targets):
        value = star_of(target)
        if value is not None and _is_open(subject.select_list.select, value, expressions, _MOST_LEVELS):
            qualifier = value.names("fields")
            shown = f"{written(*qualifier)}.*" if qualifier else "*"
            yield subject.warning_at(
                value,
                "SELECT_STAR",
                f"{shown} means all columns that the table has: a column that is added later is sent as well, and one "
                "that goes away breaks what used it.",
                _names_instead(subject, targets, index, qualifier),
            )


def _names_instead(subject: Subject, targets: Sequence[Node], index: int, qualifier: Sequence[str]) -> str:
    """The columns that this star stands for; with several stars nobody can tell which are whose."""
    columns = subject.description.columns
    if sum(star_of(target) is not None for target in targets) > 1:
        return "Write the names of the columns that are needed."
    meant = columns[index : len(columns) - (len(targets) - index - 1)]
    names = [written(*qualifier[-1:], column.name) for column in meant]
    return f"Write those that are needed: {joined(names, _MOST_HINT_CHARACTERS)}."


def _with_queries(subject: Subject) -> Mapping[str, Node]:
    found = (node for node in subject.tree.nodes() if node.tag == "CommonTableExpr")
    return {node.text("ctename"): query for node in found if (query := node.one("ctequery")) is not None}


@dataclass(frozen=True, slots=True)
class _Source:
    alias: str
    node: Node


def _is_open(select: Node, star: Node, expressions: Mapping[str, Node], levels: int) -> bool:
    """Whether a star reaches, through subqueries that have one themselves, the columns of a table."""
    qualifier = star.names("fields")[-1:]
    sources = [s for s in _sources(select) if not qualifier or s.alias == qualifier[0]]
    return any(_source_is_open(source.node, expressions, levels) for source in sources)


def _source_is_open(source: Node, expressions: Mapping[str, Node], levels: int) -> bool:
    if source.tag == "RangeVar":
        query = None if source.text("schemaname") else expressions.get(source.text("relname"))
        if query is None:
            return True
    else:
        query = source.one("subquery")
    if query is None or levels == 0:
        return False
    inner = first_branch(query)
    stars = filter(None, map(star_of, inner.many("targetList")))
    return any(_is_open(inner, star, expressions, levels - 1) for star in stars)


def _sources(select: Node) -> Iterator[_Source]:
    """What FROM holds, joins taken apart."""
    waiting = list(reversed(select.many("fromClause")))
    while waiting:
        node = waiting.pop()
        if node.tag == "JoinExpr":
            waiting += [side for name in ("rarg", "larg") if (side := node.one(name)) is not None]
        else:
            yield _Source(alias_of(node) or node.text("relname"), node)
