"""A condition that a newer version saved: to whoever evaluates it, it is there, and this version cannot read it."""

from typing import Any

import pytest
from directflow_conditions.batches import BatchEvaluator
from directflow_conditions.condition import Condition
from directflow_conditions.definitions.definition import CachedDefinitions, Definition
from directflow_conditions.evaluation import Evaluator, Subject
from directflow_conditions.expressions.expression import Named, Negation
from directflow_runtime.definitions.cache import DefinitionCache
from directflow_runtime.definitions.document import Document, SnapshotEnd
from directflow_runtime.errors import DirectFlowError, StatusCode
from structlog.testing import CapturingLogger

PREFIX = "workspaces/acme/conditions/"
NEWER, USER, STRANGER = PREFIX + "newer", PREFIX + "user", "workspaces/other/conditions/stranger"
BROKEN = (StatusCode.FAILED_PRECONDITION, "DEFINITION_BROKEN")
NOT_FOUND = (StatusCode.NOT_FOUND, "CONDITION_NOT_FOUND")


def _unreadable(document: Document) -> Definition:
    raise ValueError("of a newer version")


@pytest.fixture
def definitions() -> CachedDefinitions:
    fixed = [Condition(USER, Negation(Named(NEWER))), Condition(STRANGER, Negation(Named(NEWER)))]
    log: Any = CapturingLogger()
    cache = DefinitionCache(_unreadable, log, {one.name: Definition(one, b"") for one in fixed})
    cache.accept(Document(NEWER, b"body", revision=1))
    cache.accept(SnapshotEnd(1))
    return CachedDefinitions(cache)


class Nobody:
    """An asker that must not be asked."""

    async def ask(self, question: Any) -> Any:
        raise AssertionError("nothing is asked")


async def refusal(definitions: CachedDefinitions, *names: str) -> tuple[StatusCode, str]:
    with pytest.raises(DirectFlowError) as alone:
        await Evaluator(definitions, Nobody(), 1).evaluate_all(names, Subject("42", {}))
    gateway: Any = Nobody()
    with pytest.raises(DirectFlowError) as many:
        BatchEvaluator(definitions, gateway, 1).start(names[0], {})
    assert str(alone.value) == str(many.value)
    if alone.value.reason == "DEFINITION_BROKEN":
        assert f"{NEWER} was saved by a newer version" in alone.value.message
    return alone.value.code, alone.value.reason


async def test_it_is_told_apart_from_one_that_is_not_there(definitions: CachedDefinitions) -> None:
    assert await refusal(definitions, NEWER) == BROKEN
    assert await refusal(definitions, PREFIX + "gone") == NOT_FOUND


async def test_an_expression_that_names_it_says_which_one_it_is(definitions: CachedDefinitions) -> None:
    assert await refusal(definitions, USER) == BROKEN


async def test_an_expression_of_another_workspace_does_not_tell_that_it_is_there(
    definitions: CachedDefinitions,
) -> None:
    assert await refusal(definitions, STRANGER) == NOT_FOUND
