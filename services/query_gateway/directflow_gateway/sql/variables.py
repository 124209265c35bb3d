"""A template's variables, and their values as PostgreSQL reads them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from directflow_gateway.sql.kinds import BOOLEANS, Kind, accepts, printed
from directflow_gateway.sql.limits import DEFAULT
from directflow_gateway.sql.refusal import variable_rejected

RESERVED_PREFIX = "_df_"
"""Names that begin so are ours: in the SQL around the author's, and among the variables."""

NAME = r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*"
MAX_NAME_CHARACTERS = 128
_NAME = re.compile(NAME)


@dataclass(frozen=True, slots=True)
class Variable:
    """A declared variable. The elements of a list are of `kind`."""

    name: str
    kind: Kind = Kind.TEXT
    is_list: bool = False


Scalar = bool | int | float | str
VariableValue = None | Scalar | Sequence[Scalar | None]


def is_name(text: str) -> bool:
    """Whether `text` can stand in a tag: words of ASCII letters, digits and underscores, joined by dots."""
    return len(text) <= MAX_NAME_CHARACTERS and _NAME.fullmatch(text) is not None


def element_texts(
    variable: Variable, value: VariableValue, max_bytes: int = DEFAULT.max_value_bytes
) -> list[str | None]:
    """The elements of a list variable's value in PostgreSQL's text form; None is an element that is NULL.

    `max_bytes` holds for the whole list. Raises VARIABLE_REJECTED.
    """
    if not isinstance(value, list | tuple):
        raise variable_rejected(variable.name, "is declared as a list and got a single value", "NOT_A_LIST")
    texts: list[str | None] = []
    left = max_bytes
    for element in value:
        text = None if element is None else scalar_text(variable, element, max_bytes)
        left -= 1 + (len(text.encode()) if text else 0)
        if left < 0:
            raise _too_long(variable, max_bytes)
        texts.append(text)
    return texts


def scalar_text(variable: Variable, value: VariableValue, max_bytes: int = DEFAULT.max_value_bytes) -> str:
    """The text form of one scalar, as PostgreSQL reads and prints it. Raises VARIABLE_REJECTED.

    A text stays what it is, byte for byte; booleans become true and false.
    """
    if isinstance(value, str):
        _check_characters(variable, value, max_bytes)
        text = value
    elif isinstance(value, bool | int | float):
        text = _number_text(variable, value)
    else:
        raise variable_rejected(variable.name, "is not a text, a number or a boolean", "WRONG_TYPE")
    if not accepts(variable.kind, text):
        raise variable_rejected(variable.name, f"is not a valid {variable.kind.value}", "KIND_MISMATCH")
    return BOOLEANS[text.lower()] if variable.kind is Kind.BOOLEAN else text


def _check_characters(variable: Variable, value: str, max_bytes: int) -> None:
    # len() first: a value of 64 MiB must not be encoded only to be refused.
    if len(value) > max_bytes:
        raise _too_long(variable, max_bytes)
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise variable_rejected(variable.name, "is not valid Unicode", "INVALID_UTF8")
    if len(value.encode()) > max_bytes:
        raise _too_long(variable, max_bytes)
    if "\x00" in value:
        # PostgreSQL's text has no NUL, and C code on the way would silently end the statement there.
        raise variable_rejected(variable.name, "contains a NUL character", "NUL_BYTE")


def _number_text(variable: Variable, value: bool | int | float) -> str:
    # Python refuses to print integers of more than 4,300 digits with a ValueError of its own.
    if isinstance(value, int) and value.bit_length() > 4096:
        raise variable_rejected(variable.name, "is too large a number", "KIND_MISMATCH")
    return printed(value)


def _too_long(variable: Variable, max_bytes: int) -> Exception:
    return variable_rejected(variable.name, f"is longer than {max_bytes} bytes", "TOO_LONG")
