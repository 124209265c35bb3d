"""A volatile function has a new value for every tuple: nothing may share one."""

from typing import Any

import pytest

TUPLES = [(number,) for number in range(1, 401)]


@pytest.mark.parametrize("tuples", [TUPLES, [(7,)] * 400], ids=["different tuples", "equal tuples"])
@pytest.mark.parametrize("call", ["random()", "gen_random_uuid()", "clock_timestamp()", "timeofday()"])
def test_values_differ(gateway: Any, make_shape: Any, call: str, tuples: Any) -> None:
    shape = make_shape("volatile", f"SELECT <%= id %>::int AS id, {call} AS x", pools={"id": "ids"})
    told = gateway.fetch(shape, tuples).results
    assert {one.outcome for one in told} == {"ROW"}
    assert [one.row[0] for one in told] == [repr(number) for (number,) in tuples]
    assert len({one.row[1] for one in told}) > 1


@pytest.mark.parametrize("tuples", [TUPLES, [(7,)] * 400], ids=["different tuples", "equal tuples"])
@pytest.mark.parametrize(
    "template",
    [
        "SELECT random() < 0.5 AS result FROM people WHERE id = 7 AND <%= id %> > 0",
        "SELECT EXISTS (SELECT 1 FROM people WHERE id = 7 AND random() < 0.5 AND <%= id %> > 0) AS result",
        "SELECT true AS result FROM people WHERE id = 7 AND random() < 0.5 AND <%= id %> > 0 LIMIT 1",
        "SELECT (SELECT random()) < 0.5 AND <%= id %> > 0 AS result",
        "WITH r AS MATERIALIZED (SELECT random() AS x) SELECT x < 0.5 AND <%= id %> > 0 AS result FROM r",
        "SELECT EXISTS (SELECT 1 FROM people TABLESAMPLE BERNOULLI (1) WHERE <%= id %> > 0) AS result",
    ],
)
def test_chance_is_each_tuples_own(gateway: Any, make_shape: Any, template: str, tuples: Any) -> None:
    told = [one.outcome for one in gateway.evaluate(make_shape("chance", template, pools={"id": "ids"}), tuples)]
    assert "TRUE" in told
    assert 100 < told.count("TRUE") < 300


def test_now_is_one_moment_of_the_call(gateway: Any, make_shape: Any) -> None:
    shape = make_shape("now", "SELECT now() AS x, <%= id %>::int AS id", pools={"id": "ids"})
    assert len({one.row[0] for one in gateway.fetch(shape, TUPLES).results}) == 1
