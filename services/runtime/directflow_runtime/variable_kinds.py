"""The kinds that a variable may have, and which texts are values of each.

Whoever checks a value before it is bound, and whoever checks a default before it is saved, must judge alike. Only the
value's own form is judged here. A text in an integer position goes to the server, which alone knows the
position's type; `abc` for an INTEGER variable never gets that far.
"""

import calendar
import enum
import math
import re
from collections.abc import Callable, Mapping

INT64 = range(-(2**63), 2**63)
_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,6})?|NaN|[+-]?Infinity")
_UUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}|[0-9A-Fa-f]{32}")
_DATE = re.compile(r"([0-9]{4,7})-([0-9]{2})-([0-9]{2})")
_TIME = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9](?::(?:[0-5][0-9]|60)(?:\.[0-9]{1,9})?)?")
_OFFSET = re.compile(r" ?(?:Z|UTC|[+-](?:0[0-9]|1[0-5])(?::?[0-5][0-9])?)")
_INFINITE = frozenset({"infinity", "-infinity"})
BOOLEANS: Mapping[str, str] = {
    **dict.fromkeys(("true", "t", "yes", "y", "on", "1"), "true"),
    **dict.fromkeys(("false", "f", "no", "n", "off", "0"), "false"),
}


class Kind(enum.Enum):
    """The kind of a variable's value. It checks values; PostgreSQL's type comes from the place of use."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    TIMESTAMP = "timestamp"
    UUID = "uuid"


def accepts(kind: Kind, text: str) -> bool:
    """Whether `text` is a value of `kind`.

    Dates and times are ISO 8601 or infinity; words such as `today` depend on the moment and are no values.
    """
    return _CHECKS[kind](text)


def printed(value: bool | int | float) -> str:
    """A boolean or a number in the form that `accepts` judges and PostgreSQL reads."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    # PostgreSQL prints 3.0 as 3, and only 3 is readable as an integer.
    return repr(value).removesuffix(".0")


def _is_integer(text: str) -> bool:
    # Python's int() takes underscores, spaces and other scripts' digits, which PostgreSQL may not: hence the pattern.
    return _INTEGER.fullmatch(text) is not None and int(text) in INT64


def _is_date(text: str) -> bool:
    match = _DATE.fullmatch(text)
    return text in _INFINITE or (match is not None and _is_day(match))


def _is_day(match: re.Match[str]) -> bool:
    year, month, day = (int(part) for part in match.groups())
    # The calendar repeats after 400 years; Python's ends with the year 9999, PostgreSQL's does not.
    return year > 0 and 1 <= month <= 12 and 1 <= day <= calendar.monthrange(2000 + year % 400, month)[1]


def _is_timestamp(text: str) -> bool:
    day = _DATE.match(text)
    if day is None or not _is_day(day):
        return text in _INFINITE
    rest = text[day.end() :]
    time = _TIME.match(rest[1:]) if rest[:1] in {"T", " "} else None
    return rest == "" or (time is not None and _is_offset(rest[1 + time.end() :]))


def _is_offset(text: str) -> bool:
    return text == "" or _OFFSET.fullmatch(text) is not None


_CHECKS: Mapping[Kind, Callable[[str], bool]] = {
    Kind.TEXT: lambda text: True,
    Kind.INTEGER: _is_integer,
    Kind.NUMBER: lambda text: _NUMBER.fullmatch(text) is not None,
    Kind.BOOLEAN: lambda text: text.lower() in BOOLEANS,
    Kind.DATE: _is_date,
    Kind.TIMESTAMP: _is_timestamp,
    Kind.UUID: lambda text: _UUID.fullmatch(text) is not None,
}
