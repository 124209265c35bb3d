"""Every shape of conditions.sql and preloads.sql: a batch comes to what its tuples come to alone, errors included.

DIRECTFLOW_SETS_ROUNDS repeats it with other values and batches; DIRECTFLOW_SETS_SEED makes them others still.
"""

import os
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROUNDS = int(os.environ.get("DIRECTFLOW_SETS_ROUNDS", "1"))
SEED = int(os.environ.get("DIRECTFLOW_SETS_SEED", "20261125"))
DIFFERENT = int(os.environ.get("DIRECTFLOW_SETS_DIFFERENT", "6"))
SIZES = (2, 3, 5, 9, 17) if ROUNDS == 1 else (2, 3, 5, 17, 63, 64, 65)
NOTHING: frozenset[int] = frozenset()
HEADER = re.compile(r"^--- (.*)$", re.MULTILINE)


def shapes(file: str) -> Iterator[Any]:
    """Name, template, variables and flags of each shape of the file."""
    _, *parts = HEADER.split((Path(__file__).parent / file).read_text())
    for header, template in zip(parts[::2], parts[1::2], strict=True):
        name, variables, *flags = [part.strip() for part in header.split("|")]
        yield pytest.param(template.rstrip("\n"), variables.split(), frozenset(" ".join(flags).split()), id=name)


def described(make_shape: Any, name: str, template: str, variables: list[str], flags: frozenset[str]) -> Any:
    """The Shape: `id=ids`, `id=ids:integer` for a declared kind, `l=int_lists:list` for a list."""
    pools, kinds, lists = {}, [], []
    for variable in variables:
        own, _, rest = variable.partition("=")
        pool, _, kind = rest.partition(":")
        if kind == "list":
            lists.append((own, pool))
            continue
        pools[own] = pool
        kinds += [(own, kind)] if kind else []
    return make_shape(name, template, *flags, kinds=tuple(kinds), lists=tuple(lists), pools=pools)


def batches(shape: Any, chance: random.Random) -> Iterator[tuple[list[Any], frozenset[int]]]:
    """Random tuples with duplicates; some equal in one variable, which may travel as a constant; all equal."""
    different = shape.tuples(chance, DIFFERENT)
    size = chance.choice(SIZES)
    yield chance.sample(different, len(different)) + chance.choices(different, k=max(0, size - len(different))), NOTHING
    if ROUNDS == 1 and chance.random() < 0.5:
        return
    position = chance.randrange(len(shape.pools))
    fixed = chance.choice(different)[position]
    held = [(*row[:position], fixed, *row[position + 1 :]) for row in chance.choices(different, k=chance.choice(SIZES))]
    # A request must have a column: an only variable stays one.
    yield held, frozenset({position}) if len(shape.pools) > 1 and chance.random() < 0.5 else NOTHING
    if chance.random() < 0.3:
        yield [chance.choice(different)] * chance.choice(SIZES), NOTHING


def problems(judge: Any, shape: Any, values: dict[str, list[Any]], *, fetch: bool) -> list[str]:
    found: list[str] = []
    for number in range(ROUNDS):
        chance = random.Random(f"{SEED}/{number}/{shape.name}")
        lists = {name: chance.choice(values[pool]) for name, pool in shape.lists}
        for tuples, constants in batches(shape, chance):
            found += judge.differences(shape, tuples, lists, constants, fetch)
    failed = {outcome for outcome in judge.outcomes if outcome.startswith("STATUS")}
    # A call that fails would agree with itself.
    return found or [f"{shape.name}: {failed}, {shape.template}"] * bool(failed)


@pytest.mark.parametrize(("template", "variables", "flags"), list(shapes("conditions.sql")))
def test_a_condition(
    judge: Any, make_shape: Any, values: Any, template: str, variables: Any, flags: Any, request: Any
) -> None:
    shape = described(make_shape, request.node.callspec.id, template, variables, flags)
    found = problems(judge, shape, values, fetch=False)
    assert not found, "".join(found)


@pytest.mark.parametrize(("template", "variables", "flags"), list(shapes("preloads.sql")))
def test_a_preload(
    judge: Any, make_shape: Any, values: Any, template: str, variables: Any, flags: Any, request: Any
) -> None:
    shape = described(make_shape, request.node.callspec.id, template, variables, flags)
    found = problems(judge, shape, values, fetch=True)
    lists = {name: values[pool][0] for name, pool in shape.lists}
    assert len(judge.headers(shape, shape.tuples(random.Random(1), 1)[0], lists)) == 1, "other columns together"
    assert not found, "".join(found)
