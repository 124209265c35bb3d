"""`--var name=text` and `--var name:=json`: values for variables, from the command line to the wire."""

import json
from collections.abc import Iterable
from typing import Any

import typer
from directflow.sql.v1 import sql_pb2

_INT64 = range(-(2**63), 2**63)


def values_from(given: Iterable[str]) -> dict[str, sql_pb2.Value]:
    """The values by name. BadParameter, which shows no value, for what is none."""
    values: dict[str, sql_pb2.Value] = {}
    for text in given:
        name, value = _parsed(text)
        if name in values:
            raise typer.BadParameter(f"the variable {name} is given twice")
        values[name] = value
    return values


def value_of(value: Any) -> sql_pb2.Value:
    """One value on the wire; TypeError for an object. Integers beyond 64 bits travel as text, which loses nothing."""
    if isinstance(value, list):
        return sql_pb2.Value(list=sql_pb2.ValueList(values=[_scalar(element) for element in value]))
    return _scalar(value)


def _parsed(text: str) -> tuple[str, sql_pb2.Value]:
    name, separator, raw = text.partition("=")
    if not separator or not name.strip(":"):
        raise typer.BadParameter("a variable is given as name=text, or as name:=JSON")
    if not name.endswith(":"):
        return name, sql_pb2.Value(text=raw)
    name = name[:-1]
    try:
        return name, value_of(json.loads(raw))
    except (ValueError, TypeError):
        raise typer.BadParameter(f"the value of {name} is no JSON scalar or list of scalars") from None


def _scalar(value: Any) -> sql_pb2.Value:
    match value:
        case None:
            return sql_pb2.Value(null=True)
        case bool():
            return sql_pb2.Value(boolean=value)
        case int():
            return sql_pb2.Value(integer=value) if value in _INT64 else sql_pb2.Value(text=str(value))
        case float():
            return sql_pb2.Value(number=value)
        case str():
            return sql_pb2.Value(text=value)
        case _:
            raise TypeError(f"a {type(value).__name__} is no value of a variable")
