"""Texts for spans are made once each, off the event loop where that takes time, and are not kept without bound."""

import asyncio
import threading

import pytest
from directflow_gateway.queries import statement_texts
from directflow_gateway.queries.statement_texts import AT_ONCE, StatementTexts
from directflow_gateway.sql import normalise_for_telemetry

LONG = "SELECT " + ", ".join(f"'{n}' AS c{n}" for n in range(2_000))


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, threading.Thread]]:
    """What was made, and in which thread."""
    texts: list[tuple[str, threading.Thread]] = []

    def normalise(text: str) -> str:
        texts.append((text, threading.current_thread()))
        return normalise_for_telemetry(text)

    monkeypatch.setattr(statement_texts, "normalise_for_telemetry", normalise)
    return texts


async def test_a_text_is_made_once(made: list[tuple[str, threading.Thread]]) -> None:
    texts = StatementTexts()
    assert [await texts.normalised("SELECT 'a', 5") for _ in range(3)] == ["SELECT ?, ?"] * 3
    assert len(made) == 1


async def test_a_long_text_is_made_in_a_thread_while_others_go_on(made: list[tuple[str, threading.Thread]]) -> None:
    texts = StatementTexts()
    short = "SELECT 1"
    told = await asyncio.gather(texts.normalised(LONG), texts.normalised(short), texts.normalised(LONG))
    assert told[0] == told[2] == normalise_for_telemetry(LONG)
    assert len(LONG) > AT_ONCE >= len(short)
    assert {thread is threading.main_thread() for text, thread in made if text == LONG} == {False}
    assert {thread is threading.main_thread() for text, thread in made if text == short} == {True}
    assert len(texts) == 2


async def test_those_that_were_not_used_for_longest_are_forgotten_by_number(
    made: list[tuple[str, threading.Thread]],
) -> None:
    texts = StatementTexts(most_texts=2)
    for text in ("SELECT a", "SELECT b", "SELECT a", "SELECT c", "SELECT a", "SELECT b"):
        await texts.normalised(text)
    assert [text[-1] for text, _ in made] == ["a", "b", "c", "b"]
    assert len(texts) == 2


async def test_and_by_size() -> None:
    texts = StatementTexts(most_characters=100)
    for number in range(50):
        await texts.normalised(f"SELECT a{number}".ljust(40))
    assert len(texts) == 2
    await texts.normalised("x" * 101)
    assert len(texts) == 0
