"""Texts of statements for spans, made once each: every literal is found by a lexer, which takes 3 ms a kilobyte."""

import asyncio
from collections import OrderedDict
from typing import Final

from directflow_gateway.sql import normalise_for_telemetry

MOST_TEXTS: Final = 2_000
MOST_CHARACTERS: Final = 8 * 1024 * 1024
"""Of all texts as they were given; what is made of them is about as long."""
AT_ONCE: Final = 256
"""A text of up to so many characters is made on the event loop, in less than a millisecond. The longest would hold up
every other call for 80 ms."""


class StatementTexts:
    """Remembers by text, least recently used out first."""

    def __init__(self, most_texts: int = MOST_TEXTS, most_characters: int = MOST_CHARACTERS) -> None:
        self._most_texts = most_texts
        self._most_characters = most_characters
        self._made: OrderedDict[str, str] = OrderedDict()
        self._characters = 0

    def __len__(self) -> int:
        return len(self._made)

    async def normalised(self, text: str) -> str:
        """The text with every literal replaced; see `normalise_for_telemetry`."""
        made = self._made.get(text)
        if made is not None:
            self._made.move_to_end(text)
            return made
        if len(text) <= AT_ONCE:
            made = normalise_for_telemetry(text)
        else:
            made = await asyncio.to_thread(normalise_for_telemetry, text)
        self._keep(text, made)
        return made

    def _keep(self, text: str, made: str) -> None:
        if text not in self._made:  # somebody may have made the same meanwhile
            self._made[text] = made
            self._characters += len(text)
        while len(self._made) > self._most_texts or self._characters > self._most_characters:
            forgotten, _ = self._made.popitem(last=False)
            self._characters -= len(forgotten)
