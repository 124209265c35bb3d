"""What the tests of the SQL core share: the corpus, and the guard's answer to a text."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from directflow_gateway.sql.guard.examination import examine
from directflow_gateway.sql.parser import ParseFailure, parse
from directflow_runtime.errors import Problem

CORPUS = Path(__file__).parents[1] / "corpus"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test with an argument `attack` or `legitimate` runs for each row of that corpus."""
    for argument, file in (("attack", "sql_attacks.jsonl"), ("legitimate", "sql_legit.jsonl")):
        if argument in metafunc.fixturenames:
            lines = (CORPUS / file).read_text("utf-8").splitlines()
            metafunc.parametrize(argument, lines, ids=[json.loads(line)["id"] for line in lines], indirect=True)


@pytest.fixture
def attack(request: pytest.FixtureRequest) -> dict[str, Any]:
    """A row of sql_attacks.jsonl, its generated texts written out (one is 64 MiB, so only when it is its turn)."""
    return _row(request.param)


@pytest.fixture
def legitimate(request: pytest.FixtureRequest) -> dict[str, Any]:
    """A row of sql_legit.jsonl."""
    return _row(request.param)


def _row(line: str) -> dict[str, Any]:
    row: dict[str, Any] = json.loads(line)
    row["sql"] = _written_out(row["sql"])
    row["variables"] = {key: _written_out(value) for key, value in row["variables"].items()}
    return row


def _written_out(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return "".join(
        "".join(text.replace("{i}", str(i)) for i in range(count)) if "{i}" in text else text * count
        for text, count in value["gen"]
    )


@pytest.fixture
def problems() -> Callable[..., list[Problem]]:
    """Asks the guard: `problems("SELECT ...", allowed=[...])`. A syntax error fails the test."""

    def ask(sql: str, allowed: Iterable[str] = ()) -> list[Problem]:
        tree = parse(sql)
        assert not isinstance(tree, ParseFailure), tree
        return examine(tree, allowed)

    return ask


@pytest.fixture
def rules(problems: Callable[..., list[Problem]]) -> Callable[..., list[str]]:
    """The ids of the rules that the guard says a text breaks."""
    return lambda sql, allowed=(): [problem.rule for problem in problems(sql, allowed)]
