"""Looking for words that must not be anywhere, in every shape in which they could be written down."""

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote

SHOWN_CHARACTERS = 60
LEAST_FOR_BASE64 = 12
"""Characters of a word whose base64 is long enough to be nobody else's."""


@dataclass(frozen=True)
class Hit:
    """A word in an output; shown with what stands around it, because it is a test's own."""

    word: str
    output: str
    around: str


def found(words: Mapping[str, str], outputs: Iterable[tuple[str, bytes]]) -> list[Hit]:
    """Every word (by what it is) that is in an output (by its name), plain, escaped or encoded."""
    shapes = [(name, shape) for name, word in words.items() for shape in shapes_of(word)]
    return [
        Hit(name, output, around(content, at, len(shape)))
        for output, content in outputs
        for name, shape in shapes
        if (at := content.find(shape)) >= 0
    ]


def shapes_of(word: str) -> set[bytes]:
    """As it is, as JSON, in a URL, in hexadecimal digits, and in base64 wherever it begins."""
    plain = word.encode()
    shapes = {plain, json.dumps(word)[1:-1].encode(), quote(word, safe="").encode(), plain.hex().encode()}
    return shapes | (set(_in_base64(plain)) if len(plain) >= LEAST_FOR_BASE64 else set())


def _in_base64(plain: bytes) -> Iterator[bytes]:
    """The part that does not depend on what stands before and behind, for each of three offsets."""
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + plain)
        yield encoded[(before * 8 + 5) // 6 : (len(plain) + before) // 3 * 4]


def around(content: bytes, at: int, length: int) -> str:
    return content[max(0, at - SHOWN_CHARACTERS) : at + length + SHOWN_CHARACTERS].decode(errors="replace")
