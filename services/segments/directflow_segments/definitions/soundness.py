"""What can be said of a data source without asking anybody: forms, lengths, names, defaults. All of it at once."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Final

from directflow_runtime.errors import FieldViolation
from directflow_runtime.resource_names import ID
from directflow_runtime.variable_kinds import accepts, printed

from directflow_segments.data_sources import DataSource, Scalar, Variable

NAME_CHARACTERS: Final = 128
COLUMN_BYTES: Final = 63
"""PostgreSQL cuts longer names."""
DISPLAY_NAME_CHARACTERS: Final = 200
DESCRIPTION_CHARACTERS: Final = 2_000
SQL_BYTES: Final = 16 * 1024
VALUE_BYTES: Final = 64 * 1024
LIST_ELEMENTS: Final = 10_000
MOST_NAMES: Final = 1_000

NEW_ID: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}")
_CONNECTION: Final = re.compile(f"workspaces/({ID})/connections/{ID}")
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*")


def violations(data_source: DataSource, field: str) -> Iterator[FieldViolation]:
    """Everything that is wrong, by the paths of the request; `field` is where the data source stands in it."""
    yield from _connection(data_source, field)
    yield from _texts(data_source, field)
    yield from _bindings(data_source, f"{field}.bindings")
    yield from _variables(data_source.variables, f"{field}.variables")


def is_variable_name(text: str) -> bool:
    """Whether a tag can have this name."""
    return len(text) <= NAME_CHARACTERS and _VARIABLE.fullmatch(text) is not None


def _connection(data_source: DataSource, field: str) -> Iterator[FieldViolation]:
    match = _CONNECTION.fullmatch(data_source.connection)
    workspace = data_source.name.split("/")[1]
    if match is None:
        told = f"workspaces/{workspace}/connections/ and an id are needed"
        yield FieldViolation(f"{field}.connection", told, "RESOURCE_NAME")
    elif match[1] != workspace:
        told = "must be a connection of the data source's own workspace"
        yield FieldViolation(f"{field}.connection", told, "OTHER_WORKSPACE")


def _texts(data_source: DataSource, field: str) -> Iterator[FieldViolation]:
    if len(data_source.display_name) > DISPLAY_NAME_CHARACTERS:
        yield _too_long(f"{field}.display_name", f"{DISPLAY_NAME_CHARACTERS} characters")
    queries = {
        "discovery_sql": data_source.discovery_sql,
        "generator_sql": data_source.generator_sql,
        "preload_sql": data_source.preload_sql,
    }
    if not data_source.generator_sql:
        yield FieldViolation(f"{field}.generator_sql", "must be set", "REQUIRED")
    for name, sql in queries.items():
        if _bytes(sql) > SQL_BYTES:
            yield _too_long(f"{field}.{name}", "16 KiB")
    if _bytes(data_source.key_column) > COLUMN_BYTES:
        yield _too_long(f"{field}.key_column", f"{COLUMN_BYTES} bytes")


def _bindings(data_source: DataSource, field: str) -> Iterator[FieldViolation]:
    if len(data_source.bindings) > MOST_NAMES:
        yield FieldViolation(field, f"at most {MOST_NAMES} bindings", "TOO_MANY")
        return
    for name, column in sorted(data_source.bindings.items()):
        where = f"{field}.{name[:NAME_CHARACTERS]}"
        if not is_variable_name(name):
            yield _no_name(where)
        if not column:
            yield FieldViolation(where, "names no discovery column", "REQUIRED")
        if _bytes(column) > COLUMN_BYTES:
            yield _too_long(where, f"{COLUMN_BYTES} bytes")


def _variables(variables: tuple[Variable, ...], field: str) -> Iterator[FieldViolation]:
    if len(variables) > MOST_NAMES:
        yield FieldViolation(field, f"at most {MOST_NAMES} variables", "TOO_MANY")
        return
    counts = Counter(variable.name for variable in variables)
    for index, variable in enumerate(variables):
        where = f"{field}[{index}]"
        if not is_variable_name(variable.name):
            yield _no_name(f"{where}.variable.name")
        elif counts[variable.name] > 1:
            yield FieldViolation(f"{where}.variable.name", f"{variable.name} is declared twice", "DUPLICATE")
        if len(variable.description) > DESCRIPTION_CHARACTERS:
            yield _too_long(f"{where}.description", f"{DESCRIPTION_CHARACTERS} characters")
        complaint = _complaint(variable)
        if complaint:
            yield FieldViolation(f"{where}.default_value", *complaint)


def _complaint(variable: Variable) -> tuple[str, str] | None:
    """Why the default is none for this variable; its text is not shown, for it is a value."""
    value = variable.default
    if value is None:
        return None
    if variable.is_list != isinstance(value, tuple):
        told = "must be a list" if variable.is_list else "must be a single value, for the variable is no list"
        return f"{told}", "WRONG_TYPE"
    elements = value if isinstance(value, tuple) else (value,)
    if len(elements) > LIST_ELEMENTS or sum(_size(element) for element in elements) > VALUE_BYTES:
        return "at most 10,000 elements and 64 KiB", "TOO_LONG"
    if not all(element is None or accepts(variable.kind, _text(element)) for element in elements):
        kind = variable.kind
        return f"is not a valid {'list of ' if variable.is_list else ''}{kind.value}", "KIND_MISMATCH"
    return None


def _text(element: bool | int | float | str) -> str:
    return element if isinstance(element, str) else printed(element)


def _size(element: Scalar) -> int:
    return 0 if element is None else _bytes(_text(element))


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _no_name(field: str) -> FieldViolation:
    told = "letters, digits and underscores, not a digit first; parts may be joined by dots; at most 128 characters"
    return FieldViolation(field, told, "VARIABLE_NAME")


def _too_long(field: str, most: str) -> FieldViolation:
    return FieldViolation(field, f"at most {most}", "TOO_LONG")
