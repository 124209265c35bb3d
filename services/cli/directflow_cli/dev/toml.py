"""Writes the few kinds of TOML that our settings files need; the standard library only reads it."""

import json
from collections.abc import Mapping, Sequence

Scalar = str | int | float | bool
Setting = Scalar | Sequence[str]


def section(name: str, settings: Mapping[str, Setting]) -> str:
    """`[name]` and its settings."""
    return f"[{name}]\n" + _lines(settings)


def element(name: str, settings: Mapping[str, Setting]) -> str:
    """`[[name]]` and its settings: one more element of a list."""
    return f"[[{name}]]\n" + _lines(settings)


def _lines(settings: Mapping[str, Setting]) -> str:
    return "".join(f"{name} = {_value(value)}\n" for name, value in settings.items()) + "\n"


def _value(value: Setting) -> str:
    """JSON's strings, numbers, booleans and arrays are TOML's, but for DEL, which TOML wants escaped."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
