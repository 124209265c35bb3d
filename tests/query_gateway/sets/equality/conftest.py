"""The judge: a batch must come to what its tuples come to alone.

A batch of one runs the author's own statement, which is the contract; so the oracle for N tuples is N calls with one
tuple, remembered by statement and tuple.
"""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import pytest
from directflow_cli.dev.postgres import PostgresServer


def identity(values: Any) -> Any:
    """Values as a key: 1, 1.0, true and "1" are different ones, and NaN is itself."""
    if isinstance(values, list | tuple):
        return tuple(map(identity, values))
    return (type(values).__name__, repr(values))


Lists = Mapping[str, Any]
LONG = int(os.environ.get("DIRECTFLOW_SETS_ROUNDS", "1")) > 1
SHRINKING = 60
"""Most calls that a least batch may cost."""


@dataclass(frozen=True)
class Batch:
    """Tuples that are asked together."""

    shape: Any
    tuples: list[Any]
    lists: Lists = field(default_factory=dict)
    constants: frozenset[int] = frozenset()
    """Positions whose value travels once for all."""
    fetch: bool = False

    def asked(self, gateway: Any) -> Any:
        """What the tuples come to together."""
        if self.fetch:
            return gateway.fetch(self.shape, self.tuples, self.lists, constants=self.constants).results
        return gateway.evaluate(self.shape, self.tuples, self.lists, constants=self.constants)


