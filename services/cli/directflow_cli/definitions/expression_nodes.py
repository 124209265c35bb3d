"""Boolean expressions as people write them: `all_of: [is_premium, {not: has_left}]`."""

from typing import Any, Final

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from directflow_cli.definitions.nodes import entries
from directflow_cli.definitions.notes import Notes, did_you_mean
from directflow_cli.definitions.references import Names

OPERATORS: Final = ("all_of", "any_of", "not")
_ALSO: Final = {"negation": "not"}
"""The proto's name: `not` is a keyword in too many languages."""
MAX_DEPTH: Final = 64
MAX_OPERANDS: Final = 64


def read_expression(node: Node, message: Any, notes: Notes, names: Names, depth: int = 1) -> None:
    """Fills an Expression from a condition's id, or from a mapping with one operator."""
    if depth > MAX_DEPTH:
        notes.add(node, f"the expression is more than {MAX_DEPTH} deep", "TOO_DEEP", "name a part as a condition")
    elif isinstance(node, ScalarNode):
        message.condition = names.resolve(node, "Condition", notes) or ""
    elif isinstance(node, MappingNode) and len(node.value) == 1:
        key, name, value = next(entries(node))
        _operator(key, _ALSO.get(name, name), value, message, notes, names, depth)
    else:
        hint = "a condition's id, or all_of: [...], any_of: [...] or not: ..."
        notes.add(node, "one condition or one operator is expected here", "EXPRESSION", hint)


def _operator(
    key: Node, name: str, value: Node, message: Any, notes: Notes, names: Names, depth: int
) -> None:  # fmt: skip
    match name:
        case "not":
            message.negation.SetInParent()
            read_expression(value, message.negation, notes, names, depth + 1)
        case "all_of" | "any_of":
            _operands(name, value, getattr(message, name), notes, names, depth)
        case "condition":
            read_expression(value, message, notes, names, depth + 1)
        case _:
            notes.add(key, f"there is no operator {name}", "EXPRESSION", did_you_mean(name, OPERATORS))


def _operands(name: str, node: Node, message: Any, notes: Notes, names: Names, depth: int) -> None:
    message.SetInParent()
    if not isinstance(node, SequenceNode) or not 1 <= len(node.value) <= MAX_OPERANDS:
        notes.add(node, f"{name} takes a list of 1 to {MAX_OPERANDS} conditions", "EXPRESSION", f"{name}: [one, other]")
        return
    for item in node.value:
        read_expression(item, message.operands.add(), notes, names, depth + 1)
