"""Columns of parameter texts as typed arrays."""

from collections.abc import Sequence
from itertools import accumulate

from directflow_gateway.sql.quoting import array_delimiter

Texts = Sequence[str | None]

_INTEGERS = frozenset({"smallint", "integer", "bigint"})


def array_text(texts: Texts, type_name: str) -> str:
    """A one-dimensional array literal of these elements, for `$n::type[]`; None is NULL."""
    plain = _plain_integers(texts) if type_name in _INTEGERS else None
    if plain is not None:
        return "{" + plain + "}"
    return "{" + array_delimiter(f"{type_name}[]").join(map(_element, texts)) + "}"


class Elements:
    """The elements of a column, written and joined once: an array of any run of them is a part of that text."""

    def __init__(self, texts: Texts, type_name: str) -> None:
        plain = _plain_integers(texts) if type_name in _INTEGERS else None
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
