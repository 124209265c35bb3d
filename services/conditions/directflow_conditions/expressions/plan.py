"""From a condition to what must be asked for it: its distinct leaves, and the formula over their decisions.

Every condition that is named twice is planned once: a chain of expressions that each name the next one twice would
otherwise cost two to the power of its length.
"""

from dataclasses import dataclass
from typing import Final

from directflow_runtime.errors import DirectFlowError, FieldViolation, StatusCode

from directflow_conditions.condition import Condition, DefinitionSource
from directflow_conditions.expressions.expression import AllOf, AnyOf, Expression, Named, Negation
from directflow_conditions.expressions.formula import Conjunction, Decided, Disjunction, Formula, Inverse, Leaf, Node

MAX_DEPTH: Final = 64
"""Levels from the root to the deepest leaf, both counted, through every expression that is named on the way."""
EXPRESSIONS: Final = (Named, AllOf, AnyOf, Negation)
MAX_NODES: Final = 4_096
"""Of one plan: a batch of 10,000 profiles holds a byte for each profile and node."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a condition is evaluated."""

    condition: Condition
    leaves: tuple[Condition, ...]
    """Conditions over SQL or engagement, each once, in the order in which the expression first names them."""
    formula: Formula | None
    """Over the leaves' decisions; None where the condition is a leaf itself."""


def plan_of(definitions: DefinitionSource, name: str) -> Plan:
    """The plan of a condition.

    Raises CONDITION_NOT_FOUND for it or for one that it names, EXPRESSION_CYCLE, EXPRESSION_TOO_DEEP, and
    DEFINITION_BROKEN for an expression of thousands of nodes, or where `definitions` say that one cannot be read.
    """
    condition = definitions.find(name)
    if condition is None:
        raise not_found([name])
    if not isinstance(condition.definition, EXPRESSIONS):
        return Plan(condition, (condition,), None)
    planner = _Planner(definitions, condition)
    root = planner.expression(condition.definition, 1).node
    return Plan(condition, tuple(planner.leaves), Formula(tuple(planner.nodes), root))


def not_found(missing: list[str]) -> DirectFlowError:
    """CONDITION_NOT_FOUND; all of them are named."""
    return DirectFlowError(
        StatusCode.NOT_FOUND,
        "CONDITION_NOT_FOUND",
        f"there is no condition {missing[0]}",
        metadata={"condition": missing[0]},
        violations=[FieldViolation("condition", f"there is no condition {name}") for name in missing],
    )


@dataclass(frozen=True, slots=True)
class _Planned:
    node: int
    height: int
    """Levels from here to the deepest leaf, both counted."""


class _Planner:
    """Lays the nodes of an expression out so that operands stand before what joins them."""

    def __init__(self, definitions: DefinitionSource, root: Condition) -> None:
        self._definitions = definitions
        self._workspace = root.workspace
        self._planned: dict[str, _Planned] = {}
        self._open: dict[str, None] = {root.name: None}
        """Expressions that are being planned, from the root inwards."""
        self.leaves: list[Condition] = []
        self.nodes: list[Node] = []

    def expression(self, expression: Expression, level: int) -> _Planned:
        """An expression that stands at `level`; the root's is 1."""
        _check_depth(level)
        match expression:
            case Named(name):
                return self._named(name, level)
            case Negation(operand):
                inner = self.expression(operand, level + 1)
                return self._add(Inverse(inner.node), inner.height + 1)
            case AllOf(operands) | AnyOf(operands):
                inners = [self.expression(operand, level + 1) for operand in operands]
                join = Conjunction if isinstance(expression, AllOf) else Disjunction
                return self._add(join(tuple(one.node for one in inners)), 1 + max(one.height for one in inners))

    def _named(self, name: str, level: int) -> _Planned:
        known = self._planned.get(name)
        if known is not None:
            _check_depth(level + known.height - 1)
            return known
        if name in self._open:
            raise _cycle([*self._open, name])
        self._open[name] = None
        planned = self._planned[name] = self._condition(self._find(name), level)
        del self._open[name]
        return planned

    def _find(self, name: str) -> Condition:
        # Another workspace's condition is not even looked for: an expression must not tell whether it exists, nor
        # whether it can be read.
        own = name.startswith(f"workspaces/{self._workspace}/")
        condition = self._definitions.find(name) if own else None
        if condition is None:
            raise not_found([name])
        return condition

    def _condition(self, condition: Condition, level: int) -> _Planned:
        if isinstance(condition.definition, EXPRESSIONS):
            inner = self.expression(condition.definition, level + 1)
            return self._add(Decided(inner.node, condition.policy.on_error), inner.height + 1)
        self.leaves.append(condition)
        return self._add(Leaf(len(self.leaves) - 1, condition.policy.table()), 1)

    def _add(self, node: Node, height: int) -> _Planned:
        if len(self.nodes) >= MAX_NODES:
            raise DirectFlowError(
                StatusCode.FAILED_PRECONDITION, "DEFINITION_BROKEN", f"the expression has more than {MAX_NODES} parts"
            )
        self.nodes.append(node)
        return _Planned(len(self.nodes) - 1, height)


def _check_depth(depth: int) -> None:
    if depth > MAX_DEPTH:
        raise DirectFlowError(
            StatusCode.FAILED_PRECONDITION,
            "EXPRESSION_TOO_DEEP",
            f"the expression nests deeper than {MAX_DEPTH}, through the conditions that it names",
            metadata={"limit": str(MAX_DEPTH)},
        )


def _cycle(names: list[str]) -> DirectFlowError:
    circle = names[names.index(names[-1]) :]
    return DirectFlowError(
        StatusCode.FAILED_PRECONDITION,
        "EXPRESSION_CYCLE",
        "the expression refers to itself: " + " -> ".join(circle),
        metadata={"condition": names[-1], "circle": " ".join(circle)},
    )
