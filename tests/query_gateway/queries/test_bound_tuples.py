"""Many tuples are bound column by column, and to the very texts that each would be bound to alone."""

from typing import Any

import pytest
from directflow_gateway.queries.sets.tuples import BoundTuples, Tuples, bind_tuples
from directflow_gateway.sql import Kind, Variable, bind, compile_template
from directflow_runtime.errors import DirectFlowError

SQL = """SELECT plan = '<%= plan %>' AND seen > now() - INTERVAL '<%= days %>' DAY AND name LIKE '%<%= part %>%'
  AS result FROM users WHERE id = <%= id %>"""
VARIABLES = [Variable("days", Kind.INTEGER), Variable("id", Kind.INTEGER)]
COLUMNS: dict[str, list[Any]] = {
    "plan": ["free", "pro", None, "free", "free", "Ż", "\ud800", "n\x00l", "free"],
    "days": [1, 2, 3, 1, 1, 5, 6, 7, "x"],
    "part": ["a", "b", "c", "a", "a", "%", "g", "h", "i"],
    "id": [1, 2, 3, 1, 1, 2**63 - 1, 7, 8, 9],
}


def compiled(sql: str = SQL) -> Any:
    return compile_template(sql, VARIABLES)


def bound(columns: dict[str, list[Any]], constants: dict[str, Any] | None = None, **options: Any) -> BoundTuples:
    count = len(next(iter(columns.values())))
    return bind_tuples(compiled(), Tuples.of(count, constants or {}, columns), **options)


def alone(index: int) -> tuple[str | None, ...] | str:
    try:
        return bind(compiled(), {name: cells[index] for name, cells in COLUMNS.items()})
    except DirectFlowError as error:
        return error.message


@pytest.mark.parametrize("distinct", [True, False])
def test_every_tuple_is_bound_as_it_would_be_alone(distinct: bool) -> None:
    told = bound(COLUMNS, distinct=distinct)
    for index in range(9):
        expected = alone(index)
        if isinstance(expected, str):
            assert told.refused[index].message == expected
        else:
            assert told.texts(told.places[index]) == expected
    assert set(told.refused) == {6, 7, 8}


def test_equal_tuples_are_one() -> None:
    told = bound(COLUMNS)
    assert list(told.places) == [0, 1, 2, 0, 0, 3, -1, -1, -1]
    assert told.count == 4


def test_equal_tuples_of_a_volatile_statement_are_not() -> None:
    assert bound(COLUMNS, distinct=False).count == 9


def test_a_column_of_equal_values_is_a_constant() -> None:
    told = bound({"plan": ["pro"] * 3, "days": [7] * 3, "part": ["x", "y", "z"], "id": [1, 2, 3]})
    assert set(told.columns) == {3, 4}
    assert set(told.scalars) == {1, 2}


def test_true_and_one_are_equal_to_python_and_not_to_postgresql() -> None:
    assert set(Tuples.of(2, {}, {"a": [True, 1]}).columns) == {"a"}


def test_a_column_outranks_a_constant_of_the_same_name() -> None:
    assert Tuples.of(2, {"a": 1, "b": 2}, {"a": [3, 3]}).constants == {"a": 3, "b": 2}


def test_a_constant_that_does_not_fit_is_everybodys_error() -> None:
    told = bound({"id": [1, 2], "part": ["a", "b"]}, {"plan": "pro", "days": "soon"})
    assert {error.reason for error in told.refused.values()} == {"VARIABLE_REJECTED"}
    assert list(told.places) == [-1, -1]


def test_keys_tell_tuples_apart_and_hold_no_value() -> None:
    same, other = bound(COLUMNS), bound({**COLUMNS, "id": [index + 100 for index in range(9)]})
    keys = [bound(COLUMNS).key(index) for index in range(same.count)]
    assert len(set(keys)) == same.count
    assert same.with_keys(keys) == set(range(same.count))
    assert same.with_keys(keys[2:3]) == {2}
    assert other.with_keys(keys) == set()
    assert "free" not in repr(same)


def test_equal_values_beside_other_constants_are_other_tuples() -> None:
    one, other = (bound({"id": [1, 2], "part": ["a", "b"]}, {"plan": plan, "days": 7}) for plan in ("pro", "free"))
    keys = [one.key(index) for index in range(one.count)]
    assert one.with_keys(keys) == {0, 1}
    assert other.with_keys(keys) == set()
