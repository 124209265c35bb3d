"""No value of a tuple in a log line, a span, an error of a tuple or of a call."""

import time
from pathlib import Path
from typing import Any

import pytest

CANARY = "canary-5e7f"
TEMPLATES = {
    "cast of a stored text": "SELECT note::int > 3 AS result FROM people WHERE id = <%= id %> AND '<%= t %>' <> ''",
    "cast of the value": "SELECT id > 3 AS result FROM people WHERE id = <%= id %> AND id <> '<%= t %>'::text::int",
    "a literal of the value": "SELECT id > 3 AS result FROM people WHERE id = '<%= t %>'",
    "a domain": "SELECT '<%= t %>'::mail = 'x@y' AS result",
    "an enum": "SELECT EXISTS (SELECT 1 FROM people WHERE mood = '<%= t %>' AND id = <%= id %>) AS result",
    "an array": "SELECT EXISTS (SELECT 1 FROM people WHERE tags @> '<%= t %>') AS result",
    "json": "SELECT '<%= t %>'::jsonb ? 'x' AS result",
    "a date": "SELECT DATE '<%= t %>' > now() AS result",
    "a regular expression": "SELECT code ~ '(<%= t %>' AS result FROM people WHERE id = 1",
    "a search": "SELECT search @@ to_tsquery('<%= t %> & &') AS result FROM people WHERE id = 1",
    "nothing wrong": "SELECT EXISTS (SELECT 1 FROM people WHERE code = '<%= t %>') AS result",
    "a broken statement": "SELECT nothing AS result FROM people WHERE code = '<%= t %>'",
}


@pytest.fixture(scope="module")
def traced(postgres: Any, database: str, start_gateway: Any) -> Any:
    return start_gateway(postgres, database, traced=True)


def test_no_value_is_told_to_anybody(traced: Any, make_shape: Any) -> None:
    told = []
    for name, template in TEMPLATES.items():
        pools = {name: pool for name, pool in (("id", "ids"), ("t", "texts")) if f"<%= {name} %>" in template}
        shape = make_shape(name, template, pools=pools)
        tuples = [tuple(f"{CANARY}-{n}" if v == "t" else n for v in pools) for n in range(1, 41)]
        told += traced.evaluate(shape, tuples) + traced.fetch(shape, tuples).results
        told += traced.evaluate(shape, tuples[:1]) + traced.evaluate(shape, [tuples[0]] * 2)
    assert {one.outcome for one in told} >= {"ERROR", "FALSE", "STATUS FAILED_PRECONDITION"}
    assert CANARY not in "".join(f"{one.reason}{one.sqlstate}{one.message}" for one in told)
    spans = spans_of(traced)
    assert any("evaluate" in span for span in spans)
    assert any("fetch" in span for span in spans)
    assert CANARY not in "".join(spans)
    log = traced.service.plan.config.with_name("gateway.log").read_text()
    assert "EvaluateSet" in log
    assert CANARY not in log


def test_the_canary_would_be_seen(traced: Any, tmp_path: Path) -> None:
    """Where the server itself repeats the value, so that silence above is ours."""
    with pytest.raises(Exception, match=CANARY):
        traced.admin(f"SELECT '{CANARY}'::int")


def spans_of(gateway: Any) -> list[str]:
    """All spans, once no more come."""
    before, spans = -1, []
    while len(spans) != before:
        before = len(spans)
        time.sleep(0.5)
        spans = [repr(span) for trace in gateway.spans.trace_ids() for span in gateway.spans.trace(trace)]
    return spans
