"""An expression among the conditions that are saved: names, circles and depth, also of those that use it."""

from collections.abc import Iterable

import pytest
from directflow_conditions.condition import Condition
from directflow_conditions.definitions.expression_check import check_expression
from directflow_conditions.expressions.expression import AllOf, AnyOf, Expression, Named, Negation
from directflow_conditions.predicates.predicate import BucketPredicate
from directflow_runtime.errors import Problem

PREFIX = "workspaces/acme/conditions/"
LEAF = BucketPredicate("x", 0, 1)


class Conditions:
    """Some conditions, and others that only the store knows of."""

    def __init__(self, known: dict[str, Expression], unheard: dict[str, Expression] | None = None) -> None:
        self._known = {PREFIX + id: Condition(PREFIX + id, definition) for id, definition in known.items()}
        self._unheard = {PREFIX + id: Condition(PREFIX + id, one) for id, one in (unheard or {}).items()}
        self.looked_up: list[str] = []

    def find(self, name: str) -> Condition | None:
        return self._known.get(name)

    def names(self, workspace: str) -> Iterable[str]:
        return [name for name in self._known if name.startswith(f"workspaces/{workspace}/")]

    async def learn(self, names: Iterable[str]) -> None:
        for name in names:
            self.looked_up.append(name)
            if name in self._unheard:
                self._known[name] = self._unheard[name]


def named(id: str) -> Named:
    return Named(PREFIX + id)


def negations(depth: int, of: str) -> Expression:
    """An expression that is `depth` levels deep, its leaf included."""
    expression: Expression = named(of)
    for _ in range(depth - 1):
        expression = Negation(expression)
    return expression


async def problems(id: str, expression: Expression, conditions: Conditions) -> list[Problem]:
    return await check_expression(Condition(PREFIX + id, expression), expression, conditions)


async def test_a_sound_expression_has_no_problem_and_asks_the_store_nothing() -> None:
    conditions = Conditions({"a": LEAF, "b": Negation(named("a"))})
    assert await problems("c", AllOf((named("a"), AnyOf((named("b"), Negation(named("a")))))), conditions) == []
    assert conditions.looked_up == []


async def test_every_condition_that_is_not_there_is_told_with_its_place_and_what_was_meant() -> None:
    expression = AllOf((named("premium"), Negation(named("premum")), AnyOf((named("zzz"),))))
    found = await problems("c", expression, Conditions({"premium": LEAF}))
    assert [(one.rule, one.field, one.token) for one in found] == [
        ("REFERENCE_NOT_FOUND", "expression.all_of.operands[1].negation.condition", PREFIX + "premum"),
        ("REFERENCE_NOT_FOUND", "expression.all_of.operands[2].any_of.operands[0].condition", PREFIX + "zzz"),
    ]
    assert found[0].hint == f"Did you mean {PREFIX}premium?"


async def test_a_condition_that_another_replica_saved_a_moment_ago_is_there() -> None:
    conditions = Conditions({}, unheard={"b": Negation(named("a")), "a": LEAF})
    assert await problems("c", Negation(named("b")), conditions) == []


async def test_an_expression_that_names_itself_is_a_circle() -> None:
    (problem,) = await problems("a", AllOf((named("b"), Negation(named("a")))), Conditions({"b": LEAF}))
    assert (problem.rule, problem.field) == ("EXPRESSION_CYCLE", "expression.all_of.operands[1].negation.condition")


async def test_a_circle_through_what_is_saved_is_told_whole_and_where_it_begins() -> None:
    conditions = Conditions({"a": LEAF, "b": Negation(named("a")), "c": Negation(named("b")), "x": LEAF})
    (problem,) = await problems("a", AnyOf((named("x"), named("c"))), conditions)
    assert (problem.rule, problem.field) == ("EXPRESSION_CYCLE", "expression.any_of.operands[1].condition")
    assert " -> ".join(PREFIX + id for id in "acba") in problem.message


async def test_a_new_version_that_opens_a_circle_is_sound() -> None:
    conditions = Conditions({"a": Negation(named("b")), "b": Negation(named("a")), "x": LEAF})
    assert await problems("a", Negation(named("x")), conditions) == []


async def test_a_missing_name_hides_no_circle() -> None:
    conditions = Conditions({"a": LEAF, "b": Negation(named("a"))})
    found = await problems("a", AllOf((named("gone"), named("b"))), conditions)
    assert [one.rule for one in found] == ["REFERENCE_NOT_FOUND", "EXPRESSION_CYCLE"]


@pytest.mark.parametrize(("depth", "rules"), [(33, []), (34, ["EXPRESSION_TOO_DEEP"])])
async def test_depth_counts_through_the_conditions_that_are_named(depth: int, rules: list[str]) -> None:
    conditions = Conditions({"a": LEAF, "b": negations(30, "a")})  # 31 levels when it is named
    found = await problems("c", negations(depth + 1, "b"), conditions)
    assert [one.rule for one in found] == rules


@pytest.mark.parametrize(("depth", "broken"), [(45, 0), (46, 1)])
async def test_a_change_that_makes_a_condition_that_uses_it_too_deep_is_refused_and_names_it(
    depth: int, broken: int
) -> None:
    conditions = Conditions(
        {"x": LEAF, "low": LEAF, "middle": negations(10, "low"), "high": negations(9, "middle"), "other": LEAF}
    )
    found = await problems("low", negations(depth, "x"), conditions)
    assert [(one.rule, one.field, one.token) for one in found] == [
        ("EXPRESSION_TOO_DEEP", "expression", PREFIX + "high")
    ] * broken


async def test_a_condition_that_was_broken_before_keeps_nobody_from_saving() -> None:
    deep = negations(60, "low")
    conditions = Conditions({"x": LEAF, "low": negations(10, "x"), "deep": deep})
    assert await problems("low", negations(11, "x"), conditions) == []