@dataclass
class Judge:
    """Compares batches with singles, shrinks what differs, and keeps count."""

    gateway: Any
    """Where tuples are asked alone."""
    batched: Mapping[str, Any]
    """Where they are asked together, by the form that is used there."""
    cases: int = 0
    """Tuples judged in batches of two or more, in every form."""
    outcomes: dict[str, int] = field(default_factory=dict)
    _singles: dict[Any, Any] = field(default_factory=dict)

    def differences(
        self, shape: Any, tuples: list[Any], lists: Lists, constants: Any = frozenset(), fetch: bool = False
    ) -> list[str]:
        """Asks the tuples together, in every form; a text for every form in which one differs from itself alone."""
        batch = Batch(shape, tuples, lists, constants, fetch)
        # The gateways are processes of their own: they describe a new shape at the same time.
        with ThreadPoolExecutor(len(self.batched)) as threads:
            asked = {form: threads.submit(batch.asked, gateway) for form, gateway in self.batched.items()}
            alone = self.singles(batch)
        return [text for form in asked if (text := self._difference(form, batch, alone, asked[form].result()))]

    def headers(self, shape: Any, row: Any, lists: Lists) -> set[Any]:
        """Names and types of a preload's columns, alone and together in every form."""
        calls = [(self.gateway, [row]), *((gateway, [row] * 2) for gateway in self.batched.values())]
        return {gateway.fetch(shape, rows, lists).columns for gateway, rows in calls}

    def singles(self, batch: Batch) -> list[Any]:
        """What each tuple comes to alone; asked many at a time, once for each tuple."""
        keys = {identity(row): row for row in batch.tuples}
        key = partial(self._key, batch)
        missing = [row for row in keys.values() if key(row) not in self._singles]
        # The first by itself: it has the statement described, which a crowd would have done once for each.
        for rows in (missing[:1], missing[1:]):
            self._singles |= zip(map(key, rows), self._alone(batch, rows), strict=True)
        return [self._singles[key(row)] for row in batch.tuples]

    def _alone(self, batch: Batch, rows: Sequence[Any]) -> list[Any]:
        if batch.fetch:
            return list(self.gateway.fetch_alone(batch.shape, rows, batch.lists))
        return list(self.gateway.evaluate_alone(batch.shape, rows, batch.lists))

    def _key(self, batch: Batch, row: Any) -> Any:
        lists = identity(tuple(batch.lists.items()))
        return (batch.shape.template, batch.shape.kinds, batch.fetch, lists, identity(row))

    def _difference(self, form: str, batch: Batch, alone: Sequence[Any], given: Sequence[Any]) -> str:
        self.cases += len(given) if len(given) > 1 else 0
        for one in given:
            self.outcomes[one.outcome] = self.outcomes.get(one.outcome, 0) + 1
        for at, row in enumerate(batch.tuples):
            if not self.agrees(batch, row, alone[at], given[at]):
                least = self._shrunk(self.batched[form], batch, at, alone[at])
                return (
                    f"\n{batch.shape.name}, {form}\n  template: {batch.shape.template}\n"
                    f"  lists: {batch.lists}  constants: {sorted(batch.constants)}\n  tuple: {row}\n"
                    f"  alone: {alone[at]} {alone[at].message}\n"
                    f"  in the batch of {len(given)}: {given[at]} {given[at].message}\n  least batch: {least.tuples}\n"
                )
        return ""

    def agrees(self, batch: Batch, row: Any, alone: Any, given: Any) -> bool:
        """Whether a tuple came to the same together with others as alone."""
        if alone == given and alone.message == given.message:
            return True
        flags = batch.shape.flags
        if "plan-dependent" in flags and alone.outcome == "ERROR" and alone.sqlstate in MET_OR_NOT:
            # Which row it meets first is the planner's affair. Never the other way round: an answer is an answer.
            return given.outcome != "ERROR" or given.sqlstate in MET_OR_NOT
        if "any-row" not in flags:
            return False
        if batch.fetch:
            return alone.answer() == given.answer() and given.row in self._rows(batch, row)
        words = {"True": "TRUE", "False": "FALSE", None: "NULL"}
        return given.outcome in {words[cells[0]] for cells in self._rows(batch, row)}

    def _rows(self, batch: Batch, row: Any) -> Any:
        """Every row that could have come first."""
        unlimited = replace(batch.shape, template=batch.shape.template.replace("LIMIT 1", ""))
        return self.gateway.rows(unlimited, row, batch.lists)

    def _shrunk(self, gateway: Any, batch: Batch, at: int, alone: Any) -> Batch:
        """A small batch in which this tuple still differs: others are taken away by halves, then one by one."""
        own, others = batch.tuples[at], batch.tuples[:at] + batch.tuples[at + 1 :]
        size, asked = max(1, len(others) // 2), 0
        while others and asked < SHRINKING:
            for first in range(0, len(others), size):
                fewer = others[:first] + others[first + size :]
                asked += 1
                smaller = replace(batch, tuples=[own, *fewer])
                if not self.agrees(smaller, own, alone, smaller.asked(gateway)[0]):
                    others = fewer
                    break
            else:
                if size == 1:
                    break
                size = max(1, size // 2)
            size = max(1, min(size, len(others)))
        return replace(batch, tuples=[own, *others])


MET_OR_NOT = frozenset({"22P02", "22012", "22003", "42601", "21000", "2201B", "22007", "22008"})
"""What a row, or an operand of AND, may cause when it is met."""


@pytest.fixture(scope="session")
def batched(postgres: PostgresServer, database: str, start_gateway: Any) -> dict[str, Any]:
    """Every form forced; in the long form also as shipped, where the measured guard chooses.

    On tables as small as these PostgreSQL would join by trying every row for everybody, in the tables' order, as the
    LATERAL does. `hashed` has it join as it does on large ones: other rows are tried, and in another order.
    """
    settings = {"hashed": ("enable_nestloop = off", "enable_mergejoin = off")}
    forms = {"lateral": "lateral", "hashed": "join", **({"join": "join", "as shipped": ""} if LONG else {})}
    return {
        name: start_gateway(postgres, database, form=form, settings=settings.get(name, ()))
        for name, form in forms.items()
    }


@pytest.fixture
def judge(batched: dict[str, Any]) -> Judge:
    # Alone a tuple runs the author's statement whatever form is forced: no third gateway has to describe each shape.
    return Judge(batched["lateral"], batched)


@pytest.fixture(scope="module")
def module_judge(batched: dict[str, Any]) -> Judge:
    """It counts over a whole module."""
    return Judge(batched["lateral"], batched)
