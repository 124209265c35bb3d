"""What concerns one tuple is its own outcome; its neighbours get their exact answers, and no answer is remembered."""

import random
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

# A tuple's own row says how long it takes; no index and no clever plan gets around the work.
WORK = (
    "SELECT w.answer AS result FROM work w"
    " WHERE w.id = <%= id %> AND (SELECT count(*) FROM generate_series(1, w.rounds)) >= 0"
)
LIMIT = {"statement_timeout": timedelta(seconds=0.4)}
QUICK, LASTING, ENDLESS = 1, 120_000, 2_000_000_000
ANSWERS = {True: "TRUE", False: "FALSE", None: "NULL"}


@pytest.fixture
def work(gateway: Any) -> Iterator[Any]:
    """`work({id: rounds})` fills the table; answers are TRUE, FALSE and NULL in turn."""

    def fill(rounds: dict[int, int]) -> dict[int, str]:
        answers = {number: (True, False, None)[number % 3] for number in rounds}
        rows = ", ".join(f"({n}, {r}, {'NULL' if answers[n] is None else answers[n]})" for n, r in rounds.items())
        gateway.admin("TRUNCATE work")
        gateway.admin(f"INSERT INTO work VALUES {rows}")
        return {number: ANSWERS[answer] for number, answer in answers.items()}

    yield fill
    gateway.admin("TRUNCATE work")


@pytest.fixture
def ask(gateway: Any, make_shape: Any) -> Any:
    """`ask(template, ids, fetch=..., limits=...)`: outcome and reason of each."""

    def evaluate(template: str, ids: list[Any], *, fetch: bool = False, pool: str = "ids", **more: Any) -> Any:
        shape = make_shape("isolation", template, pools={"id": pool})
        tuples = [(number,) for number in ids]
        if fetch:
            return gateway.fetch(shape, tuples, **more).results
        return [(one.outcome, one.reason) for one in gateway.evaluate(shape, tuples, **more)]

    return evaluate


@pytest.mark.parametrize(("tuples", "poisoned"), [(100, 1), (200, 2), (4, 2), (2, 2)])
def test_a_tuple_that_alone_runs_into_the_time_limit(work: Any, ask: Any, tuples: int, poisoned: int) -> None:
    chance = random.Random(tuples)
    ids = chance.sample(range(1, tuples + 1), tuples)
    endless = set(ids[:poisoned])
    answers = work({number: ENDLESS if number in endless else QUICK for number in ids})
    chance.shuffle(ids)
    expected = [("ERROR", "STATEMENT_TIMEOUT") if n in endless else (answers[n], "") for n in ids]
    assert ask(WORK, ids, limits=LIMIT) == expected
    assert ask(WORK, ids[::-1], limits=LIMIT) == expected[::-1], "and again, when it is known"


def test_tuples_that_keep_the_limit_alone_and_exceed_it_together(work: Any, ask: Any) -> None:
    ids = list(range(1, 41))
    answers = work(dict.fromkeys(ids, LASTING))
    assert ask(WORK, ids, limits=LIMIT) == [(answers[number], "") for number in ids]


def test_a_tuple_that_was_endless_is_asked_anew(gateway: Any, work: Any, ask: Any) -> None:
    answers = work({number: ENDLESS if number == 7 else QUICK for number in range(1, 41)})
    assert ask(WORK, list(answers), limits=LIMIT)[6] == ("ERROR", "STATEMENT_TIMEOUT")
    gateway.admin("UPDATE work SET rounds = 1, answer = false WHERE id = 7")
    gateway.admin("UPDATE work SET answer = true WHERE id = 8")
    expected = {**answers, 7: "FALSE", 8: "TRUE"}
    assert ask(WORK, list(answers), limits=LIMIT) == [(answer, "") for answer in expected.values()]


def test_a_row_that_could_not_be_divided_is_asked_anew(gateway: Any, work: Any, ask: Any) -> None:
    template = "SELECT 10 / w.rounds > 3 AS result FROM work w WHERE w.id = <%= id %>"
    ids = list(range(1, 101))
    work({number: 0 if number % 10 == 0 else 1 for number in ids})
    expected = [("ERROR", "DATA_ERROR") if number % 10 == 0 else ("TRUE", "") for number in ids]
    assert ask(template, ids) == expected
    gateway.admin("UPDATE work SET rounds = CASE WHEN id % 10 = 0 THEN 5 WHEN id % 10 = 1 THEN 0 ELSE rounds END")
    turned = {0: ("FALSE", ""), 1: ("ERROR", "DATA_ERROR")}
    assert ask(template, ids) == [turned.get(number % 10, ("TRUE", "")) for number in ids]


