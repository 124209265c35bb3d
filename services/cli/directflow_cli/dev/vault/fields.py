"""Reads the fields of a request's body as Vault does: lists may come as "a,b", durations as 20, "20" or "1h30m"."""

import re
from collections.abc import Mapping
from typing import Any

from directflow_cli.dev.vault.refusal import Refused

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")


def text(body: Mapping[str, Any], name: str, default: str = "") -> str:
    value = body.get(name, default)
    if not isinstance(value, str):
        raise Refused(400, f"Field validation failed: error converting input for field {name!r}")
    return value


def flag(body: Mapping[str, Any], name: str, default: bool = False) -> bool:
    value = body.get(name, default)
    return value if isinstance(value, bool) else str(value).lower() == "true"


def texts(body: Mapping[str, Any], *names: str) -> tuple[str, ...]:
    """The first of these fields that is there."""
    value = next((body[name] for name in names if body.get(name)), ())
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return tuple(str(part) for part in value)


def statements(body: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """SQL: a text is one statement, or several, whatever commas it has."""
    value = body.get(name) or ()
    return (value,) if isinstance(value, str) else tuple(str(part) for part in value)


def seconds(body: Mapping[str, Any], *names: str) -> float:
    """A duration; 0 when none of the fields is there."""
    value = next((body[name] for name in names if body.get(name)), 0)
    if isinstance(value, int | float):
        return float(value)
    if str(value).isdigit():
        return float(value)
    parts = DURATION.findall(str(value))
    if not parts or "".join(number + unit for number, unit in parts) != value:
        raise Refused(400, f"Field validation failed: error converting input for field {names[0]!r}")
    return sum(float(number) * UNITS[unit] for number, unit in parts)
