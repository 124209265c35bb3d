"""How a value is written inside an array literal or a JSON literal so that it stays one value.

PostgreSQL's own SQL quoting is not needed: a literal travels as a parameter. But a value that is joined into '{...}'
could add elements or keys, so it is written as one array element or one JSON string, by the rules of array_in and of
RFC 8259, depending on where in the literal its tag stands.
"""

import enum
import json
import re
from collections.abc import Sequence
from decimal import Decimal

from directflow_gateway.sql.kinds import Kind

_JSON_SCALAR = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null")


class Quoting(enum.Enum):
    """The place of a tag inside a literal."""

    RAW = "raw"
    """No structure around it: the value is joined as it is."""
    ARRAY_ELEMENT = "array element"
    ARRAY_QUOTED = "inside the quotes of an array element"
    ARRAY_GLUED = "part of an array element without quotes"
    JSON_VALUE = "JSON value"
    JSON_KEY = "JSON key without quotes"
    JSON_STRING = "inside a JSON string"


def quote(text: str, quoting: Quoting, kind: Kind) -> str:
    """`text` as it must be written at that place."""
    match quoting:
        case Quoting.RAW:
            return text
        case Quoting.ARRAY_ELEMENT:
            return array_element(text)
        case Quoting.ARRAY_QUOTED:
            return _backslashed(text, '"\\')
        case Quoting.ARRAY_GLUED:
            # Each character: a brace, a comma, outer white space and the word NULL all mean something unquoted.
            return "".join("\\" + character for character in text)
        case Quoting.JSON_VALUE:
            return _json_value(text, kind)
        case Quoting.JSON_KEY:
            return json.dumps(text, ensure_ascii=False)
        case Quoting.JSON_STRING:
            return json.dumps(text, ensure_ascii=False)[1:-1]


def array_element(text: str) -> str:
    """One element of an array literal. Always in quotes, so that NULL stays a text."""
    return '"' + _backslashed(text, '"\\') + '"'


def array_literal(elements: Sequence[str | None], delimiter: str = ",") -> str:
    """A one-dimensional array literal; None is NULL."""
    return "{" + delimiter.join("NULL" if item is None else array_element(item) for item in elements) + "}"


def array_delimiter(type_name: str) -> str:
    """What separates the elements in the text form of this array type: a comma, except for box[]."""
    return ";" if type_name in {"box[]", "pg_catalog.box[]"} else ","


def _backslashed(text: str, characters: str) -> str:
    return "".join("\\" + character if character in characters else character for character in text)


def _json_value(text: str, kind: Kind) -> str:
    """Numbers, booleans and null keep their JSON type; an object or an array as a value becomes a string."""
    if kind in {Kind.DATE, Kind.TIMESTAMP, Kind.UUID}:
        return json.dumps(text)
    if kind in {Kind.INTEGER, Kind.NUMBER}:
        text = _json_number(text)
    return text if _JSON_SCALAR.fullmatch(text) else json.dumps(text, ensure_ascii=False)


def _json_number(text: str) -> str:
    """+5, 007 and .5 are numbers to PostgreSQL and not to JSON. NaN and Infinity have no number in JSON."""
    number = Decimal(text)
    return str(number) if number.is_finite() else text
