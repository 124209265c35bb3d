"""What is wrong with an expression among the conditions that are saved: names, circles, depth."""

import asyncio
import difflib
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Final, Protocol

from directflow_runtime.errors import DirectFlowError, Problem

from directflow_conditions.condition import Condition
from directflow_conditions.expressions.expression import AllOf, AnyOf, Expression, Named, Negation
from directflow_conditions.expressions.plan import EXPRESSIONS, plan_of
from directflow_conditions.predicates.predicate import BucketPredicate

FIELD: Final = "expression"
NOT_FOUND: Final = "REFERENCE_NOT_FOUND"


class Catalogue(Protocol):
    """The conditions of a workspace."""

    def find(self, name: str) -> Condition | None:
        """The condition of that resource name, or None."""

    def names(self, workspace: str) -> Iterable[str]:
        """Names of all that are known of a workspace."""

    async def learn(self, names: Iterable[str]) -> None:
        """Looks for conditions that are not known yet, where they are saved; another replica may have saved them."""


async def check_expression(condition: Condition, expression: Expression, catalogue: Catalogue) -> list[Problem]:
    """Everything at once, for a new revision among what is saved. Raises what the catalogue raises."""
    await _learn(expression, catalogue)
    missing = [(path, name) for path, name in named_in(expression) if _unknown(name, condition, catalogue)]
    problems = [_not_found(path, name, condition, catalogue) for path, name in missing]
    changed = Changed(condition, {name for _, name in missing}, catalogue)
    own = _failure(changed, condition.name)
    if own is not None:
        return [*problems, _broken(own, expression)]
    return [*problems, *[one async for one in _broken_users(changed, catalogue)]]


def named_in(expression: Expression, path: str = FIELD) -> Iterator[tuple[str, str]]:
    """Path and name of every condition that an expression names, in its order."""
    match expression:
        case Named(name):
            yield f"{path}.condition", name
        case Negation(operand):
            yield from named_in(operand, f"{path}.negation")
        case AllOf(operands) | AnyOf(operands):
            join = "all_of" if isinstance(expression, AllOf) else "any_of"
            for index, operand in enumerate(operands):
                yield from named_in(operand, f"{path}.{join}.operands[{index}]")


class Changed:
    """The saved conditions with one of them changed; what is not there stands in as a leaf, so that all else shows."""

    def __init__(self, condition: Condition, missing: Iterable[str], saved: Catalogue) -> None:
        self.condition = condition
        self._stand_ins = {name: Condition(name, BucketPredicate("-", 0, 0)) for name in missing}
        self._saved = saved

    def find(self, name: str) -> Condition | None:
        """The condition of that name, after the change."""
        if name == self.condition.name:
            return self.condition
        return self._saved.find(name) or self._stand_ins.get(name)


async def _learn(expression: Expression, catalogue: Catalogue) -> None:
    seen: set[str] = set()
    asked = {name for _, name in named_in(expression)}
    while asked:
        await catalogue.learn(name for name in asked if catalogue.find(name) is None)
        seen |= asked
        found = [one for name in asked if (one := catalogue.find(name)) is not None]
        asked = {name for one in found for name in _names_of(one)} - seen


def _names_of(condition: Condition) -> Iterator[str]:
    definition = condition.definition
    if isinstance(definition, EXPRESSIONS):
        yield from (name for _, name in named_in(definition))


def _unknown(name: str, condition: Condition, catalogue: Catalogue) -> bool:
    return name != condition.name and catalogue.find(name) is None


def _not_found(path: str, name: str, condition: Condition, catalogue: Catalogue) -> Problem:
    ids = {one.rpartition("/")[2]: one for one in catalogue.names(condition.workspace) if one != condition.name}
    close = difflib.get_close_matches(name.rpartition("/")[2], sorted(ids), n=1)
    hint = f"Did you mean {ids[close[0]]}?" if close else "Save that condition first."
    return Problem(NOT_FOUND, f"There is no condition {name}.", field=path, token=name, hint=hint)


def _failure(definitions: Changed | Catalogue, name: str) -> DirectFlowError | None:
    try:
        plan_of(definitions, name)
    except DirectFlowError as error:
        return error
    return None


def _broken(error: DirectFlowError, expression: Expression) -> Problem:
    circle = error.metadata.get("circle", "").split(" ")
    path = next((path for path, name in named_in(expression) if name in circle[1:]), FIELD)
    return Problem(_rule(error), f"{error.message[0].upper()}{error.message[1:]}.", field=path)


def _rule(error: DirectFlowError) -> str:
    return "EXPRESSION_TOO_LARGE" if error.reason == "DEFINITION_BROKEN" else error.reason


async def _broken_users(changed: Changed, catalogue: Catalogue) -> AsyncIterator[Problem]:
    for user in _users(changed.condition, catalogue):
        await asyncio.sleep(0)  # a condition that thousands use must not hold every call up
        error = _failure(changed, user)
        if error is not None and _failure(catalogue, user) is None:
            message = f"With this change {user}, which uses it, cannot be evaluated: {error.message}."
            yield Problem(_rule(error), message, field=FIELD, token=user)


def _users(condition: Condition, catalogue: Catalogue) -> list[str]:
    """Names of the conditions that use this one, also through others."""
    used_by: dict[str, list[str]] = {}
    for name in catalogue.names(condition.workspace):
        found = catalogue.find(name)
        for used in _names_of(found) if found is not None else ():
            used_by.setdefault(used, []).append(name)
    reached: dict[str, None] = {condition.name: None}
    waiting = [condition.name]
    while waiting:
        for user in used_by.get(waiting.pop(), ()):
            if user not in reached:
                reached[user] = None
                waiting.append(user)
    return [name for name in reached if name != condition.name]
