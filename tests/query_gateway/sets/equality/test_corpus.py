"""The legitimate corpus as preloads and as conditions: a batch of random tuples comes to what they come to alone.

DIRECTFLOW_SETS_CORPUS names another file of the same form.
"""

import json
import os
import random
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[2] / "corpus"
FILE = Path(os.environ.get("DIRECTFLOW_SETS_CORPUS", FOLDER / "sql_legit.jsonl"))
SEED = int(os.environ.get("DIRECTFLOW_SETS_SEED", "20261125"))
LONG = int(os.environ.get("DIRECTFLOW_SETS_ROUNDS", "1")) > 1
ODD = ["1", "7", "", "x", "0", "-1", "9223372036854775808", "é 😀", "2024-02-29", "NaN", "it's \\ \"", "%", None]
CONDITIONS = {
    "exists": "SELECT EXISTS (\n{q}\n) AS result",
    "count": "SELECT count(*) > 1 AS result FROM (\n{q}\n) q",
    "none": "SELECT NOT EXISTS (\n{q}\n) AS result",
    "true": "SELECT true AS result FROM (\n{q}\n) q LIMIT 1",
    "each": "SELECT (q IS NOT NULL) AS result FROM (\n{q}\n) q",
}


def text(sql: Any) -> str:
    return sql if isinstance(sql, str) else "".join(part * count for part, count in sql["gen"])


def corpus() -> list[Any]:
    rows = [json.loads(line) for line in FILE.read_text().splitlines() if line.strip()]
    queries = [row for row in rows if row.get("variables") and not row.get("requires")]
    return [pytest.param(text(row["sql"]), row["variables"], id=row["id"]) for row in queries]


def shape_of(make_shape: Any, name: str, template: str, variables: dict[str, Any], *flags: str) -> Any:
    pools = dict.fromkeys(variables, "texts")
    # Twice what is right, so that not every tuple fails.
    own = tuple(tuple([text(right)] * 2 + ODD) for right in variables.values())
    return make_shape(name, template, *flags, pools=pools, own_values=own)


def batch(shape: Any, variables: dict[str, Any], seed: str) -> list[Any]:
    """The right values, each of them replaced now and then."""
    chance = random.Random(seed)
    right = [text(value) for value in variables.values()]
    different = [tuple(right)]
    for _ in range(24 if LONG else 6):
        row = [chance.choice(shape.pool(n)) if chance.random() < 0.6 else one for n, one in enumerate(right)]
        different.append(tuple(row))
    return different + chance.choices(different, k=100 if LONG else 5)


@pytest.mark.parametrize(("sql", "variables"), corpus())
def test_as_a_preload(module_judge: Any, make_shape: Any, sql: str, variables: Any, request: Any) -> None:
    flags = () if "ORDER BY" in sql else ("any-row",)
    shape = shape_of(make_shape, request.node.callspec.id, sql, variables, *flags)
    found = module_judge.differences(shape, batch(shape, variables, f"{SEED}{sql}"), {}, fetch=True)
    assert not found, "".join(found)


@pytest.mark.parametrize(("sql", "variables"), corpus())
def test_as_a_condition(module_judge: Any, make_shape: Any, sql: str, variables: Any, request: Any) -> None:
    found: list[str] = []
    chosen = CONDITIONS if LONG else random.Random(f"{SEED}{sql}").sample(sorted(CONDITIONS), 1)
    for wrapped in chosen:
        name = f"{request.node.callspec.id} {wrapped}"
        shape = shape_of(make_shape, name, CONDITIONS[wrapped].format(q=sql), variables)
        found += module_judge.differences(shape, batch(shape, variables, f"{SEED}{name}"), {})
    assert not found, "".join(found)


def test_most_of_it_ran(module_judge: Any) -> None:
    told = module_judge.outcomes
    assert module_judge.cases > 900
    failed = sum(count for outcome, count in told.items() if outcome.startswith("STATUS"))
    assert failed < 0.1 * sum(told.values()), told
    assert {"TRUE", "FALSE", "ROW", "MULTIPLE_ROWS", "NO_ROW", "ERROR"} <= told.keys()
