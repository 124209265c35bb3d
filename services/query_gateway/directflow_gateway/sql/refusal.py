"""How this package says no."""

from collections.abc import Sequence

from directflow_runtime.errors import DirectFlowError, FieldViolation, Problem, StatusCode


class StatementRefused(DirectFlowError):
    """The template or its statement is refused; `problems` names every reason that was found, by place."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        first = problems[0]
        place = f" (line {first.line}, column {first.column})" if first.line else ""
        more = f" And {len(problems) - 1} more." if len(problems) > 1 else ""
        super().__init__(
            StatusCode.INVALID_ARGUMENT, "STATEMENT_REFUSED", f"{first.message}{place}{more}", problems=problems
        )


def variable_rejected(name: str, description: str, reason: str) -> DirectFlowError:
    """The error for a variable's value that cannot be used. It names the variable and never shows the value."""
    return DirectFlowError(
        StatusCode.INVALID_ARGUMENT,
        "VARIABLE_REJECTED",
        f"The variable {name} {description}.",
        metadata={"variable": name},
        violations=[FieldViolation(f"variables.{name}", f"The value {description}.", reason)],
    )
