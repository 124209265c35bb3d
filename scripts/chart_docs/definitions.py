"""JSON Schemas of others, made ours: in one place, and closed."""

from collections.abc import Callable, Iterable
from typing import Any

Definitions = dict[str, Any]
DROPPED = frozenset({"default", "title", "description", "format"})
"""Defaults are the services' own business; titles and formats say what the key does; descriptions are long."""


def closure(names: Iterable[str], known: Definitions) -> Definitions:
    """The definitions of these names, and of all that they refer to."""
    found: Definitions = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = known[name]
            waiting.extend(referred(known[name]))
    return found


def referred(schema: Any) -> list[str]:
    """Names of the definitions that a schema refers to itself."""
    if isinstance(schema, list):
        return [name for item in schema for name in referred(item)]
    if not isinstance(schema, dict):
        return []
    own = [_name(schema["$ref"])] if isinstance(schema.get("$ref"), str) else []
    return own + [name for value in schema.values() for name in referred(value)]


def trimmed(schema: Any, renamed: Callable[[str], str]) -> Any:
    """Without what is DROPPED and without null, which TOML does not know, and by which a user of Helm removes a key;
    references lead to the `renamed` definitions."""
    if isinstance(schema, list):
        return [trimmed(item, renamed) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if isinstance(schema.get("$ref"), str):
        return {"$ref": f"#/definitions/{renamed(_name(schema['$ref']))}"}
    kept = {key: value for key, value in schema.items() if key not in DROPPED and not key.startswith("x-")}
    if "properties" in kept:  # whose keys are names, not keywords
        kept["properties"] = {name: trimmed(value, renamed) for name, value in kept["properties"].items()}
    return _without_null(
        {key: value if key == "properties" else trimmed(value, renamed) for key, value in kept.items()}
    )


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    kind = schema.get("type")
    if isinstance(kind, list):
        left = [name for name in kind if name != "null"]
        return {**schema, "type": left[0] if len(left) == 1 else left}
    for word in ("anyOf", "oneOf"):
        if word in schema:
            left = [option for option in schema[word] if option != {"type": "null"}]
            rest = {key: value for key, value in schema.items() if key != word}
            return {**rest, **left[0]} if len(left) == 1 else {**rest, word: left}
    return schema


def _name(reference: str) -> str:
    return reference.rsplit("/", 1)[1]
