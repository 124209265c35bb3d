"""Which parameters of a statement may share one `$n`: those with equal text in equal surroundings."""

from collections.abc import Mapping, Sequence

from directflow_gateway.sql.equivalence import PLACES
from directflow_gateway.sql.limits import HARD_MAX_SQL_BYTES, HARD_MAX_TOKENS, TextLimits
from directflow_gateway.sql.parameters import Parameter
from directflow_gateway.sql.parser import ParseFailure, parse
from directflow_gateway.sql.tree import Node

# A bound text is longer than its template by what a CAST takes.
_LIMITS = TextLimits(max_sql_bytes=HARD_MAX_SQL_BYTES, max_tokens=HARD_MAX_TOKENS)


def shared_numbers(text: str, parameters: Sequence[Parameter]) -> Mapping[int, int]:
    """For each parameter number of `text`, the lowest number that it may be replaced by.

    Surroundings are the expression directly around the parameter, so that `id = '<%= x %>' OR name = '<%= x %>'` keeps
    two parameters of two types.
    """
    tree = parse(text, _LIMITS)
    if isinstance(tree, ParseFailure):
        raise ValueError(f"a compiled statement does not parse: {tree.rule}")
    shapes: dict[int, str] = {}
    equal: dict[tuple[object, str], set[int]] = {}
    for node in tree.nodes():
        if node.tag == "ParamRef" and node.parent is not None:
            number = node.number("number")
            key = (_content(parameters[number - 1]), _shape(node.parent, parameters, shapes))
            equal.setdefault(key, set()).add(number)
    return {number: min(group) for group in equal.values() for number in group}


def _content(parameter: Parameter) -> tuple[object, ...]:
    return (*parameter.pieces, parameter.unit)


def _shape(expression: Node, parameters: Sequence[Parameter], known: dict[int, str]) -> str:
    """The expression as text, without places in it. A column counts by its last name: `m.day` may be `day`."""
    if id(expression) not in known:
        known[id(expression)] = " ".join(_words(expression, parameters))
    return known[id(expression)]


def _words(expression: Node, parameters: Sequence[Parameter]) -> list[str]:
    words: list[str] = []
    waiting: list[Node | str] = [expression]
    while waiting:
        node = waiting.pop()
        if isinstance(node, str):
            words.append(node)
        elif node.tag == "ParamRef":
            words.append(repr(_content(parameters[node.number("number") - 1])))
        elif node.tag == "ColumnRef":
            words.append(f"column {node.many('fields')[-1].scalars!r}")
        else:
            # The outermost role says only which clause the expression is in: that is what must not count.
            role = "" if node is expression else node.role
            words.append(f"{role} {node.tag} {_scalars(node)}(")
            waiting.append(")")
            waiting.extend(child for children in reversed(node.links.values()) for child in reversed(children))
    return words


def _scalars(node: Node) -> list[tuple[str, object]]:
    return sorted((name, value) for name, value in node.scalars.items() if name not in PLACES)
