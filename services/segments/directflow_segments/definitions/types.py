"""Whether values of one type can stand where PostgreSQL wants another. Values travel as text that PostgreSQL reads."""

import enum
import re
from typing import Final

from directflow_runtime.variable_kinds import Kind


class Fit(enum.Enum):
    """How a value of one type does in the place of another."""

    ALWAYS = "always"
    SOMETIMES = "sometimes"
    NEVER = "never"


_KINDS: Final = {
    "smallint": Kind.INTEGER,
    "integer": Kind.INTEGER,
    "bigint": Kind.INTEGER,
    "oid": Kind.INTEGER,
    "numeric": Kind.NUMBER,
    "real": Kind.NUMBER,
    "double precision": Kind.NUMBER,
    "boolean": Kind.BOOLEAN,
    "date": Kind.DATE,
    "timestamp with time zone": Kind.TIMESTAMP,
    "timestamp without time zone": Kind.TIMESTAMP,
    "uuid": Kind.UUID,
    "text": Kind.TEXT,
    "character varying": Kind.TEXT,
    "character": Kind.TEXT,
    "bpchar": Kind.TEXT,
    "name": Kind.TEXT,
    "citext": Kind.TEXT,
}
_MODIFIERS: Final = re.compile(r"\([^)]*\)")

_TEMPORAL: Final = frozenset({Kind.DATE, Kind.TIMESTAMP})
_ALWAYS: Final = frozenset({(Kind.INTEGER, Kind.NUMBER), (Kind.DATE, Kind.TIMESTAMP), (Kind.TIMESTAMP, Kind.DATE)})


def kind_of(postgres_type: str) -> Kind | None:
    """The kind that a type's values have; None for types of which nothing is said here (arrays, enums, json, ...)."""
    return _KINDS.get(_MODIFIERS.sub("", postgres_type))


def fit(given: Kind | None, wanted: Kind | None) -> Fit:
    """Whether PostgreSQL reads values of the kind `given` as `wanted`; ALWAYS where that is not known of either."""
    if given is None or wanted in (None, Kind.TEXT, given) or (given, wanted) in _ALWAYS:
        return Fit.ALWAYS
    return Fit.NEVER if _never(given, wanted) else Fit.SOMETIMES


def fit_kind(given: Kind | None, declared: Kind) -> Fit:
    """Whether values of the kind `given` pass the check of a declared kind, which reads a date without any time."""
    if (given, declared) == (Kind.TIMESTAMP, Kind.DATE):
        return Fit.NEVER
    return fit(given, declared)


def _never(given: Kind, wanted: Kind | None) -> bool:
    match given:
        case Kind.TEXT:
            return False
        case Kind.INTEGER | Kind.NUMBER:
            return wanted is Kind.UUID
        case Kind.DATE | Kind.TIMESTAMP:
            return wanted not in _TEMPORAL
        case _:
            return True