@pytest.mark.parametrize("share", [1, 10, 60])
def test_a_row_that_cannot_be_computed_says_what_it_says_alone(gateway: Any, work: Any, ask: Any, share: int) -> None:
    """Neighbours, the first and the last among them; and the next batch, which expects failures, has none."""
    template = "SELECT 10 / w.rounds > 3 AS result FROM work w WHERE w.id = <%= id %>"
    chance = random.Random(share)
    ids = list(range(1, 901))
    poisoned = {number for number in ids if chance.randrange(100) < share} | {1, 2, 450, 451, 900}
    work({number: 0 if number in poisoned else number for number in ids})
    expected = [("ERROR", "DATA_ERROR") if n in poisoned else ("TRUE" if n < 3 else "FALSE", "") for n in ids]
    assert ask(template, [1]) == expected[:1]
    assert ask(template, ids) == expected
    gateway.admin("UPDATE work SET rounds = 2")
    assert ask(template, ids) == [("TRUE", "")] * 900


@pytest.mark.parametrize("share", [1, 10, 50, 100])
def test_values_that_are_no_numbers(work: Any, ask: Any, share: int) -> None:
    """Through the whole range of how many fail; each error says what it would say alone."""
    chance = random.Random(share)
    answers = work(dict.fromkeys(range(1, 201), QUICK))
    ids = [f"x{number}" if chance.randrange(100) < share else str(number) for number in answers]
    expected = [("ERROR", "VARIABLE_REJECTED") if one[0] == "x" else (answers[int(one)], "") for one in ids]
    assert ask("SELECT answer AS result FROM work WHERE id = '<%= id %>'", ids, pool="id_texts") == expected


def test_a_tuple_with_far_too_many_rows(work: Any, ask: Any) -> None:
    template = "SELECT w.answer AS result FROM work w, generate_series(1, w.rounds) WHERE w.id = <%= id %>"
    work({1: 1, 2: 0, 3: 2, 4: 10_000, 5: 50_000, 6: 1})
    alone = [ask(template, [number])[0] for number in range(1, 7)]
    assert [one[0] for one in alone] == ["FALSE", "NO_ROW", "MULTIPLE_ROWS", "MULTIPLE_ROWS", "ERROR", "TRUE"]
    ids = [1, 2, 3, 4, 6] * 8 + [5]
    assert ask(template, ids) == [alone[number - 1] for number in ids]
    assert alone[4] == ("ERROR", "ROW_LIMIT_EXCEEDED")


def test_a_row_that_is_too_large_is_its_tuples_error(work: Any, ask: Any) -> None:
    template = "SELECT repeat('x', w.rounds::int) AS text FROM work w WHERE w.id = <%= id %>"
    work({number: 5_000 if number % 20 == 0 else number for number in range(1, 101)})
    told = ask(template, list(range(1, 101)), fetch=True, limits={"max_row_bytes": 1_000})
    for number, one in enumerate(told, 1):
        if number % 20 == 0:
            assert (one.outcome, one.reason) == ("ERROR", "ROW_TOO_LARGE")
        else:
            assert (one.outcome, one.row) == ("ROW", (repr("x" * number),))


def test_a_value_that_is_larger_than_the_server_can_make(work: Any, ask: Any) -> None:
    template = "SELECT length(repeat('xy', w.rounds::int)) > 3 AS result FROM work w WHERE w.id = <%= id %>"
    work({number: 2_000_000_000 if number == 9 else number for number in range(1, 41)})
    told = ask(template, list(range(1, 41)))
    assert told[8] == ("ERROR", "BYTE_LIMIT_EXCEEDED")
    assert [one for one in told if one != told[8]] == [("FALSE", "")] + [("TRUE", "")] * 38


def test_fetching_goes_on_behind_a_tuple_that_fails(work: Any, ask: Any) -> None:
    template = (
        "SELECT w.id, 10 / w.rounds AS tenth FROM work w WHERE w.id = <%= id %>"
        " UNION ALL SELECT w.id, -1 FROM work w WHERE w.id = <%= id %> AND w.answer ORDER BY tenth DESC"
    )
    answers = work({number: number % 7 for number in range(1, 1_501)})
    told = ask(template, list(range(1_502)), fetch=True)
    assert [told[0].outcome, told[-1].outcome] == ["NO_ROW", "NO_ROW"]
    for number, one in enumerate(told[1:-1], 1):
        if number % 7 == 0:
            assert (one.outcome, one.reason, one.sqlstate) == ("ERROR", "DATA_ERROR", "22012")
        else:
            assert one.outcome == ("MULTIPLE_ROWS" if answers[number] == "TRUE" else "ROW")
            assert one.row == (repr(number), repr(10 // (number % 7)))
