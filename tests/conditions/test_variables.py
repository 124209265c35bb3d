"""Who supplies a variable, and what a caller is told about all that is wrong with its values."""

from collections.abc import Collection, Mapping

import pytest
from directflow_conditions.condition import Condition, SqlQuery, Value, Variable
from directflow_conditions.variables import check, settled
from directflow_runtime.errors import DirectFlowError, StatusCode


def condition(sql: str, *declared: Variable, name: str = "c") -> Condition:
    return Condition(f"workspaces/w/conditions/{name}", SqlQuery("workspaces/w/connections/main", sql, declared))


def constants(asked: Condition, given: Mapping[str, Value], columns: Collection[str] = ()) -> dict[str, Value]:
    assert isinstance(asked.definition, SqlQuery)
    return settled(asked.definition, given, columns)


PREMIUM = condition("SELECT plan = '<%= plan %>' AS result FROM users WHERE id = '<%= profile_id %>'")


def refusal(*conditions: Condition, given: dict[str, Value]) -> DirectFlowError:
    with pytest.raises(DirectFlowError) as caught:
        check(conditions, given)
    assert caught.value.code is StatusCode.INVALID_ARGUMENT
    return caught.value


def told(error: DirectFlowError) -> list[tuple[str, str]]:
    return [(violation.field, violation.reason) for violation in error.violations]


def test_the_person_is_no_constant_and_the_caller_gives_the_rest() -> None:
    check([PREMIUM], {"plan": "premium"})
    assert constants(PREMIUM, {"plan": "premium"}) == {"plan": "premium"}


def test_a_callers_profile_id_never_replaces_the_person() -> None:
    given: dict[str, Value] = {"plan": "premium", "profile_id": "somebody else"}
    check([PREMIUM], given)
    assert constants(PREMIUM, given) == {"plan": "premium"}


def test_a_missing_value_is_named_with_the_condition_that_needs_it() -> None:
    error = refusal(PREMIUM, given={})
    assert (error.reason, error.metadata["variable"]) == ("VARIABLE_MISSING", "plan")
    assert "workspaces/w/conditions/c" in error.message


def test_all_problems_come_at_once() -> None:
    error = refusal(condition("SELECT <%= a %> = <%= b %> AS result"), given={"c": 1, "d": 2, "a": 3})
    assert told(error) == [
        ("variables.b", "VARIABLE_MISSING"),
        ("variables.c", "VARIABLE_UNKNOWN"),
        ("variables.d", "VARIABLE_UNKNOWN"),
    ]


def test_a_misspelt_name_is_told_the_name_it_is_close_to() -> None:
    error = refusal(condition("SELECT 1 = <%= community_id %> AS result"), given={"comunity_id": 1})
    assert "did you mean community_id?" in error.violations[1].description


def test_no_message_repeats_a_value() -> None:
    error = refusal(PREMIUM, given={"plam": "ada@example.com"})
    assert "ada@example.com" not in repr(error) + str(error.violations) + str(error.metadata)


def test_an_optional_variable_gets_its_default_and_without_one_null() -> None:
    optional = condition(
        "SELECT <%= a %> = <%= b %> AS result",
        Variable("a", optional=True, default=7),
        Variable("b", optional=True),
    )
    check([optional], {})
    assert constants(optional, {}) == {"a": 7, "b": None}
    assert constants(optional, {"a": 1}) == {"a": 1, "b": None}


def test_an_explicit_null_is_a_value() -> None:
    check([PREMIUM], {"plan": None})
    assert constants(PREMIUM, {"plan": None}) == {"plan": None}


def test_a_declared_variable_that_the_sql_no_longer_uses_may_be_sent_and_is_left_out() -> None:
    stale = condition("SELECT true AS result", Variable("old"))
    check([stale], {"old": 1})
    assert constants(stale, {"old": 1}) == {}


def test_of_several_conditions_one_that_knows_the_name_is_enough() -> None:
    other = condition("SELECT <%= level %> > 1 AS result", name="d")
    check([PREMIUM, other], {"plan": "x", "level": 1})
    assert told(refusal(PREMIUM, other, given={"plan": "x", "lvel": 1})) == [
        ("variables.level", "VARIABLE_MISSING"),
        ("variables.lvel", "VARIABLE_UNKNOWN"),
    ]


def test_a_default_value_does_not_show_in_a_repr() -> None:
    assert "ada@example.com" not in repr(Variable("email", default="ada@example.com"))


def test_a_column_supplies_a_variable_as_a_constant_does_and_is_no_constant() -> None:
    check([PREMIUM], {}, ["plan"])
    assert constants(PREMIUM, {}, ["plan"]) == {}


def test_a_list_cannot_come_as_a_column_whose_cells_are_scalars() -> None:
    tags = condition("SELECT tag IN (<%= tags %>) AS result FROM users", Variable("tags", is_list=True))
    with pytest.raises(DirectFlowError) as caught:
        check([tags], {}, ["tags"])
    assert told(caught.value) == [("variables.tags", "INVALID_REQUEST")]
