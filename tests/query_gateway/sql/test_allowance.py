"""The entries of allowed_functions, as people write them."""

import pytest
from directflow_gateway.sql.allowance import Allowance


@pytest.mark.parametrize("entry", ["df.label", " df.label ", "df.label(members)", "df.label (m members, integer)"])
def test_a_function_of_one_schema(entry: str) -> None:
    allowance = Allowance.of([entry])
    assert allowance.function("df", "label")
    assert not allowance.function("evil", "label")
    assert allowance.may_call("label")
    assert allowance.may_call("label", "df")
    assert not allowance.may_call("label", "evil")
    assert not allowance.may_call("abel")


def test_a_function_of_any_schema() -> None:
    assert Allowance.of(["label"]).function("anything", "label")


def test_kinds_are_kept_apart() -> None:
    allowance = Allowance.of(["operator:public.%", "relation:df.remote", "column:ctid"])
    assert allowance.operator("public", "%")
    assert not allowance.operator("evil", "%")
    assert allowance.relation("df", "remote")
    assert allowance.column("ctid")
    assert not any((allowance.may_call("remote"), allowance.may_call("%"), allowance.may_call("ctid")))
    assert not Allowance.of(["remote"]).relation("df", "remote")


def test_nothing_is_allowed_by_default() -> None:
    assert not Allowance().may_call("")
    assert not Allowance.of(["", " "]).may_call("x")
