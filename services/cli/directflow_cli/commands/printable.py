"""Text from a database or a service, made harmless for a terminal.

An escape sequence in somebody's first name could rewrite what the terminal shows, or worse. rich removes five control
characters and leaves ESC alone.
"""

import unicodedata
from typing import Final

_DIRECTIONS: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Bidirectional overrides: they make a line read as what it is not."""


def printable(text: str) -> str:
    """The text with control characters, direction overrides and lone surrogates written out."""
    return text if text.isprintable() else "".join(map(_shown, text))


def _shown(character: str) -> str:
    if character in _DIRECTIONS or unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp"):
        return character.encode("unicode_escape").decode("ascii")
    return character
