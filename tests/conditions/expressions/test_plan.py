"""Planning an expression: distinct leaves, depth, cycles, names."""

from collections.abc import Mapping

import pytest
from directflow_conditions.condition import Condition, FixedDefinitions, SqlQuery
from directflow_conditions.expressions.expression import AllOf, AnyOf, Expression, Named, Negation
from directflow_conditions.expressions.plan import MAX_DEPTH, Plan, plan_of
from directflow_conditions.policies import RAW_CODES, Decision, Policy, Raw
from directflow_runtime.errors import DirectFlowError, StatusCode

PREFIX = "workspaces/w/conditions/"
SQL = SqlQuery("workspaces/w/connections/main", "SELECT true AS result")


def named(name: str) -> Named:
    return Named(PREFIX + name)


def nested(levels: int, innermost: Expression) -> Expression:
    for _ in range(levels):
        innermost = Negation(innermost)
    return innermost


def plan(**expressions: Expression | SqlQuery | Condition) -> Plan:
    """The plan of `root` among these and the leaves `a`, `b` and `c`."""
    leaves = dict.fromkeys("abc", SQL)
    conditions = [
        one if isinstance(one, Condition) else Condition(PREFIX + name, one)
        for name, one in {**leaves, **expressions}.items()
    ]
    return plan_of(FixedDefinitions(conditions), PREFIX + "root")


def refusal(**expressions: Expression) -> DirectFlowError:
    with pytest.raises(DirectFlowError) as caught:
        plan(**expressions)
    return caught.value


def leaf_names(planned: Plan) -> list[str]:
    return [leaf.name.removeprefix(PREFIX) for leaf in planned.leaves]


def raw_of(planned: Plan, outcomes: Mapping[str, Raw]) -> list[Raw]:
    assert planned.formula is not None
    raws = [bytes([RAW_CODES[outcomes[name]]]) for name in leaf_names(planned)]
    return [raw for code in planned.formula.evaluate(raws).raw for raw in Raw if RAW_CODES[raw] == code]


def test_each_distinct_leaf_is_asked_once_however_often_it_is_named() -> None:
    inner = AllOf((named("b"), named("a")))
    planned = plan(root=AnyOf((named("a"), named("inner"), named("inner"), Negation(named("b")))), inner=inner)
    assert leaf_names(planned) == ["a", "b"]


def test_a_condition_over_sql_is_its_own_only_leaf() -> None:
    planned = plan(root=SQL)
    assert (leaf_names(planned), planned.formula) == (["root"], None)


@pytest.mark.parametrize(
    ("root", "deep"),
    [
        (nested(MAX_DEPTH - 1, named("a")), False),
        (nested(MAX_DEPTH, named("a")), True),
        (nested(30, named("other")), False),  # 30 NOTs, the name, 32 NOTs, the leaf
        (nested(31, named("other")), True),
        (AllOf((named("other"), nested(31, named("other")))), True),  # the deeper of two ways counts
        (AllOf((nested(31, named("other")), named("other"))), True),
    ],
)
def test_depth_counts_every_level_to_the_leaf_through_the_conditions_that_are_named(
    root: Expression, deep: bool
) -> None:
    other = nested(32, named("a"))
    if not deep:
        plan(root=root, other=other)
        return
    error = refusal(root=root, other=other)
    assert (error.code, error.reason) == (StatusCode.FAILED_PRECONDITION, "EXPRESSION_TOO_DEEP")
    assert error.metadata["limit"] == "64"


def test_a_long_chain_of_names_is_too_deep_and_no_crash() -> None:
    chain = {f"e{number}": named(f"e{number + 1}") for number in range(5_000)}
    assert refusal(root=named("e0"), **chain, e5000=named("a")).reason == "EXPRESSION_TOO_DEEP"


@pytest.mark.parametrize(
    ("expressions", "circle"),
    [
        ({"root": Negation(named("root"))}, "root -> root"),
        ({"root": AllOf((named("a"), named("x"))), "x": AnyOf((named("y"),)), "y": named("x")}, "x -> y -> x"),
        ({"root": named("x"), "x": named("root")}, "root -> x -> root"),
    ],
)
def test_a_cycle_is_refused_and_shown(expressions: dict[str, Expression], circle: str) -> None:
    error = refusal(**expressions)
    assert (error.code, error.reason) == (StatusCode.FAILED_PRECONDITION, "EXPRESSION_CYCLE")
    assert error.message.replace(PREFIX, "").endswith(circle)


def test_a_diamond_is_no_cycle_and_costs_no_exponential_time() -> None:
    # Each names the next one twice: 2 to the 60th ways from the root to the leaf.
    chain: dict[str, Expression] = {f"e{number}": AllOf((named(f"e{number + 1}"),) * 2) for number in range(30)}
    planned = plan(root=named("e0"), **chain, e30=named("a"))
    assert raw_of(planned, {"a": Raw.TRUE}) == [Raw.TRUE]


def test_an_expression_of_thousands_of_parts_is_refused() -> None:
    wide = AllOf(tuple(AnyOf(tuple(Negation(named("a")) for _ in range(64))) for _ in range(64)))
    assert refusal(root=wide).reason == "DEFINITION_BROKEN"


def test_a_condition_that_is_not_there_is_named() -> None:
    error = refusal(root=AllOf((named("a"), named("gone"))))
    assert (error.code, error.reason) == (StatusCode.NOT_FOUND, "CONDITION_NOT_FOUND")
    assert error.metadata["condition"] == PREFIX + "gone"


def test_another_workspaces_condition_does_not_exist_for_an_expression() -> None:
    other = Condition("workspaces/v/conditions/a", SQL)
    conditions = FixedDefinitions([other, Condition(PREFIX + "root", Named(other.name))])
    with pytest.raises(DirectFlowError) as caught:
        plan_of(conditions, PREFIX + "root")
    assert caught.value.reason == "CONDITION_NOT_FOUND"


def test_the_policy_of_a_named_expression_decides_its_error_and_no_other_policy_field_does() -> None:
    inner = Condition(PREFIX + "inner", Negation(named("a")), Policy(on_error=Decision.FALSE, on_null=Decision.TRUE))
    planned = plan(root=Negation(named("inner")), inner=inner)
    assert raw_of(planned, {"a": Raw.ERROR}) == [Raw.TRUE]
    assert raw_of(planned, {"a": Raw.NULL}) == [Raw.FALSE]  # the leaf's own policy: NULL is FALSE, before NOT


def test_the_cause_of_an_error_is_the_leaf_that_decides_and_not_one_that_is_absorbed() -> None:
    planned = plan(root=AnyOf((AllOf((named("a"), named("b"))), Negation(named("c")))))
    assert planned.formula is not None
    raws = [bytes([RAW_CODES[raw]]) for raw in (Raw.ERROR, Raw.FALSE, Raw.ERROR)]
    evaluated = planned.formula.evaluate(raws)
    assert (evaluated.undecided(), evaluated.cause(0)) == ([0], 2)
