"""Every raw outcome under every policy, written out."""

import itertools

import pytest
from directflow_conditions.policies import DECISION_CODES, RAW_CODES, Decision, Policy, Raw

TRUE, FALSE, ERROR = Decision.TRUE, Decision.FALSE, Decision.ERROR


@pytest.mark.parametrize(
    ("raw", "decided"),
    [
        (Raw.TRUE, TRUE),
        (Raw.FALSE, FALSE),
        (Raw.NULL, FALSE),
        (Raw.NO_ROW, FALSE),
        (Raw.MULTIPLE_ROWS, ERROR),
        (Raw.ERROR, ERROR),
    ],
)
def test_without_a_policy_absence_is_no_and_doubt_is_an_error(raw: Raw, decided: Decision) -> None:
    assert Policy().decide(raw) is decided


@pytest.mark.parametrize("policy", list(itertools.product(Decision, repeat=4)))
def test_every_policy_decides_every_outcome_by_its_own_field(policy: tuple[Decision, ...]) -> None:
    on_null, on_no_row, on_multiple_rows, on_error = policy
    stated = Policy(on_null, on_no_row, on_multiple_rows, on_error)
    decide = stated.decide
    translated = bytes(RAW_CODES[raw] for raw in Raw).translate(stated.table())
    assert list(translated) == [DECISION_CODES[decide(raw)] for raw in Raw]
    assert {raw: decide(raw) for raw in Raw} == {
        Raw.TRUE: TRUE,
        Raw.FALSE: FALSE,
        Raw.NULL: on_null,
        Raw.NO_ROW: on_no_row,
        Raw.MULTIPLE_ROWS: on_multiple_rows,
        Raw.ERROR: on_error,
    }


@pytest.mark.parametrize(("decided", "negated"), [(TRUE, FALSE), (FALSE, TRUE), (ERROR, ERROR)])
def test_not_swaps_the_branches_and_leaves_an_error_an_error(decided: Decision, negated: Decision) -> None:
    assert decided.negated() is negated


@pytest.mark.parametrize("raw", Raw)
@pytest.mark.parametrize("policy", [Policy(), Policy(TRUE, TRUE, TRUE, TRUE), Policy(FALSE, FALSE, FALSE, FALSE)])
def test_a_person_is_in_exactly_one_of_c_and_not_c_or_in_doubt_in_both(raw: Raw, policy: Policy) -> None:
    c = policy.decide(raw)
    assert (c, c.negated()) in {(TRUE, FALSE), (FALSE, TRUE), (ERROR, ERROR)}


def test_no_row_is_not_premium_and_therefore_is_in_not_premium() -> None:
    assert Policy().decide(Raw.NO_ROW).negated() is TRUE
