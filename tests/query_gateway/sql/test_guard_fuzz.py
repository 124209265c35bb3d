"""Mutated corpus lines: an answer comes, and none lets a second statement or a write through."""

import json
import random
from collections.abc import Iterator
from pathlib import Path

from directflow_gateway.sql.guard.examination import examine
from directflow_gateway.sql.parser import ParseFailure, parse, text_locator
from directflow_gateway.sql.references import references_of

CORPUS = Path(__file__).parents[1] / "corpus"
ROUNDS = 4_000
PIECES = [
    ";", "--", "/*", "*/", "'", '"', "$$", "$a$", "(", ")", "[", "]", ",", ".", "::", "\\", "\n", "\r", "\x00", "é",
    "\ud800",
    "E'", "U&'", "$1", "<%=", "%>", " FOR UPDATE ", " INTO x ", " UNION ", " FROM ", "pg_sleep(1)", ".pg_sleep",
    "DELETE FROM t",
    "OPERATOR(public.=)", "::regclass", "pg_class", "xmin", " ",
]  # fmt: skip


def texts() -> list[str]:
    files = ("sql_attacks.jsonl", "sql_legit.jsonl")
    rows = [json.loads(line) for name in files for line in (CORPUS / name).read_text("utf-8").splitlines()]
    return [row["sql"] for row in rows if isinstance(row["sql"], str)]


def mutations() -> Iterator[str]:
    chance = random.Random(20240229)
    originals = texts()
    for _ in range(ROUNDS):
        text = chance.choice(originals)
        for _ in range(chance.randint(1, 4)):
            start = chance.randint(0, len(text))
            end = start + chance.choice((0, 0, 1, 5))
            insert = (
                chance.choice(PIECES) if chance.random() < 0.8 else chance.choice(originals)[: chance.randint(1, 40)]
            )
            text = text[:start] + insert + text[end:]
        yield text


def test_a_mutated_text_is_refused_or_is_one_select() -> None:
    passed = 0
    for text in mutations():
        tree = parse(text)
        if isinstance(tree, ParseFailure):
            assert tree.problem(text_locator(text)).message
            continue
        references_of(tree)
        if examine(tree):
            continue
        passed += 1
        [statement] = tree.statements
        tags = {node.tag for node in statement.walk()}
        assert {tag for tag in tags if tag.endswith("Stmt")} == {"RawStmt", "SelectStmt"}
        assert not tags & {"IntoClause", "LockingClause"}
        assert not any("pg_sleep" in node.names("funcname") for node in tree.nodes())
    assert 50 < passed < ROUNDS
