"""`expression = ...` of a condition in the settings file."""

import re
from typing import Any, Final

from directflow_conditions.expressions.expression import MAX_OPERANDS, AllOf, AnyOf, Expression, Named, Negation
from directflow_conditions.expressions.plan import MAX_DEPTH

_ID: Final = "[A-Za-z0-9][A-Za-z0-9_-]{0,62}"
_NAME: Final = re.compile(f"(?:workspaces/(?P<workspace>{_ID})/conditions/)?{_ID}")
_FORMS: Final = "a condition, { all_of = [...] }, { any_of = [...] } or { negation = ... }"


def expression_from(written: Any, workspace: str, path: str = "expression", level: int = 1) -> Expression:
    """The expression that the file holds; a condition is an id of the same workspace, or a full name.

    Raises ValueError, which says where and what.
    """
    if level > MAX_DEPTH:
        raise ValueError(f"expression nests deeper than {MAX_DEPTH}")
    match written:
        case str():
            return Named(_full_name(written, workspace, path))
        case {"negation": operand} if len(written) == 1:
            return Negation(expression_from(operand, workspace, f"{path}.negation", level + 1))
        case {"all_of": operands} if len(written) == 1:
            return AllOf(_operands(operands, workspace, f"{path}.all_of", level))
        case {"any_of": operands} if len(written) == 1:
            return AnyOf(_operands(operands, workspace, f"{path}.any_of", level))
        case dict() if unknown := sorted(set(written) - {"negation", "all_of", "any_of"}):
            raise ValueError(f"unknown setting {path}.{unknown[0]}")
        case _:
            raise ValueError(f"{path}: exactly one of {_FORMS}")


def _operands(written: Any, workspace: str, path: str, level: int) -> tuple[Expression, ...]:
    if not isinstance(written, list | tuple) or not 1 <= len(written) <= MAX_OPERANDS:
        raise ValueError(f"{path}: a list of 1 to {MAX_OPERANDS} operands")
    return tuple(
        expression_from(operand, workspace, f"{path}.{index}", level + 1) for index, operand in enumerate(written)
    )


def _full_name(written: str, workspace: str, path: str) -> str:
    read = _NAME.fullmatch(written)
    if read is None:
        raise ValueError(f"{path}: is no id and no name of a condition")
    if read["workspace"] is None:
        return f"workspaces/{workspace}/conditions/{written}"
    if read["workspace"] != workspace:
        raise ValueError(f"{path}: names a condition of another workspace")
    return written
