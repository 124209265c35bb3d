"""YAML and JSON as nodes that know where they stand.

Composed, not loaded: a scalar keeps its text, so `NO`, `007` and `2024-02-29` stay what their author wrote until a
field says what it wants. Of YAML's types only those of its JSON schema (YAML 1.2) exist here.
"""

import enum
import re
from collections.abc import Iterator
from typing import Any, Final

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from directflow_cli.definitions.places import Finding, Place, Source

# libyaml where it is there: ten times faster.
_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INTEGER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)\Z")
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?\Z")
_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})
MAX_DEPTH: Final = 100
"""Of nesting: ten more than any definition needs."""


class Scalar(enum.Enum):
    """What an unquoted scalar is by its looks."""

    NULL = enum.auto()
    BOOLEAN = enum.auto()
    INTEGER = enum.auto()
    NUMBER = enum.auto()
    TEXT = enum.auto()


def documents(source: Source) -> Iterator[Node | Finding]:
    """The documents of a file; at most one finding, behind the documents that can be read."""
    if (odd := yaml.reader.Reader.NON_PRINTABLE.search(source.text)) is not None:
        yield _no_character(source, odd.start())
        return
    if unreadable := _unreadable(source):
        yield unreadable
        return
    loader = _LOADER(source.text)
    try:
        while loader.check_node():
            yield loader.get_node()
    except yaml.MarkedYAMLError as error:
        yield Finding(_sentence(error), _place(source, error.problem_mark or error.context_mark), rule="YAML")
    finally:
        loader.dispose()


def _unreadable(source: Source) -> Finding | None:
    """What must not be composed. Told from the events, because composing recurses and aliases multiply.

    A file of a million brackets would end the process, and nine aliases of nine aliases fill the memory.
    """
    depth = 0
    try:
        for event in yaml.parse(source.text, Loader=_LOADER):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_DEPTH:
                message = f"nested more than {MAX_DEPTH} deep"
                return Finding(message, _place(source, event.start_mark), rule="YAML")
            if isinstance(event, yaml.AliasEvent):
                message = f"*{event.anchor} stands for something else: definitions have no aliases"
                return Finding(message, _place(source, event.start_mark), rule="YAML", hint="write it out")
    except yaml.YAMLError:
        return None  # composing says it, after the documents before it
    return None


def _no_character(source: Source, at: int) -> Finding:
    line, column = source.text.count("\n", 0, at) + 1, at - source.text.rfind("\n", 0, at)
    message = f"U+{ord(source.text[at]):04X} cannot stand in YAML"
    return Finding(message, Place(source, line, column), rule="YAML", hint="escape it in a quoted text")


def place(source: Source, node: Node, length: int = 0) -> Place:
    """Where a node begins."""
    mark: Any = node.start_mark
    end: Any = node.end_mark
    one_line = isinstance(node, ScalarNode) and end.line == mark.line
    known = length or (end.column - mark.column if one_line else 1)
    return Place(source, mark.line + 1, mark.column + 1, max(1, known))


def looks(node: ScalarNode) -> Scalar:
    """What the scalar is; quoted, it is always text."""
    text = str(node.value)
    if node.style in ("'", '"', "|", ">"):
        return Scalar.TEXT
    if text in _NULLS:
        return Scalar.NULL
    if text in ("true", "false", "True", "False", "TRUE", "FALSE"):
        return Scalar.BOOLEAN
    if _INTEGER.match(text):
        return Scalar.INTEGER
    return Scalar.NUMBER if _NUMBER.match(text) else Scalar.TEXT


def entries(node: MappingNode) -> Iterator[tuple[Node, str, Node]]:
    """Key node, key and value of a mapping; a key that is no scalar is an empty one."""
    for key, value in node.value:
        yield key, str(key.value) if isinstance(key, ScalarNode) else "", value


def child(node: Node | None, key: str) -> Node | None:
    """The value under a key of a mapping."""
    if isinstance(node, MappingNode):
        return next((value for _, name, value in entries(node) if name == key), None)
    return None


def items(node: Node | None) -> list[Node]:
    """The elements of a list."""
    return list(node.value) if isinstance(node, SequenceNode) else []


def _sentence(error: yaml.MarkedYAMLError) -> str:
    return ", ".join(part for part in (error.problem, error.context) if part) or "this is no YAML"


def _place(source: Source, mark: Any) -> Place:
    return Place(source, mark.line + 1, mark.column + 1) if mark else Place(source, 1, 1)
