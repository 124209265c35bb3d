"""Columns of parameter texts as typed arrays, and which texts PostgreSQL will certainly read as their type.

One element that cannot be read fails the whole array, and the server does not say which. So texts that may be refused
are found here and run alone; the server stays the judge of what they are.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from types import MappingProxyType

from directflow_gateway.sql.kinds import Kind, accepts
from directflow_gateway.sql.quoting import array_delimiter

Texts = Sequence[str | None]

_DIGITS = {"smallint": 4, "integer": 9, "bigint": 18}
"""So many digits always fit."""
_INTEGER = re.compile(r"-?[0-9]+")
_DECIMAL = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,15})?")
_UUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_ANY_TEXT = frozenset({"text", "character varying", "bpchar", "name"})


def array_text(texts: Texts, type_name: str) -> str:
    """A one-dimensional array literal of these elements, for `$n::type[]`; None is NULL."""
    plain = _plain_integers(texts) if type_name in _DIGITS else None
    if plain is not None:
        return "{" + plain + "}"
    return "{" + array_delimiter(f"{type_name}[]").join(map(_element, texts)) + "}"


class Elements:
    """The elements of a column, written and joined once: an array of any run of them is a part of that text."""

    def __init__(self, texts: Texts, type_name: str) -> None:
        plain = _plain_integers(texts) if type_name in _DIGITS else None
        elements = list(map(_element, texts)) if plain is None else plain.split(",")
        self._joined = array_delimiter(f"{type_name}[]").join(elements) if plain is None else plain
        self._characters = [0, *accumulate(map(len, elements))]
        """Of so many elements from the first, without delimiters."""

    def array_text(self, start: int, stop: int) -> str:
        """What `array_text` says of the elements from `start` to before `stop`, of which there is one at least."""
        before, behind = self._characters[start] + start, self._characters[stop] + stop - 1
        return "{" + self._joined[before:behind] + "}"


def _plain_integers(texts: Texts) -> str | None:
    """Digits joined by commas need no quotes. Checked once more as a whole: an element with a comma in it would move
    everybody behind it to another tuple's place."""
    try:
        joined = ",".join(texts)  # type: ignore[arg-type]
    except TypeError:  # a NULL among them
        return None
    digits = joined.replace(",", "").replace("-", "")
    is_plain = digits.isascii() and digits.isdigit() and joined.count(",") == len(texts) - 1 and all(texts)
    return joined if is_plain else None


def _element(text: str | None) -> str:
    if text is None:
        return "NULL"
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def certainly_castable(texts: Texts, type_name: str) -> Sequence[bool] | None:
    """For each text whether PostgreSQL certainly reads it as `type_name`; None where all are, or where we cannot tell.

    NULL always is. Of a type whose input we do not know, all are sent, and a failure is isolated afterwards.
    """
    if type_name in _ANY_TEXT:
        return None
    if type_name in _DIGITS:
        return _certain_integers(texts, _DIGITS[type_name])
    check = _CHECKS.get(type_name)
    if check is None:
        return None
    return [text is None or check(text) for text in texts]


def is_known(type_name: str) -> bool:
    """Whether `certainly_castable` can tell for this type."""
    return type_name in _ANY_TEXT or type_name in _DIGITS or type_name in _CHECKS


def _certain_integers(texts: Texts, digits: int) -> Sequence[bool] | None:
    try:
        joined = "".join(texts)  # type: ignore[arg-type]
    except TypeError:  # a NULL among them
        joined = "?"
    if joined.isascii() and joined.isdigit() and all(texts) and len(max(texts, key=len)) <= digits:  # type: ignore[arg-type]
        return None
    return [text is None or _is_integer(text, digits) for text in texts]


def _is_integer(text: str, digits: int) -> bool:
    if text.isdigit():
        return len(text) <= digits and text.isascii()
    return len(text) <= digits and _INTEGER.fullmatch(text) is not None


_CHECKS: Mapping[str, Callable[[str], bool]] = MappingProxyType(
    {
        "numeric": lambda text: _DECIMAL.fullmatch(text) is not None,
        "real": lambda text: _DECIMAL.fullmatch(text) is not None,
        "double precision": lambda text: _DECIMAL.fullmatch(text) is not None,
        "boolean": lambda text: text in {"t", "f", "true", "false"},
        "uuid": lambda text: _UUID.fullmatch(text) is not None,
        "date": lambda text: len(text) == 10 and accepts(Kind.DATE, text),
        "timestamp without time zone": lambda text: len(text) == 10 and accepts(Kind.DATE, text),
        "timestamp with time zone": lambda text: len(text) == 10 and accepts(Kind.DATE, text),
    }
)
