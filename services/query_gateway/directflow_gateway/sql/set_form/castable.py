"""Which texts PostgreSQL will certainly read as their type, whatever the session's DateStyle, TimeZone and version.

One element that cannot be read fails the whole array, and the server does not say which. What is not certain here is
not wrong yet: the server is asked, or the tuple runs alone. So a text may be doubted for nothing, but none may be
certain and then fail; tests/query_gateway/sql/test_castable_on_postgres.py asks PostgreSQL about thousands.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from types import MappingProxyType

from directflow_gateway.sql.kinds import BOOLEANS

Texts = Sequence[str | None]

_ANY_TEXT = frozenset({"text", "character varying", "bpchar", "name"})
_INTEGERS: Mapping[str, int] = MappingProxyType({"smallint": 2**15, "integer": 2**31, "bigint": 2**63})
"""The first integer that is too large; its negative is the least that fits."""
_LONGEST_INTEGER = 40
"""In characters, with leading zeros: Python takes quadratic time over long ones, and refuses them at 4,300 digits."""
_INTEGER = re.compile(r"[+-]?[0-9]+")
_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,400}(?:\.[0-9]{0,400})?|\.[0-9]{1,400})(?:[eE][+-]?[0-9]{1,3})?")
_NO_NUMBERS = frozenset({"NaN", "Infinity", "-Infinity"})
"""As DirectFlow prints them. Since PostgreSQL 14 also of numeric."""
_ZERO = re.compile(r"[+-]?[0.]+(?:[eE].*)?")
_UUID = re.compile(r"[0-9A-Fa-f]{8}-?(?:[0-9A-Fa-f]{4}-?){3}[0-9A-Fa-f]{12}")
_MOMENT = re.compile(
    r"((?!0000)[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01]))"
    r"(?:[T ](?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,6})?)?"
    r"(?:Z| ?[+-](?:0[0-9]|1[0-4])(?::?[0-5][0-9])?)?)?"
)
"""With the year first and of four digits, which every DateStyle reads alike."""
_ENDLESS = frozenset({"infinity", "-infinity"})
_EVERY_MONTH_HAS = "28"


def certainly_castable(texts: Texts, type_name: str) -> Sequence[bool] | None:
    """For each text whether PostgreSQL certainly reads it as `type_name`; None where all are, or where we cannot tell.

    NULL always is. Of a type whose input we do not know, all are sent, and a failure is isolated afterwards.
    """
    limit = _INTEGERS.get(type_name)
    if limit is not None:
        return None if _are_digits_below(texts, limit) else [text is None or _is_integer(text, limit) for text in texts]
    check = _CHECKS.get(type_name)
    return None if check is None else [text is None or check(text) for text in texts]


def is_known(type_name: str) -> bool:
    """Whether `certainly_castable` can tell for this type."""
    return type_name in _ANY_TEXT or type_name in _INTEGERS or type_name in _CHECKS


def _are_digits_below(texts: Texts, limit: int) -> bool:
    """Most columns of keys: judged at once."""
    try:
        joined = "".join(texts)  # type: ignore[arg-type]
    except TypeError:  # a NULL among them
        return False
    if not (joined.isascii() and joined.isdigit() and all(texts)):
        return False
    longest = len(max(texts, key=len))  # type: ignore[arg-type]
    return longest < len(str(limit)) or (longest <= _LONGEST_INTEGER and max(map(int, texts)) < limit)  # type: ignore[arg-type]


def _is_integer(text: str, limit: int) -> bool:
    # int() alone would take underscores, spaces and other scripts' digits.
    short = len(text) <= _LONGEST_INTEGER and _INTEGER.fullmatch(text) is not None
    return short and -limit <= int(text) < limit


def _is_numeric(text: str) -> bool:
    """Far below the 131,072 digits that a numeric may have: 400, and an exponent of three."""
    return _NUMBER.fullmatch(text) is not None or text in _NO_NUMBERS


def _is_float(text: str, least: float, largest: float) -> bool:
    """Well within what does not overflow, and what does not become zero: PostgreSQL refuses both."""
    if _NUMBER.fullmatch(text) is None:
        return text in _NO_NUMBERS
    return least <= abs(float(text)) <= largest or _ZERO.fullmatch(text) is not None


def _is_moment(text: str) -> bool:
    """A day, or a time of it, in ISO 8601: PostgreSQL reads either as a date and as a timestamp of both kinds."""
    match = _MOMENT.fullmatch(text)
    return text in _ENDLESS if match is None else text[8:10] <= _EVERY_MONTH_HAS or _is_day(match[1])


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


_CHECKS: Mapping[str, Callable[[str], bool]] = MappingProxyType(
    {
        "numeric": _is_numeric,
        "real": lambda text: _is_float(text, 1e-37, 1e38),
        "double precision": lambda text: _is_float(text, 1e-307, 1e308),
        "boolean": lambda text: text.lower() in BOOLEANS and text.isascii(),
        "uuid": lambda text: _UUID.fullmatch(text) is not None,
        "date": _is_moment,
        "timestamp without time zone": _is_moment,
        "timestamp with time zone": _is_moment,
    }
)
