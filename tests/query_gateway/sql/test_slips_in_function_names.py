"""A misspelt built-in function is refused with the name that was probably meant."""

import time

import pytest
from directflow_gateway.sql import StatementRefused, compile_template
from directflow_gateway.sql.guard.function_names import similar_built_in


@pytest.mark.parametrize(
    ("slip", "meant"),
    [
        ("date_trnc", "date_trunc"),
        ("date_truncc", "date_trunc"),
        ("date_trumc", "date_trunc"),
        ("date_turnc", "date_trunc"),
        ("jsonb_agf", "jsonb_agg"),
        ("coount", "count"),
        ("my_own_function", ""),
        ("ab", ""),
        ("", ""),
    ],
)
def test_one_wrong_letter_is_seen_through(slip: str, meant: str) -> None:
    assert similar_built_in(slip) == meant


def test_the_refusal_says_what_was_meant() -> None:
    with pytest.raises(StatementRefused) as refused:
        compile_template("SELECT date_trnc('month', now())")
    assert refused.value.problems[0].hint.startswith("Did you mean date_trunc?")


@pytest.mark.parametrize("slip", ["pg_slep", "set_confg", "quer_to_xml", "lo_creatt"])
def test_a_refused_function_is_never_suggested(slip: str) -> None:
    assert similar_built_in(slip) not in {"pg_sleep", "set_config", "query_to_xml", "lo_create"}


def test_a_thousand_unknown_names_cost_no_more_than_parsing_them() -> None:
    similar_built_in("warm up the index")
    started = time.process_time()
    for number in range(1_000):
        similar_built_in(f"an_unknown_function_{number}")
    assert time.process_time() - started < 1
