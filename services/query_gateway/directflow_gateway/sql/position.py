"""Where in the author's text something is: lines and columns as an editor shows them."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from directflow_runtime.errors import MAX_TOKEN_CHARACTERS, Problem

_TOKEN = re.compile(r"""[^\W\d][\w$]*|"(?:[^"]|"")+"|[0-9][\w.]*|\$[0-9]+|[-+*/<>=~!@#%^&|`?:]+|.""", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a text. Line and column are 1-based and count characters; 0 means that there is no place."""

    line: int = 0
    column: int = 0
    token: str = ""

    def problem(self, rule: str, message: str, hint: str = "") -> Problem:
        """A problem of the template at this place."""
        return Problem(rule, message, field="template", line=self.line, column=self.column, token=self.token, hint=hint)


NOWHERE = Position()

Locator = Callable[[int], Position]
"""Turns a character offset (0-based; below 0 for none) of the text that was parsed into a place in the author's."""


def position_in(text: str, offset: int) -> Position:
    """The place of the character at `offset` (0-based) in `text`; an offset below 0 or far outside has no place."""
    if not 0 <= offset <= len(text):
        return Position()
    line = text.count("\n", 0, offset) + 1
    return Position(line, offset - text.rfind("\n", 0, offset), token_at(text, offset))


def token_at(text: str, offset: int) -> str:
    """The word or operator at `offset`, at most 64 characters. A literal is named by its quote only: it is a value."""
    match = _TOKEN.match(text, offset)
    token = match.group()[:MAX_TOKEN_CHARACTERS] if match else ""
    # A NUL or a lone surrogate must not travel on in an error: the message that reports it could not be encoded.
    return token if token.isprintable() else ""
