"""Definitions as YAML: SQL in literal blocks, everything else as short as it can be said without doubt.

Our own writer, because PyYAML's gives up literal blocks for a tab or a blank at the end of a line, which SQL has.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

_PLAIN: Final = re.compile(r"[^\W\d](?:[\w .()/@+-]*[\w)])?\Z")
_NOT_TEXT: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf"})
"""What some YAML reader or other takes for something else."""
_ESCAPES: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


class Word(str):
    """A text that is written as it is: an enum's name, a duration."""

    __slots__ = ()


def yaml_text(document: Mapping[str, Any]) -> str:
    """One document, without the line that separates it from others."""
    return "\n".join(_mapping(document, "")) + "\n"


def _mapping(mapping: Mapping[str, Any], indent: str) -> Iterator[str]:
    for key, value in mapping.items():
        yield from _entry(f"{indent}{_text(key)}:", value, indent)


def _entry(head: str, value: Any, indent: str) -> Iterator[str]:
    inner = f"{indent}  "
    if isinstance(value, Mapping) and value:
        yield head
        yield from _mapping(value, inner)
    elif isinstance(value, list) and value:
        yield head
        for item in value:
            yield from _item(item, inner)
    elif isinstance(value, str) and _is_block(value):
        yield from _block(head, value, inner)
    else:
        yield f"{head} {_scalar(value)}"


def _item(item: Any, indent: str) -> Iterator[str]:
    if isinstance(item, Mapping) and item:
        first, *rest = _mapping(item, f"{indent}  ")
        yield f"{indent}- {first.removeprefix(indent + '  ')}"
        yield from rest
    else:
        yield from _entry(f"{indent}-", item, indent)


def _is_block(text: str) -> bool:
    if "\n" not in text or not text.strip():
        return False
    return all(character in "\n\t" or character.isprintable() for character in text)


def _block(head: str, text: str, indent: str) -> Iterator[str]:
    body = text.rstrip("\n")
    trailing = len(text) - len(body)
    chomping = ("-", "")[trailing] if trailing < 2 else "+"
    # A first line that begins with a blank, a tab or nothing would be taken for the indentation.
    explicit = "2" if body[0] in " \t\n" else ""
    yield f"{head} |{explicit}{chomping}"
    for line in body.split("\n"):
        yield indent + line if line else ""
    yield from [""] * (trailing - 1)


def _scalar(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case Word():
            return str(value)
        case str():
            return _text(value)
        case _:
            return "{}" if isinstance(value, Mapping) else "[]"


def _text(text: str) -> str:
    if _PLAIN.match(text) and text.lower() not in _NOT_TEXT and "\n" not in text:
        return text
    return '"' + "".join(_ESCAPES.get(character) or _escaped(character) for character in text) + '"'


def _escaped(character: str) -> str:
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
