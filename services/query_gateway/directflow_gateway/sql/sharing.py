"""Which parameters of a statement may share one `$n`: those with equal text in equal surroundings."""

from collections.abc import Hashable, Mapping, Sequence

from directflow_gateway.sql.equivalence import PLACES
from directflow_gateway.sql.limits import HARD_MAX_SQL_BYTES, HARD_MAX_TOKENS, TextLimits
from directflow_gateway.sql.parameters import Parameter
from directflow_gateway.sql.parser import ParseFailure, parse
from directflow_gateway.sql.tree import Node, ParseTree

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
    shapes = _shapes(tree, parameters)
    equal: dict[tuple[int, int], set[int]] = {}
    for node in tree.nodes():
        if node.tag == "ParamRef" and node.parent is not None:
            key = (shapes[id(node)], shapes[id(node.parent)])
            equal.setdefault(key, set()).add(node.number("number"))
    return {number: min(group) for group in equal.values() for number in group}


def _shapes(tree: ParseTree, parameters: Sequence[Parameter]) -> dict[int, int]:
    """For the id() of every node a number; two nodes have the same exactly when they are the same expression.

    From the leaves upwards, each node once: to spell out the surroundings of each parameter in a long chain of
    operators would take quadratic time.
    """
    numbers: dict[Hashable, int] = {}
    shapes: dict[int, int] = {}
    for node in reversed(list(tree.nodes())):
        shape = _shape(node, parameters, shapes)
        shapes[id(node)] = numbers.setdefault(shape, len(numbers))
    return shapes


def _shape(node: Node, parameters: Sequence[Parameter], shapes: Mapping[int, int]) -> Hashable:
    if node.tag == "ParamRef":
        parameter = parameters[node.number("number") - 1]
        return ("ParamRef", parameter.pieces, parameter.unit)
    if node.tag == "ColumnRef":
        # A column counts by its last name: `m.day` may be `day`.
        return ("ColumnRef", shapes[id(node.many("fields")[-1])])
    fields = ((name, tuple(shapes[id(child)] for child in children)) for name, children in node.links.items())
    scalars = ((name, value) for name, value in node.scalars.items() if name not in PLACES)
    return (node.tag, tuple(sorted(scalars)), tuple(sorted(fields)))
