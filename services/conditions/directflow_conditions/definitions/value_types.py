"""Whether the values of a variable's kind can be read where the variable stands."""

import enum
from collections.abc import Mapping
from typing import Final

from directflow_runtime.variable_kinds import Kind


class Fit(enum.Enum):
    """How the values of a kind fare as a type of PostgreSQL."""

    ALWAYS = "ALWAYS"
    SOMETIMES = "SOMETIMES"
    """Some values are refused, when they are there."""
    NEVER = "NEVER"


_INTEGERS: Final = ("smallint", "integer", "bigint")
_NUMBERS: Final = ("numeric", "real", "double precision")
_TIMES: Final = ("timestamp without time zone", "timestamp with time zone")
_JUDGED: Final = frozenset({*_INTEGERS, *_NUMBERS, *_TIMES, "boolean", "date", "uuid"})
_ALWAYS: Final[Mapping[Kind, frozenset[str]]] = {
    # An INTEGER has 64 bits; that a smaller column may be too small for it is no news to anybody.
    Kind.INTEGER: frozenset({*_INTEGERS, *_NUMBERS}),
    Kind.NUMBER: frozenset(_NUMBERS),
    Kind.BOOLEAN: frozenset({"boolean"}),
    Kind.DATE: frozenset({"date", *_TIMES}),
    Kind.TIMESTAMP: frozenset({"date", *_TIMES}),
    Kind.UUID: frozenset({"uuid"}),
}
_SOMETIMES: Final[Mapping[Kind, frozenset[str]]] = {
    # PostgreSQL reads 1 as true, and 20240229 as a day.
    Kind.INTEGER: frozenset({"boolean", "date", *_TIMES}),
    Kind.NUMBER: frozenset({*_INTEGERS, "boolean", "date", *_TIMES, "uuid"}),
}


def fit(kind: Kind, type_name: str) -> Fit:
    """How values of `kind` fare as `type_name`, which is PostgreSQL's own name of a type.

    TEXT says nothing of its values, so it never fails here; a type that is not known here takes everything.
    """
    plain = type_name.split("(", 1)[0].rstrip() if type_name not in _JUDGED else type_name
    if kind is Kind.TEXT or plain not in _JUDGED or plain in _ALWAYS[kind]:
        return Fit.ALWAYS
    return Fit.SOMETIMES if plain in _SOMETIMES.get(kind, ()) else Fit.NEVER
