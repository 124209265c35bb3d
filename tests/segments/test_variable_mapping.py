"""Which rule gives a variable its value, and what is said when none does."""

from dataclasses import replace
from typing import Any

import pytest
from directflow_runtime.errors import DirectFlowError, StatusCode
from directflow_segments.data_sources import DataSource, Kind, Role, Variable
from directflow_segments.mapping import Given, Mapped, map_variables

SEGMENT = {"id": 7, "community_name": "Berlin", "plan_type": "premium"}


def data_source(generator: str = "", preload: str = "", **more: Any) -> DataSource:
    return DataSource(
        "workspaces/w/dataSources/d", "workspaces/w/connections/c", generator, "SELECT 1", preload, **more
    )


def tags(*names: str) -> str:
    return "SELECT " + ", ".join(f"'<%= {name} %>'" for name in names)


def mapped(source: DataSource, given: Given, role: Role = Role.GENERATOR) -> Mapped:
    return map_variables(source, source.query(role), given)


def rules(result: Mapped) -> dict[str, str]:
    return {source.name: source.rule for source in result.sources}


def refusal(source: DataSource, given: Given, role: Role = Role.GENERATOR) -> DirectFlowError:
    with pytest.raises(DirectFlowError) as raised:
        mapped(source, given, role)
    return raised.value


def test_the_documented_example_takes_the_id_by_name_alone_and_says_so() -> None:
    result = mapped(data_source(tags("community_id")), Given(segment=SEGMENT))
    assert result.values == {"community_id": 7}
    (source,) = result.sources
    assert (source.rule, source.column) == ("segment id", "id")
    assert "bind it" in source.warning


def test_a_binding_beats_a_column_of_the_same_name() -> None:
    source = data_source(tags("plan_type"), bindings={"plan_type": "community_name"})
    result = mapped(source, Given(segment=SEGMENT, caller={"plan_type": "x"}))
    assert result.values == {"plan_type": "Berlin"}
    assert rules(result) == {"plan_type": "binding"}


def test_a_column_of_the_same_name_beats_the_caller_and_the_report_says_so() -> None:
    result = mapped(data_source(tags("plan_type")), Given(segment=SEGMENT, caller={"plan_type": "free"}))
    assert result.values == {"plan_type": "premium"}
    assert "caller's value was not used" in result.sources[0].warning
    agreeing = mapped(data_source(tags("plan_type")), Given(segment=SEGMENT, caller={"plan_type": "premium"}))
    assert agreeing.sources[0].warning == ""


def test_the_caller_beats_the_guess_by_name() -> None:
    result = mapped(data_source(tags("community_id")), Given(segment=SEGMENT, caller={"community_id": 9}))
    assert result.values == {"community_id": 9}
    assert rules(result) == {"community_id": "caller"}


def test_the_guess_needs_exactly_one_variable_that_is_left() -> None:
    one_left = mapped(data_source(tags("community_id", "plan_type", "x")), Given(segment=SEGMENT, caller={"x": 1}))
    assert rules(one_left) == {"community_id": "segment id", "plan_type": "same name", "x": "caller"}
    error = refusal(data_source(tags("community_id", "region_id")), Given(segment=SEGMENT))
    assert [violation.field for violation in error.violations] == ["variables.community_id", "variables.region_id"]


def test_a_default_fills_in_and_leaves_the_guess_to_the_others() -> None:
    source = data_source(
        tags("community_id", "days"), variables=(Variable("days", Kind.INTEGER, optional=True, default=30),)
    )
    result = mapped(source, Given(segment=SEGMENT))
    assert result.values == {"community_id": 7, "days": 30}
    assert rules(result) == {"community_id": "segment id", "days": "default"}


@pytest.mark.parametrize("name", ["community", "id_community", "_id", "communityid"])
def test_the_guess_is_for_names_that_end_in_id_only(name: str) -> None:
    assert refusal(data_source(tags(name)), Given(segment=SEGMENT)).reason == "VARIABLE_MISSING"


def test_the_guess_needs_a_column_id() -> None:
    assert refusal(data_source(tags("community_id")), Given(segment={"key": 1})).reason == "VARIABLE_MISSING"
    assert refusal(data_source(tags("community_id")), Given()).reason == "VARIABLE_MISSING"


def test_a_preload_never_takes_a_segments_id_for_a_persons() -> None:
    source = data_source("SELECT 1", tags("user_id"))
    error = refusal(source, Given(segment=SEGMENT, has_person=True), Role.PRELOAD)
    assert error.reason == "VARIABLE_MISSING"


def test_in_a_preload_the_person_comes_first_and_travels_apart() -> None:
    source = data_source("SELECT 1", tags("profile_id", "lang"), bindings={"profile_id": "id"})
    result = mapped(source, Given(caller={"profile_id": "somebody else", "lang": "de"}, has_person=True), Role.PRELOAD)
    assert result.values == {"lang": "de"}
    assert rules(result) == {"profile_id": "profile", "lang": "caller"}


def test_null_in_a_segment_is_a_value() -> None:
    result = mapped(data_source(tags("plan_type")), Given(segment=SEGMENT | {"plan_type": None}))
    assert result.values == {"plan_type": None}


def test_everything_that_is_wrong_is_told_at_once() -> None:
    error = refusal(data_source(tags("a", "b")), Given(caller={"aa": 1, "zz": 2}))
    assert error.code == StatusCode.INVALID_ARGUMENT
    assert [(v.field, v.reason) for v in error.violations] == [
        ("variables.a", "VARIABLE_MISSING"),
        ("variables.b", "VARIABLE_MISSING"),
        ("variables.aa", "VARIABLE_UNKNOWN"),
        ("variables.zz", "VARIABLE_UNKNOWN"),
    ]
    assert error.metadata["variable"] == "a"


def test_an_unknown_variable_is_told_what_it_may_have_meant() -> None:
    error = refusal(data_source(tags("community_id")), Given(segment=SEGMENT, caller={"comunity_id": 1}))
    assert error.reason == "VARIABLE_UNKNOWN"
    assert "did you mean community_id?" in error.message


def test_a_variable_of_another_query_of_the_data_source_is_known() -> None:
    source = replace(data_source(tags("a")), discovery_sql=tags("region"))
    assert mapped(source, Given(caller={"a": 1, "region": "north"})).values == {"a": 1}


def test_a_binding_to_a_column_that_is_not_there_breaks_the_contract() -> None:
    error = refusal(data_source(tags("a"), bindings={"a": "gone"}), Given(segment=SEGMENT))
    assert (error.code, error.reason) == (StatusCode.FAILED_PRECONDITION, "CONTRACT_BROKEN")
    assert '"gone"' in error.message


def test_without_a_segment_a_bound_variable_may_come_from_the_caller() -> None:
    result = mapped(data_source(tags("a"), bindings={"a": "id"}), Given(caller={"a": 1}))
    assert rules(result) == {"a": "caller"}


def test_a_query_that_the_data_source_does_not_have_is_named() -> None:
    with pytest.raises(DirectFlowError, match="no preload query"):
        data_source("SELECT 1").query(Role.PRELOAD)


def test_no_value_is_shown_by_a_repr() -> None:
    secret = "s3cret"
    given = Given(caller={"a": secret}, segment={"id": secret})
    source = data_source(tags("a"), variables=(Variable("a", default=secret, optional=True),))
    assert secret not in repr(given) + repr(mapped(source, given)) + repr(source)
