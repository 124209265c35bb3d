"""The guard of the set form: measured and never believed, tried within bounds, never dearer than one by one."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import pytest
from directflow_gateway.queries.sets import costs as module
from directflow_gateway.queries.sets.costs import Costs, Form, Step

ALL = 10_000
TIMEOUT_S = 60.0
Takes = Callable[[int], float]


def linear(a_tuple: float, a_statement: float = 0.0) -> Takes:
    return lambda count: a_statement + a_tuple * count


def work(costs: Costs, takes: dict[Form, Takes], tuples: int = ALL) -> tuple[list[Step], float]:
    """Works tuples off on a server whose forms take so long; the steps, and the seconds of all of them."""
    steps, seconds, rest = [], 0.0, tuples
    while rest:
        step = costs.next(rest, TIMEOUT_S)
        assert 0 < step.count <= rest
        took = takes[step.form](step.count)
        steps.append(step)
        seconds += min(took, step.limit_s)
        if took > step.limit_s:
            assert step.is_trial, f"{step} would have been cut short"
            costs.was_too_slow(step)
            continue
        costs.measured(step, took)
        rest -= step.count
    return steps, seconds


def done_by(steps: Sequence[Step]) -> dict[Form, int]:
    return {form: sum(step.count for step in steps if step.form is form) for form in {s.form for s in steps}}


SHAPES = {
    "an index looks each up": (linear(45e-6), linear(4e-6, 2e-4), linear(9e-6, 0.1)),
    "no index: a scan for each": (linear(8e-3), linear(8e-3, 2e-4), linear(1e-6, 0.06)),
    "a join that the planner gets wrong": (linear(60e-6), linear(5e-6, 2e-4), linear(0.0, 300.0)),
    "values that need a plan of their own": (linear(50e-6), linear(9e-4, 2e-4), linear(9e-4, 0.02)),
    "everything is slow": (linear(0.05), linear(0.05, 2e-4), linear(0.05, 0.2)),
    "a lateral a little dearer than singles": (linear(1e-4), linear(1.1e-4, 2e-4), linear(3e-4, 1e-3)),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("join", [Form.JOIN, Form.SEMI_JOIN])
def test_never_dearer_than_one_by_one_by_more_than_a_twentieth(shape: str, join: Form) -> None:
    """Once the forms are known; the first call also pays for the trials, with at most a fifth."""
    single, lateral, joined = SHAPES[shape]
    costs = Costs([Form.SINGLE, Form.LATERAL, join], ALL)
    takes = {Form.SINGLE: single, Form.LATERAL: lateral, join: joined}
    _, first = work(costs, takes)
    assert first <= 1.2 * single(1) * ALL + 0.05
    for _ in range(3):
        _, seconds = work(costs, takes)
        assert seconds <= 1.05 * single(1) * ALL


@pytest.mark.parametrize(
    ("shape", "form"),
    [
        ("an index looks each up", Form.LATERAL),
        ("no index: a scan for each", Form.SEMI_JOIN),
        ("values that need a plan of their own", Form.SINGLE),
        ("a lateral a little dearer than singles", Form.SINGLE),
    ],
)
def test_the_cheapest_form_does_nearly_all_of_the_work(shape: str, form: Form) -> None:
    single, lateral, joined = SHAPES[shape]
    costs = Costs([Form.SINGLE, Form.LATERAL, Form.SEMI_JOIN], ALL)
    takes = {Form.SINGLE: single, Form.LATERAL: lateral, Form.SEMI_JOIN: joined}
    steps, _ = work(costs, takes)
    assert done_by(steps)[form] > 0.9 * ALL
    assert costs.preferred is form


def test_an_unindexed_condition_is_a_few_scans_from_the_first_call_on() -> None:
    single, lateral, joined = SHAPES["no index: a scan for each"]
    costs = Costs([Form.SINGLE, Form.LATERAL, Form.SEMI_JOIN], ALL)
    _, seconds = work(costs, {Form.SINGLE: single, Form.LATERAL: lateral, Form.SEMI_JOIN: joined})
    assert single(1) * ALL / seconds > 200


def test_a_trial_in_vain_is_repeated_only_with_twice_the_time() -> None:
    takes = {Form.SINGLE: linear(1e-3), Form.LATERAL: linear(1e-3), Form.JOIN: linear(0.0, 1e9)}
    costs = Costs(list(takes), ALL)
    steps = [step for _ in range(4) for step in work(costs, takes)[0] if step.form is Form.JOIN]
    assert all(later.limit_s >= 2 * earlier.limit_s for earlier, later in pairwise(steps))
    assert len(steps) < 4


def test_a_statement_is_sized_to_a_quarter_of_a_second() -> None:
    takes = {Form.SINGLE: linear(2e-3), Form.LATERAL: linear(1e-3), Form.JOIN: linear(1e-3)}
    costs = Costs(list(takes), ALL)
    work(costs, takes)
    step = costs.next(ALL, TIMEOUT_S)
    assert 0.1 < takes[step.form](step.count) < 0.3


def test_a_single_form_alone_is_sized_likewise() -> None:
    costs = Costs([Form.SINGLE], ALL)
    steps, _ = work(costs, {Form.SINGLE: linear(0.1)}, 20)
    assert [step.count for step in steps] == [4, 2, 2, 2, 2, 2, 2, 2, 2]


def test_a_form_that_fails_where_the_single_form_does_not_is_never_used_again() -> None:
    takes = {Form.SINGLE: linear(8e-3), Form.LATERAL: linear(8e-3), Form.SEMI_JOIN: linear(0.0, 0.05)}
    costs = Costs(list(takes), ALL)
    work(costs, takes, 1_000)
    costs.drop(Form.SEMI_JOIN)
    costs.drop(Form.LATERAL)
    steps, _ = work(costs, takes, 100)
    assert done_by(steps) == {Form.SINGLE: 100}


def test_what_was_measured_long_ago_is_measured_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """An index was dropped meanwhile."""
    now = [1000.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    costs = Costs([Form.SINGLE, Form.LATERAL, Form.SEMI_JOIN], ALL)
    indexed = {Form.SINGLE: linear(45e-6), Form.LATERAL: linear(4e-6), Form.SEMI_JOIN: linear(9e-6, 0.1)}
    work(costs, indexed)
    assert costs.preferred is Form.LATERAL
    now[0] += 31.0
    scanned = {Form.SINGLE: linear(8e-3), Form.LATERAL: linear(8e-3), Form.SEMI_JOIN: linear(1e-6, 0.06)}
    work(costs, scanned)
    assert costs.preferred is Form.SEMI_JOIN
