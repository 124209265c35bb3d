"""How long a password that no database takes is kept back."""

from itertools import pairwise

from directflow_gateway.credentials.doubt import Doubt

DAY_S = 24 * 3600


def tries(doubt: Doubt, generation: str, began: float, seconds: float) -> list[float]:
    """When somebody who asks each second tries it, and is refused."""
    tried, now = [], began
    while now < began + seconds:
        if not doubt.holds(generation, now):
            tried.append(now)
            doubt.refused(generation, now)
        now += 1
    return tried


def test_the_pauses_grow_from_15_seconds_to_five_minutes() -> None:
    tried = tries(Doubt(), "two", 1_000.0, 2_000)
    assert [late - early for early, late in pairwise(tried)][:7] == [15, 30, 60, 120, 240, 300, 300]


def test_a_slip_that_nobody_mends_costs_a_few_hundred_refused_logins_a_day() -> None:
    assert len(tries(Doubt(), "two", 0.0, DAY_S)) < 300


def test_another_generation_is_beyond_doubt_and_begins_anew() -> None:
    doubt = Doubt()
    tries(doubt, "two", 0.0, 1_000)
    assert doubt.holds("two", 1_001.0)
    assert not doubt.holds("three", 1_001.0)
    assert tries(doubt, "three", 1_001.0, 50) == [1_001.0, 1_016.0, 1_046.0]


def test_what_a_database_has_taken_is_doubted_no_more_and_a_later_refusal_begins_anew() -> None:
    doubt = Doubt()
    tries(doubt, "two", 0.0, 1_000)
    doubt.end()
    assert not doubt.holds("two", 1_001.0)
    assert tries(doubt, "two", 1_001.0, 50) == [1_001.0, 1_016.0, 1_046.0]


def test_two_who_are_refused_at_once_count_as_one() -> None:
    doubt = Doubt()
    for _ in range(5):
        doubt.refused("two", 0.0)
    assert not doubt.holds("two", 15.0)
