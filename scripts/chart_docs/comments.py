"""The comments of values.yaml, beside the keys that they stand above.

    # -- What the value means, over as many lines
    # as it takes.
    # @schema {"minimum": 1}
    replicas: 2

A section needs no comment of its own; a value does. Comments without `--` are for readers of the file alone.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import yaml

DESCRIPTION = "# -- "
SCHEMA = "# @schema "
WHOLE = ("$ref", "additionalProperties", "properties")
"""Keywords of `@schema` that say what is in a mapping: it is one value then, and its keys are the user's."""
Pairs: TypeAlias = list[tuple[yaml.ScalarNode, yaml.Node]]


class CommentError(Exception):
    """values.yaml says too little, or what nobody can read. The message names the key."""


@dataclass(frozen=True)
class Value:
    """A key of values.yaml."""

    path: tuple[str, ...]
    description: str
    schema: dict[str, Any]
    """Of `@schema`: what the type of the default cannot say."""
    default: Any
    children: "tuple[Value, ...]"
    """Of a section; a value has none, whatever its default holds."""

    @property
    def name(self) -> str:
        return ".".join(self.path)

    def leaves(self) -> Iterator["Value"]:
        if not self.children:
            yield self
        for child in self.children:
            yield from child.leaves()


def values(path: Path) -> tuple[Value, ...]:
    """The keys at the top of values.yaml. Raises CommentError."""
    text = path.read_text(encoding="utf-8")
    root = yaml.compose(text, yaml.SafeLoader)
    assert isinstance(root, yaml.MappingNode), "values.yaml is a mapping"
    return tuple(_values(root.value, yaml.safe_load(text), text.splitlines(), ()))


def leaves(path: Path) -> list[Value]:
    """Every value, in the file's order. Raises CommentError."""
    return [leaf for value in values(path) for leaf in value.leaves()]


def _values(pairs: Pairs, data: dict[str, Any], lines: list[str], above: tuple[str, ...]) -> Iterator[Value]:
    for key, node in pairs:
        path = (*above, key.value)
        description, schema = _comment(lines, key.start_mark.line, ".".join(path))
        default = data[key.value]
        is_section = isinstance(node, yaml.MappingNode) and node.value and not any(word in schema for word in WHOLE)
        children = tuple(_values(node.value, default, lines, path)) if is_section else ()
        if not children and not description:
            raise CommentError(f"{'.'.join(path)} has no comment: say above it what it means, after `{DESCRIPTION}`")
        yield Value(path, description, schema, default, children)


def _comment(lines: list[str], line: int, name: str) -> tuple[str, dict[str, Any]]:
    described: list[str] = []
    schema: dict[str, Any] = {}
    for text in _above(lines, line):
        if text.startswith(DESCRIPTION):
            described = [text.removeprefix(DESCRIPTION)]
        elif text.startswith(SCHEMA):
            schema = _read(text.removeprefix(SCHEMA), name)
        elif described:
            described.append(text.removeprefix("#").strip())
    return " ".join(described), schema


def _above(lines: list[str], line: int) -> list[str]:
    """The comment that ends just above: up to an empty line, or a line that is none."""
    first = line
    while first and lines[first - 1].strip().startswith("#"):
        first -= 1
    return [text.strip() for text in lines[first:line]]


def _read(text: str, name: str) -> dict[str, Any]:
    try:
        schema = json.loads(text)
    except ValueError as error:
        raise CommentError(f"{name}: what follows `@schema` is no JSON: {error}") from None
    if not isinstance(schema, dict):
        raise CommentError(f"{name}: what follows `@schema` is no JSON object")
    return schema
