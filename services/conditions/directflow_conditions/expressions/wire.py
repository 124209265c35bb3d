"""Between conditions.v1.Expression and the expressions of the domain."""

from typing import Final

from directflow.conditions.v1 import condition_service_pb2 as pb

from directflow_conditions.condition import workspace_of
from directflow_conditions.expressions.expression import MAX_OPERANDS, AllOf, AnyOf, Expression, Named, Negation
from directflow_conditions.expressions.plan import MAX_DEPTH, MAX_NODES
from directflow_conditions.violations import Violations

MAX_NAMED: Final = 1_000
"""Different conditions of one expression, as many as a document may refer to."""


def expression_from(message: pb.Expression, workspace: str, path: str, violations: Violations) -> Expression | None:
    """The expression of a message; None where a violation leaves nothing to make one of."""
    reader = _Reader(workspace, violations)
    expression = reader.expression(message, path, 1)
    if len(reader.named) > MAX_NAMED:
        violations.add(path, f"names more than {MAX_NAMED} conditions")
    return expression


def expression_message(expression: Expression) -> pb.Expression:
    """An expression on the wire."""
    match expression:
        case Named(condition):
            return pb.Expression(condition=condition)
        case AllOf(operands):
            return pb.Expression(all_of=pb.Operands(operands=map(expression_message, operands)))
        case AnyOf(operands):
            return pb.Expression(any_of=pb.Operands(operands=map(expression_message, operands)))
        case Negation(operand):
            return pb.Expression(negation=expression_message(operand))


class _Reader:
    def __init__(self, workspace: str, violations: Violations) -> None:
        self._workspace = workspace
        self._violations = violations
        self._left = MAX_NODES
        self.named: set[str] = set()

    def expression(self, message: pb.Expression, path: str, level: int) -> Expression | None:
        """The expression that stands at `level`; the root's is 1."""
        self._left -= 1
        if self._left < 0:
            if self._left == -1:  # once, and nothing behind it is read
                self._violations.add(path, f"an expression has at most {MAX_NODES} parts")
            return None
        if level > MAX_DEPTH:
            self._violations.add(path, f"nests deeper than {MAX_DEPTH}")
            return None
        match message.WhichOneof("node"):
            case "condition":
                return self._named(message.condition, f"{path}.condition")
            case "negation":
                inner = self.expression(message.negation, f"{path}.negation", level + 1)
                return None if inner is None else Negation(inner)
            case "all_of":
                return AllOf(self._operands(message.all_of, f"{path}.all_of.operands", level + 1))
            case "any_of":
                return AnyOf(self._operands(message.any_of, f"{path}.any_of.operands", level + 1))
            case _:
                wrong = "exactly one of condition, all_of, any_of and negation must be set"
                self._violations.add(path, wrong, "REQUIRED")
                return None

    def _named(self, name: str, path: str) -> Named:
        if workspace_of(name) != self._workspace:
            self._violations.add(path, "must be in the condition's own workspace", "OTHER_WORKSPACE")
        self.named.add(name)
        return Named(name)

    def _operands(self, message: pb.Operands, path: str, level: int) -> tuple[Expression, ...]:
        if not 1 <= len(message.operands) <= MAX_OPERANDS:
            self._violations.add(path, f"1 to {MAX_OPERANDS} operands")
        read = [
            self.expression(operand, f"{path}[{index}]", level)
            for index, operand in enumerate(message.operands[:MAX_OPERANDS])
        ]
        return tuple(operand for operand in read if operand is not None)
